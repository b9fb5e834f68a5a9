//! The value of a follower's znode: that it joined, that it is alive, how it ended.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use strum::{Display, EnumString};

use super::escape::{Line, name, unescape};
use super::{Status, claim, seconds};

/// The first line of a follower that has joined and not yet beaten.
const JOINED: &str = "this is a map!";
const ENDED: &str = "ended";
/// Maximum length in bytes of a split, escaped: twice the longest path of HDFS.
const LONGEST_SPLIT: usize = 16 * 1024;
const RETURNED: &str = "returned";
const EARLIER_JOINS: &str = "earlier-joins";
const ATTEMPT: &str = "attempt";
const JOB: &str = "job";
const PHASE: &str = "phase";
const SPLIT: &str = "split";
const CLAIM: &str = "claim";
const HOST: &str = "host";
const PID: &str = "pid";
const ADDRESS: &str = "address";

/// How a member's work ended, according to the member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Display, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Ending {
    /// Its input was read to the end and its output is written.
    Finished,
    /// It was stopped, or could not read or write.
    Failed,
}

/// The phase of the job that a task belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Display, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Phase {
    /// The mappers.
    Map,
    /// The reducers.
    Reduce,
}

/// The part of a file that a mapper reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Split {
    /// The file, as Hadoop names it.
    pub file: String,
    /// The offset of its first byte.
    pub start: u64,
    /// Its length in bytes.
    pub length: u64,
}

/// How the names of compressed files end: Hadoop chooses a codec by that.
const COMPRESSED: [&str; 8] = ["gz", "bz2", "zst", "snappy", "lz4", "lzo", "deflate", "xz"];

impl Split {
    /// Whether Hadoop decompresses the file, so that the task gets more bytes than the split is long.
    pub fn is_compressed(&self) -> bool {
        let ending = self.file.rsplit_once('.').map(|(_, ending)| ending);
        ending.is_some_and(|ending| COMPRESSED.contains(&ending))
    }
}

impl fmt::Display for Split {
    /// `<file>:<start>+<length>`, as Hadoop writes a split.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}+{}", Line(&self.file), self.start, self.length)
    }
}

impl FromStr for Split {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (file, range) = text.rsplit_once(':').ok_or(())?;
        let (start, length) = range.split_once('+').ok_or(())?;
        Ok(Self {
            file: unescape(file),
            start: start.parse().map_err(drop)?,
            length: length.parse().map_err(drop)?,
        })
    }
}

/// The identity of a member: part of every beat, for readers that see the member for the first time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// Hadoop's task attempt id, if Hadoop runs the task.
    pub attempt: Option<String>,
    /// Hadoop's job id.
    pub job: Option<String>,
    /// Whether it maps or reduces, if Hadoop reports it.
    pub phase: Option<Phase>,
    /// Its input split, if it is a mapper of Hadoop's.
    pub split: Option<Split>,
    /// The host it runs on.
    pub host: String,
    /// Its process id on that host.
    pub pid: u32,
    /// How often it had to join again.
    pub returns: u32,
    /// How often its process had joined before, in earlier sessions or before it led: a new master knows by it that the member is
    /// none that joins for the first time.
    #[serde(skip)]
    pub earlier_joins: u32,
    /// The name of its claim in the line, according to the member. Code that acts on it must ask ZooKeeper
    /// which session owns the claim.
    pub claim: Option<String>,
    /// Where it accepts direct connections, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
}

impl Identity {
    /// Formats the identity as lines below the first line of a value.
    fn lines(&self) -> String {
        use std::fmt::Write;

        let mut lines = String::with_capacity(160);
        let mut say = |key: &str, word: &dyn fmt::Display| {
            // Writing to a string fails only without memory, and then it panics.
            let _ = writeln!(lines, "{key}: {word}");
        };
        if self.returns > 0 {
            say(RETURNED, &self.returns);
        }
        if self.earlier_joins > 0 {
            say(EARLIER_JOINS, &self.earlier_joins);
        }
        if let Some(claim) = &self.claim {
            say(CLAIM, claim);
        }
        if let Some(attempt) = &self.attempt {
            say(ATTEMPT, &Line(attempt));
        }
        if let Some(job) = &self.job {
            say(JOB, &Line(job));
        }
        if let Some(phase) = self.phase {
            say(PHASE, &phase);
        }
        if let Some(split) = &self.split {
            say(SPLIT, split);
        }
        say(HOST, &Line(&self.host));
        say(PID, &self.pid);
        if let Some(address) = &self.address {
            say(ADDRESS, address);
        }
        lines
    }

    /// Reads the value of one line, if the key belongs to the identity.
    fn take(&mut self, key: &str, word: &str) {
        match key {
            RETURNED => self.returns = word.parse().unwrap_or_default(),
            EARLIER_JOINS => self.earlier_joins = word.parse().unwrap_or_default(),
            // Readers build a path from it.
            CLAIM => self.claim = claim::is_name(word).then(|| word.to_owned()),
            ATTEMPT => self.attempt = name(word),
            JOB => self.job = name(word),
            PHASE => self.phase = word.parse().ok(),
            SPLIT if word.len() <= LONGEST_SPLIT => self.split = word.parse().ok(),
            HOST => self.host = name(word).unwrap_or_default(),
            PID => self.pid = word.parse().unwrap_or_default(),
            ADDRESS => self.address = word.parse().ok(),
            _ => {}
        }
    }

