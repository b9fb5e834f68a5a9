//! The listing of HDFS's `/`, requested from a NameNode over `WebHDFS`.

use std::time::Instant;

use serde::{Deserialize, Deserializer, de};

use super::listing::{ListedFile, permission};
use crate::Cluster;
use crate::probe::webhdfs_root;
use heartline_core::text;
use heartline_nodes::own_name;
use heartline_observe::probe::{Pages, Silence};

/// The state of a NameNode that is too slow: the limit is sufficient unless it is overloaded.
const SLOW: &str = "gives no listing in time";
/// The answer of a standby: only the active NameNode serves reads.
const STANDBY: &str = "gives no listing: it stands by";

/// The files in `/` according to the NameNode with its HTTP port at `place` (`HOST:PORT`), if it is the active one.
pub(super) fn root(
    pages: &Pages,
    place: &str,
    user: Option<&str>,
    end: Instant,
) -> Result<Vec<ListedFile>, Silence> {
    match webhdfs_root::<Listing, Refusal>(pages, place, user, end) {
        Ok(Ok(listing)) => Ok(listing.entries()),
        Ok(Err(refusal)) => Err(Silence::Broken(refusal.reason())),
        // Another row reports whether the NameNode answers at all.
        Err(Silence::Slow) => Err(Silence::Broken(SLOW.to_owned())),
        Err(silence) => Err(silence),
    }
}

/// The user name that Hadoop's own commands would send. Without one, the NameNode treats the request as its own
/// anonymous user; in a secure cluster, it goes by the ticket.
pub(super) fn user(cluster: &Cluster) -> Option<String> {
    if cluster.is_secure() {
        return None;
    }
    let named = std::env::var("HADOOP_USER_NAME").ok();
    named.filter(|name| !name.is_empty()).or_else(own_name)
}

/// The answer to `LISTSTATUS`.
#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    #[serde(rename = "FileStatuses")]
    statuses: Statuses,
}

#[derive(Debug, Deserialize)]
struct Statuses {
    #[serde(rename = "FileStatus")]
    statuses: Vec<Status>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    path_suffix: String,
    #[serde(rename = "type")]
    kind: Kind,
    #[serde(deserialize_with = "octal")]
    permission: u16,
    replication: u32,
    owner: String,
    group: String,
    length: u64,
    modification_time: i64,
}

#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Kind {
    Directory,
    #[serde(other)]
    Other,
}

fn octal<'de, D: Deserializer<'de>>(source: D) -> Result<u16, D::Error> {
    let text = String::deserialize(source)?;
    u16::from_str_radix(&text, 8).map_err(de::Error::custom)
}

impl Listing {
    /// The files, ordered by name.
    pub(super) fn entries(self) -> Vec<ListedFile> {
        let statuses = self.statuses.statuses.into_iter();
        let mut entries: Vec<ListedFile> = statuses.map(ListedFile::from).collect();
        entries.sort_by(|one, other| one.path.cmp(&other.path));
        entries
    }
}

impl From<Status> for ListedFile {
    fn from(status: Status) -> Self {
        let folder = status.kind == Kind::Directory;
        Self {
            path: format!("/{}", status.path_suffix),
            folder,
            permission: permission(status.permission),
            replication: (!folder).then_some(status.replication),
            owner: status.owner,
            group: status.group,
            length: status.length,
            modified_ms: status.modification_time,
        }
    }
}

/// Why the request was refused.
#[derive(Debug, Deserialize)]
pub(super) struct Refusal {
    #[serde(rename = "RemoteException")]
    exception: Exception,
}

#[derive(Debug, Deserialize)]
struct Exception {
    /// The exception's class name without its package.
    exception: String,
    #[serde(default)]
    message: Option<String>,
}

impl Refusal {
    /// The reason in one line.
    pub(super) fn reason(&self) -> String {
        let Exception { exception, message } = &self.exception;
        if exception == "StandbyException" {
            return STANDBY.to_owned();
        }
        // The first line contains the reason; the rest is the Java stack trace.
        let message = message.as_deref().and_then(|text| text.lines().next());
        let reason = match message {
            Some(message) => format!("{exception}: {message}"),
            None => exception.clone(),
        };
        text::line(&reason).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer of Hadoop 3.4.2.
    const SAMPLE: &str = include_str!("pages/root.json");

    fn entries(text: &str) -> Result<Vec<ListedFile>, serde_json::Error> {
        serde_json::from_str::<Listing>(text).map(Listing::entries)
    }

    fn reason(text: &str) -> String {
        let refusal: Refusal = serde_json::from_str(text).unwrap();
        refusal.reason()
    }

    #[test]
    fn folders_and_files_are_listed_by_name() {
        let entries = entries(SAMPLE).unwrap();
        let [tmp, user, words] = &entries[..] else {
            panic!("{entries:?}");
        };
        let folder = ListedFile {
            path: "/tmp".to_owned(),
            folder: true,
            permission: "rwxrwx--T".to_owned(),
            owner: "hd".to_owned(),
            group: "supergroup".to_owned(),
            modified_ms: tmp.modified_ms,
            ..ListedFile::default()
        };
        assert_eq!(*tmp, folder);
        assert_eq!((user.path.as_str(), user.replication), ("/user", None));
        assert_eq!(user.permission, "rwxr-xr-x");
        assert_eq!((words.path.as_str(), words.folder), ("/words.md", false));
        assert_eq!((words.replication, words.length), (Some(1), 11_357));
        assert!(words.modified_ms > 1_700_000_000_000);
    }

    #[test]
    fn nothing_there_and_something_else_are_distinguished() {
        let none = r#"{"FileStatuses":{"FileStatus":[]}}"#;
        assert_eq!(entries(none).unwrap(), []);
        for wrong in ["{}", "[]", r#"{"FileStatuses":{}}"#] {
            assert!(entries(wrong).is_err(), "{wrong}");
        }
        for permission in ["8", "", "-1", "200000", "rwx"] {
            let text = SAMPLE.replace(r#""1770""#, &format!("{permission:?}"));
            assert!(entries(&text).is_err(), "{permission}");
        }
    }

    #[test]
    fn a_standby_says_that_it_stands_by() {
        let text = r#"{"RemoteException":{"exception":"StandbyException","javaClassName":"org.apache.hadoop.ipc.StandbyException","message":"Operation category READ is not supported in state standby. Visit https://s.apache.org/sbnn-error"}}"#;
        assert_eq!(reason(text), "gives no listing: it stands by");
    }

    #[test]
    fn a_reason_is_one_clean_line() {
        let text = r#"{"RemoteException":{"exception":"AccessControlException","message":"Permission denied: \u001b[2Juser=a\n\tat org.apache"}}"#;
        let reason = reason(text);
        assert!(reason.starts_with("AccessControlException: Permission denied: "));
        assert!(reason.ends_with("user=a") && !reason.contains('\u{1b}'));
        let bare = r#"{"RemoteException":{"exception":"RetriableException","message":null}}"#;
        assert_eq!(self::reason(bare), "RetriableException");
    }
}
