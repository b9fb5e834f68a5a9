//! Who is master, since when, and why the one before went: told in every report, so that whoever
//! looks for the first time knows.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::Serialize;
use strum::{Display, EnumIter, EnumString};

use super::claim;
use super::escape::{Line, Word, unescape};
use super::event::{moment, stamp};

/// Why a master is master no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Display, EnumIter, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum EndReason {
    /// Its input ended, or it was told to leave: it handed the claim over.
    Finished,
    /// It fell silent, and the next in line removed its claim.
    Dead,
    /// Its claim was removed although it lived: by a standing master that came, or by hand.
    Deposed,
    /// Its session expired.
    Expired,
}

impl EndReason {
    /// What people are told of it.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Finished => "has finished",
            Self::Dead => "has died!",
            Self::Deposed => "was deposed",
            Self::Expired => "has expired",
        }
    }
}

/// The master before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreviousMaster {
    /// Its name.
    pub node: String,
    /// Its epoch.
    pub epoch: i64,
    /// Why it went.
    pub went: EndReason,
}

impl fmt::Display for PreviousMaster {
    /// `<went> <epoch> <node>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.went, self.epoch, Word(&self.node))
    }
}

impl FromStr for PreviousMaster {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.splitn(3, ' ');
        let mut word = || words.next().ok_or(());
        Ok(Self {
            went: word()?.parse().map_err(drop)?,
            epoch: word()?.parse().map_err(|_| ())?,
            node: unescape(word()?),
        })
    }
}

/// One master's time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterInfo {
    /// The master's name.
    pub node: String,
    /// Its claim, by its name in the line.
    pub claim: String,
    /// When it took over, by its own clock.
    pub since: DateTime<Utc>,
    /// The master before, if one was known.
    pub previous: Option<PreviousMaster>,
}

const MASTER: &str = "master";
const CLAIM: &str = "claim";
const SINCE: &str = "since";
const PREVIOUS: &str = "previous";

impl MasterInfo {
    /// The lines that tell it.
    pub(super) fn lines(&self) -> String {
        let (node, claim) = (Line(&self.node), &self.claim);
        let since = stamp(self.since);
        let mut lines = format!("{MASTER}: {node}\n{CLAIM}: {claim}\n{SINCE}: {since}\n");
        if let Some(previous) = &self.previous {
            lines = format!("{lines}{PREVIOUS}: {previous}\n");
        }
        lines
    }

    /// Takes one line's part, if it is one of the office's.
    pub(super) fn take(master_info: &mut Option<Self>, key: &str, word: &str) -> bool {
        if key == MASTER {
            *master_info = Some(Self {
                node: unescape(word),
                claim: String::new(),
                since: DateTime::default(),
                previous: None,
            });
            return true;
        }
        let Some(master_info) = master_info else {
            return false;
        };
        match key {
            CLAIM if claim::is_name(word) => word.clone_into(&mut master_info.claim),
            // The name of no claim: as if nobody were in office.
            CLAIM => master_info.claim.clear(),
            SINCE => master_info.since = moment(word).unwrap_or_default(),
            PREVIOUS => master_info.previous = word.parse().ok(),
            _ => return false,
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;

    fn master_info() -> MasterInfo {
        MasterInfo {
            node: "map2.5".to_owned(),
            claim: "_c_a-lock-0000000002".to_owned(),
            since: DateTime::from_timestamp_micros(1_609_240_719_574_485).unwrap(),
            previous: Some(PreviousMaster {
                node: "map1.5".to_owned(),
                epoch: 40,
                went: EndReason::Dead,
            }),
        }
    }

    #[test]
    fn what_is_told_is_read_back() {
        let mut read = None;
        for line in master_info().lines().lines() {
            let (key, word) = line.split_once(": ").unwrap();
            assert!(MasterInfo::take(&mut read, key, word), "{line}");
        }
        assert_eq!(read, Some(master_info()));
        assert!(!MasterInfo::take(&mut read, "epoch", "7"));
        assert!(!MasterInfo::take(&mut None, "since", "7"));
    }

    #[test]
    fn every_reason_has_a_word() {
        for went in EndReason::iter() {
            let word = went.to_string();
            assert_eq!(word.parse(), Ok(went));
            assert_eq!(serde_json::to_string(&went).unwrap(), format!("\"{word}\""));
        }
    }
}
