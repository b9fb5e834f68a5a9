//! What a follower's own znode says: that it joined, that it is alive, how it ended.

use chrono::{DateTime, Utc};

use super::seconds;

/// The first line of a follower that has joined and not yet beaten.
const JOINED: &str = "this is a map!";
const ENDED: &str = "ended";
const RETURNED: &str = "returned";
const ATTEMPT: &str = "attempt";
const CLAIM: &str = "claim";

/// How a member's work ended, in its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its input is used up and its output is written.
    Finished,
    /// It was stopped, or could not read or write.
    Failed,
}

impl Ending {
    fn word(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Failed => "failed",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Finished, Self::Failed]
            .into_iter()
            .find(|ending| ending.word() == word)
    }
}

/// Who a member is: told with every beat, for whoever looks for the first time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// Hadoop's task attempt id, when Hadoop runs the task.
    pub attempt: Option<String>,
    /// The machine it runs on.
    pub host: String,
    /// Its process id there.
    pub pid: u32,
    /// How often it had to join again.
    pub returns: u32,
    /// Its claim, by its name in the line: whoever buries the member removes that too.
    pub claim: Option<String>,
}

impl Identity {
    /// The lines that tell it, below the first one of a value.
    fn lines(&self) -> String {
        let mut lines = format!("host: {}\npid: {}\n", self.host, self.pid);
        if let Some(attempt) = &self.attempt {
            lines = format!("{ATTEMPT}: {attempt}\n{lines}");
        }
        if let Some(claim) = &self.claim {
            lines = format!("{CLAIM}: {claim}\n{lines}");
        }
        if self.returns > 0 {
            lines = format!("{RETURNED}: {}\n{lines}", self.returns);
        }
        lines
    }
}

/// The value a follower creates its znode with.
pub fn joined(identity: &Identity) -> String {
    format!("{JOINED}\n{}", identity.lines())
}

/// One beat, with how far the work has come.
pub fn alive(at: DateTime<Utc>, identity: &Identity, records: u64, bytes: u64) -> String {
    format!(
        "alive at {}!\n{}records: {records}\nbytes: {bytes}\n",
        seconds(at),
        identity.lines()
    )
}

/// The last word of a member that leaves by itself.
pub fn ended(at: DateTime<Utc>, identity: &Identity, ending: Ending) -> String {
    format!(
        "alive at {}!\n{ENDED}: {}\n{}",
        seconds(at),
        ending.word(),
        identity.lines()
    )
}

/// A follower's value as somebody else reads it. Unknown lines are passed over, so that members
/// of different versions understand each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beat {
    /// The first line, for people.
    pub line: String,
    /// How often the member had to join again; 0 in the value of any other beat than the first.
    pub returns: u32,
    /// Set when this is the member's last word.
    pub ending: Option<Ending>,
    /// The member's claim.
    pub claim: Option<String>,
}

impl Beat {
    /// Reads a value. Never fails: a value of somebody else is a beat with no more than a line.
    pub fn parse(value: &[u8]) -> Self {
        let text = String::from_utf8_lossy(value);
        let mut lines = text.lines();
        let mut beat = Self {
            line: lines.next().unwrap_or_default().to_owned(),
            ..Self::default()
        };
        for (key, word) in lines.filter_map(|line| line.split_once(": ")) {
            match key {
                ENDED => beat.ending = Ending::from_word(word),
                CLAIM => beat.claim = Some(word.to_owned()),
                RETURNED => beat.returns = word.parse().unwrap_or(0),
                _ => {}
            }
        }
        beat
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity() -> Identity {
        Identity {
            attempt: Some("attempt_1_0001_m_000000_0".to_owned()),
            host: "hd-slave1".to_owned(),
            pid: 42,
            returns: 0,
            claim: Some("_c_a-lock-0000000001".to_owned()),
        }
    }

    #[test]
    fn the_first_line_of_a_beat_is_the_fixed_one() {
        let at = DateTime::from_timestamp_micros(1_609_240_709_574_485).unwrap();
        let value = alive(at, &identity(), 7, 90);
        assert_eq!(value.lines().next(), Some("alive at 1609240709.574485!"));
        assert_eq!(joined(&identity()).lines().next(), Some("this is a map!"));
    }

    #[test]
    fn microseconds_keep_their_leading_zeros() {
        let at = DateTime::from_timestamp_micros(1_609_240_709_000_485).unwrap();
        assert!(alive(at, &identity(), 0, 0).starts_with("alive at 1609240709.000485!\n"));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let at = DateTime::from_timestamp_micros(1_609_240_709_574_485).unwrap();
        let last = Beat::parse(ended(at, &identity(), Ending::Failed).as_bytes());
        assert_eq!(last.ending, Some(Ending::Failed));
        assert_eq!(last.claim, identity().claim);
        let again = Identity {
            returns: 3,
            ..identity()
        };
        let again = alive(at, &again, 0, 0);
        assert_eq!(Beat::parse(again.as_bytes()).returns, 3);
    }

    #[test]
    fn foreign_values_are_only_a_line() {
        let beat = Beat::parse(b"alive at 1.5!");
        assert_eq!(beat.line, "alive at 1.5!");
        assert_eq!((beat.ending, beat.returns), (None, 0));
        assert_eq!(Beat::parse(b"").line, "");
        assert_eq!(Beat::parse(&[0xff, 0xfe]).ending, None);
    }
}