    /// The id of the attempt's task: `task_…_m_000003` of `attempt_…_m_000003_1`.
    pub fn task(&self) -> Option<String> {
        let attempt = self.attempt.as_ref()?;
        let (task, _) = attempt.strip_prefix("attempt_")?.rsplit_once('_')?;
        Some(format!("task_{task}"))
    }
}

/// The initial value of a follower's znode.
pub fn joined(identity: &Identity) -> String {
    format!("{JOINED}\n{}", identity.lines())
}

/// The value of one beat, with the progress of the work.
pub fn alive(at: DateTime<Utc>, identity: &Identity, status: &Status) -> String {
    let (identity, status) = (identity.lines(), status.lines());
    format!("alive at {}!\n{identity}{status}", seconds(at))
}

/// The last beat of a member that leaves on its own.
pub fn ended(at: DateTime<Utc>, identity: &Identity, status: &Status, ending: Ending) -> String {
    let (identity, status) = (identity.lines(), status.lines());
    format!(
        "alive at {}!\n{ENDED}: {ending}\n{identity}{status}",
        seconds(at)
    )
}

/// A member's value as other processes read it. Unknown lines are ignored, so that members of different
/// versions understand each other.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Beat {
    /// The first line, for people.
    pub line: String,
    /// How the member ended, if this is its last beat.
    pub ending: Option<Ending>,
    /// The member's identity.
    pub identity: Identity,
    /// The status of its work.
    pub status: Status,
}

impl Beat {
    /// Reads a value. Never fails: a foreign value is a beat with a first line only.
    pub fn parse(value: &[u8]) -> Self {
        let text = String::from_utf8_lossy(value);
        let mut lines = text.lines();
        let mut beat = Self {
            line: lines.next().unwrap_or_default().to_owned(),
            ..Self::default()
        };
        for (key, word) in lines.filter_map(|line| line.split_once(": ")) {
            if key == ENDED {
                beat.ending = word.parse().ok();
            }
            beat.identity.take(key, word);
            beat.status.take(key, word);
        }
        beat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compressed_split_is_known_by_the_name_of_its_file() {
        let is_compressed = |file: &str| {
            let split: Split = format!("hdfs://nn/in/{file}:0+9").parse().unwrap();
            split.is_compressed()
        };
        assert!(is_compressed("a.log.gz") && is_compressed("b.bz2"));
        assert!(!is_compressed("gz") && !is_compressed("a.gz.txt"));
    }

    fn identity() -> Identity {
        Identity {
            attempt: Some("attempt_1_0001_m_000000_0".to_owned()),
            job: Some("job_1_0001".to_owned()),
            phase: Some(Phase::Map),
            split: "hdfs://nn/in/a: b.txt:0+134217728".parse().ok(),
            host: "hd-slave1".to_owned(),
            pid: 42,
            returns: 0,
            earlier_joins: 0,
            claim: Some("_c_a-lock-0000000001".to_owned()),
            address: "10.0.0.7:4711".parse().ok(),
        }
    }

    #[test]
    fn the_first_line_of_a_beat_is_the_fixed_one() {
        let at = DateTime::from_timestamp_micros(1_609_240_709_574_485).unwrap();
        let value = alive(at, &identity(), &Status::default());
        assert_eq!(value.lines().next(), Some("alive at 1609240709.574485!"));
        assert_eq!(joined(&identity()).lines().next(), Some("this is a map!"));
    }

    #[test]
    fn microseconds_keep_their_leading_zeros() {
        let at = DateTime::from_timestamp_micros(1_609_240_709_000_485).unwrap();
        assert!(
            alive(at, &identity(), &Status::default()).starts_with("alive at 1609240709.000485!\n")
        );
    }

    #[test]
    fn what_is_written_is_read_back() {
        let at = DateTime::from_timestamp_micros(1_609_240_709_574_485).unwrap();
        let last =
            Beat::parse(ended(at, &identity(), &Status::default(), Ending::Failed).as_bytes());
        assert_eq!(last.ending, Some(Ending::Failed));
        assert_eq!(last.identity, identity());
        assert_eq!(identity().task().as_deref(), Some("task_1_0001_m_000000"));
        let again = Identity {
            returns: 3,
            earlier_joins: 2,
            ..identity()
        };
        let value = alive(at, &again, &Status::default());
        assert_eq!(Beat::parse(value.as_bytes()).identity, again);
    }

    #[test]
    fn foreign_values_are_only_a_line() {
        let beat = Beat::parse(b"alive at 1.5!");
        assert_eq!(beat.line, "alive at 1.5!");
        assert_eq!((beat.ending, beat.identity), (None, Identity::default()));
        assert_eq!(Beat::parse(b"").line, "");
        assert_eq!(Beat::parse(&[0xff, 0xfe]).ending, None);
    }
}
