//! The receiver of events, and one request to it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ureq::Agent;
use ureq::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ureq::tls::{RootCerts, TlsConfig};

use crate::probe::certificates;
use heartline_core::text;
use heartline_process::files;

/// How long a connection, and a whole request with its answer, may take.
const LIMITS: PostLimits = PostLimits {
    connect: Duration::from_secs(10),
    whole: Duration::from_secs(30),
};
/// The longest pause that a receiver may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// The longest answer that is read, in bytes: it may explain an error.
const MOST_OF_ANSWER: u64 = 16 * 1024;
/// The longest part of it that is shown, in characters.
const MOST_SHOWN: usize = 200;
/// Maximum number of further headers.
const MOST_HEADERS: usize = 50;

/// Time limits of a request.
#[derive(Clone, Copy, Debug)]
pub(super) struct PostLimits {
    pub(super) connect: Duration,
    pub(super) whole: Duration,
}

/// How the receiver is reached, by the user's options.
#[derive(Clone, Debug)]
pub(in crate::events) struct WebhookOptions {
    /// Where to post.
    pub(in crate::events) url: String,
    /// The file with the certificates to trust instead of the usual ones.
    pub(in crate::events) ca: Option<PathBuf>,
    /// The file with further headers.
    pub(in crate::events) headers: Option<PathBuf>,
}

/// A receiver.
#[derive(Debug)]
pub(in crate::events) struct Receiver {
    agent: Agent,
    url: String,
    headers: HeaderMap,
}

/// Why a request was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PostFailure {
    /// A later attempt may succeed; the receiver may have said when.
    Again {
        why: String,
        after: Option<Duration>,
    },
    /// No later attempt can succeed.
    Over(String),
}

impl Receiver {
    /// A receiver by the user's options; an error says which of them is wrong.
    pub(in crate::events) fn new(options: &WebhookOptions) -> Result<Self, String> {
        Self::within(options, LIMITS)
    }

    /// The same with other time limits.
    pub(super) fn within(options: &WebhookOptions, limits: PostLimits) -> Result<Self, String> {
        let roots = match &options.ca {
            None => RootCerts::WebPki,
            Some(path) => {
                let shown = path.display();
                let read = files::read_named(path, files::SMALL)
                    .map_err(|error| format!("--webhook-ca {shown} cannot be read: {error}"))?;
                let certificates = certificates(&read.bytes);
                if certificates.is_empty() {
                    return Err(format!(
                        "--webhook-ca {shown} has no certificate; it begins with -----BEGIN CERTIFICATE-----"
                    ));
                }
                RootCerts::Specific(Arc::new(certificates))
            }
        };
        let agent = Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .timeout_connect(Some(limits.connect))
            .timeout_global(Some(limits.whole))
            // A secret in a header must not go elsewhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            .user_agent("heartline-events")
            .build();
        Ok(Self {
            agent: agent.into(),
            url: options.url.clone(),
            headers: match &options.headers {
                None => HeaderMap::new(),
                Some(path) => {
                    let bytes = files::read_secret("--webhook-header-file", path)?;
                    let headers = headers(&String::from_utf8_lossy(&bytes));
                    headers
                        .map_err(|why| format!("--webhook-header-file {}: {why}", path.display()))?
                }
            },
        })
    }

    /// Posts a body of JSON once.
    pub(super) fn post(&self, body: &str) -> Result<(), PostFailure> {
        let mut request = self
            .agent
            .post(&self.url)
            .header(CONTENT_TYPE, "application/json");
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut answer = request.send(body).map_err(|error| failure(&error))?;
        let status = answer.status();
        let headers = answer.headers().clone();
        let explained = answer
            .body_mut()
            .with_config()
            .limit(MOST_OF_ANSWER)
            .read_to_vec();
        if status.is_success() {
            // It was taken, even if the rest of the answer is lost.
            return Ok(());
        }
        Err(refusal(status, &headers, &explained.unwrap_or_default()))
    }
}

/// Why there was no answer.
fn failure(error: &ureq::Error) -> PostFailure {
    let why = text::line(&error.to_string()).into_owned();
    match error {
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => PostFailure::Over(why),
        _ => PostFailure::Again { why, after: None },
    }
}

/// Why an answer is none that says that the events were taken.
fn refusal(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> PostFailure {
    let explained = String::from_utf8_lossy(body);
    let explained: String = explained.trim().chars().take(MOST_SHOWN).collect();
    let explained = match explained.as_str() {
        "" => String::new(),
        some => format!(": {}", text::line(some)),
    };
    let why = format!("the receiver answers {status}{explained}");
    let may_change = matches!(status.as_u16(), 408 | 425 | 429) || status.is_server_error();
    if may_change {
        let after = headers
            .get(RETRY_AFTER)
            .and_then(|after| after.to_str().ok());
        let after = after.and_then(|after| after.trim().parse().ok());
        let after = after.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
        return PostFailure::Again { why, after };
    }
    if status.is_redirection() {
        let place = headers.get(LOCATION).and_then(|place| place.to_str().ok());
        let place = text::cell(place.unwrap_or("another address")).into_owned();
        return PostFailure::Over(format!(
            "the receiver answers {status} and names {place}; no redirection is followed, so give that with --to"
        ));
    }
    PostFailure::Over(format!(
        "{why}; check --to, --webhook-format and --webhook-header-file"
    ))
}

/// Headers, one `Name: value` a line.
fn headers(text: &str) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        // The value is a secret, so that no error shows it.
        let wrong = || {
            format!("line {number} is no header; write Name: value, as in Authorization: Bearer …")
        };
        let (name, value) = line.split_once(':').ok_or_else(wrong)?;
        let name: HeaderName = name.trim().parse().map_err(|_| wrong())?;
        let mut value: HeaderValue = value.trim().parse().map_err(|_| wrong())?;
        value.set_sensitive(true);
        if headers.len() == MOST_HEADERS {
            return Err(format!("it has more than {MOST_HEADERS} headers"));
        }
        headers.insert(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use super::headers;

    #[test]
    fn headers_are_lines_and_errors_keep_the_secret() {
        let read = headers("Authorization: Bearer a:b\n\nx-team: one\n").unwrap();
        assert_eq!(read["authorization"], "Bearer a:b");
        assert_eq!(read["x-team"], "one");
        for wrong in ["secret", "a b: secret", "x: secret\u{7}"] {
            let why = headers(wrong).unwrap_err();
            assert!(why.contains("line 1") && !why.contains("secret"), "{why}");
        }
    }
}
