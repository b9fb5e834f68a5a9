//! The target of the events, checked before anything starts.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use heartline_zookeeper::{place, server_list};
use ureq::http::Uri;

/// Kafka's default port for clients.
const KAFKA_PORT: u16 = 9092;
/// Kafka's own limit on the length of a topic's name.
const LONGEST_TOPIC: usize = 249;

/// The target of the events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Stdout,
    File(PathBuf),
    Kafka(Topic),
    /// Whatever takes events by HTTP.
    Webhook(WebhookUrl),
}

/// The address of a receiver. Part of it may be a secret, so that it is shown without path.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct WebhookUrl(pub(super) String);

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let uri: Option<Uri> = self.0.parse().ok();
        let (scheme, host) = uri.as_ref().map_or(("http", ""), |uri| {
            let host = uri.authority().map_or("", |host| host.as_str());
            (uri.scheme_str().unwrap_or("http"), host)
        });
        write!(f, "{scheme}://{host}/…")
    }
}

/// A topic, and the brokers to contact first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) brokers: Vec<String>,
    pub(super) name: String,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "kafka://{}/{}", self.brokers.join(","), self.name)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stdout => f.write_str("stdout"),
            Self::File(path) => path.display().fmt(f),
            Self::Kafka(topic) => topic.fmt(f),
            Self::Webhook(url) => fmt::Display::fmt(url, f),
        }
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "-" {
            return Ok(Self::Stdout);
        }
        if let Some(place) = text.strip_prefix("kafka:") {
            return topic(place).map(Self::Kafka);
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return webhook(text).map(Self::Webhook);
        }
        if let Some((scheme, _)) = text.split_once("://")
            && scheme != "file"
        {
            return Err(format!(
                "'{scheme}' is not supported; write kafka://HOST:PORT/TOPIC, https://HOST/PATH, file:PATH, a path, or - for stdout"
            ));
        }
        let path = text.strip_prefix("file:").unwrap_or(text);
        // The host in a file URL must be this machine, or empty.
        let path = path.strip_prefix("//localhost/").map_or_else(
            || path.strip_prefix("//").unwrap_or(path).to_owned(),
            |rest| format!("/{rest}"),
        );
        if path.is_empty() || path.ends_with('/') {
            return Err(format!("'{text}' names no file; write file:PATH or a path"));
        }
        Ok(Self::File(path.into()))
    }
}

/// Checks an address of a receiver.
fn webhook(text: &str) -> Result<WebhookUrl, String> {
    const WANTED: &str = "write https://HOST[:PORT]/PATH";
    let uri: Uri = text
        .parse()
        .map_err(|wrong| format!("the address is wrong: {wrong}; {WANTED}"))?;
    let authority = uri.authority().map_or("", |host| host.as_str());
    if authority.contains('@') {
        return Err(format!(
            "a name or password in the address can be seen by others; {WANTED}, and --webhook-header-file"
        ));
    }
    if uri.host().is_none_or(str::is_empty) || text.contains('#') {
        return Err(format!("the address has no host, or has a '#'; {WANTED}"));
    }
    Ok(WebhookUrl(text.to_owned()))
}

/// Parses `//HOST[:PORT],…/TOPIC`.
fn topic(written: &str) -> Result<Topic, String> {
    const WANTED: &str = "write kafka://HOST:PORT/TOPIC, several hosts with commas, as in kafka://k1:9092,k2:9092/heartline";
    let list = written.strip_prefix("//");
    if list.is_some_and(|list| list.contains("://")) {
        return Err(format!("'kafka:{written}' has a second '://'; {WANTED}"));
    }
    let parts = list.and_then(|at| at.split_once('/'));
    let (hosts, name) = parts.ok_or_else(|| format!("the topic is missing; {WANTED}"))?;
    let brokers = server_list(hosts, KAFKA_PORT, WANTED)?;
    let brokers = brokers.iter().map(|(host, port)| place(host, *port));
    let brokers = brokers.collect();
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if name.is_empty() || matches!(name, "." | "..") || !name.chars().all(legal) {
        return Err(format!(
            "'{name}' is not a topic name; use letters, digits, dots, dashes and underscores; {WANTED}"
        ));
    }
    if name.len() > LONGEST_TOPIC {
        return Err(format!(
            "a topic's name has at most {LONGEST_TOPIC} characters; {WANTED}"
        ));
    }
    Ok(Topic {
        brokers,
        name: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stdout_files_and_topics_are_distinguished() {
        let parse = |text: &str| text.parse::<Target>().map(|target| target.to_string());
        for (text, target) in [
            ("-", "stdout"),
            ("events.json", "events.json"),
            ("file:events.json", "events.json"),
            ("file:///var/log/events", "/var/log/events"),
            ("file://localhost/var/log/events", "/var/log/events"),
            ("kafka://k1/heartline", "kafka://k1:9092/heartline"),
            (
                "https://hooks.example/services/secret?a=b",
                "https://hooks.example/…",
            ),
            ("http://[::1]:9093/api/v2/alerts", "http://[::1]:9093/…"),
            (
                "kafka://k1:1,[::1]/a.b-c_d",
                "kafka://k1:1,[::1]:9092/a.b-c_d",
            ),
            ("kafka://k1, k2:1 ,/a", "kafka://k1:9092,k2:1/a"),
            ("kafka://[fe80::1%eth0]:1/a", "kafka://[fe80::1%eth0]:1/a"),
        ] {
            assert_eq!(parse(text).as_deref(), Ok(target), "{text}");
        }
    }

    #[test]
    fn what_is_no_target_is_refused_with_what_to_write() {
        for wrong in [
            "",
            "file:",
            "folder/",
            "ftp://a/b",
            "https://user:secret@a/b",
            "https://",
            "http:///b",
            "http://a b/",
            "http://a/#b",
            "kafka:a",
            "kafka://a",
            "kafka:///topic",
            "kafka://a/",
            "kafka://a/b/c",
            "kafka://a/..",
            "kafka://a:0/b",
            "kafka://,a/b",
            "kafka://a;b/c",
            "kafka://a b/c",
            "kafka://PLAINTEXT://a:9092/b",
        ] {
            let reason = wrong.parse::<Target>().unwrap_err();
            assert!(reason.contains("write "), "{wrong}: {reason}");
        }
        let long = format!("kafka://a/{}", "x".repeat(250));
        assert!(long.parse::<Target>().is_err());
    }
}
