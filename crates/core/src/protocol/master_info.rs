//! The current master, since when it is master, and why the previous one ended: part of every report, for
//! readers that see it for the first time.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use strum::{Display, EnumIter, EnumString};

use super::claim;
use super::escape::{Line, Word, name};
use super::silence::{death_of_words, death_words, maybe_millis};
use super::time::{moment, stamp};
use crate::detect::DeathCause;

/// Why a master is no longer master.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Display, EnumIter, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum EndReason {
    /// Its input ended, or it is a dedicated master and was stopped: it released the claim.
    Finished,
    /// It released the claim and said that it could not finish.
    Failed,
    /// It fell silent, and the next in line removed its claim.
    Dead,
    /// Its claim was removed although it was alive: by a new dedicated master, or by hand.
    Deposed,
    /// Its session expired.
    Expired,
}

impl EndReason {
    /// The wording for people.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Finished => "has finished",
            Self::Failed => "has failed",
            Self::Dead => "has died!",
            Self::Deposed => "was deposed",
            Self::Expired => "has expired",
        }
    }
}

/// The previous master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PreviousMaster {
    /// Its name.
    pub node: String,
    /// Its epoch.
    pub epoch: i64,
    /// Why it ended.
    pub went: EndReason,
    /// If it died: why it was declared dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<DeathCause>,
    /// If it died: the time from its last beat that its successor noticed to the takeover; `silence_ms` in JSON.
    #[serde(
        rename = "silence_ms",
        skip_serializing_if = "Option::is_none",
        serialize_with = "maybe_millis"
    )]
    pub silence: Option<Duration>,
}

impl fmt::Display for PreviousMaster {
    /// `<went> <epoch> <node> <cause> <silence>`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.went, self.epoch, Word(&self.node))?;
        f.write_str(&death_words(self.cause, self.silence))
    }
}

impl FromStr for PreviousMaster {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut words = text.splitn(4, ' ');
        let mut word = || words.next().ok_or(());
        let went = word()?.parse().map_err(drop)?;
        let epoch = word()?.parse().map_err(|_| ())?;
        let node = name(word()?).ok_or(())?;
        let (cause, silence) = words.next().map(death_of_words).unwrap_or_default();
        Ok(Self {
            node,
            epoch,
            went,
            cause,
            silence,
        })
    }
}

/// A master's term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MasterInfo {
    /// The master's name.
    pub node: String,
    /// The name of its claim in the line.
    pub claim: String,
    /// When it took over, by its own clock.
    pub since: DateTime<Utc>,
    /// How many beats a second in ZooKeeper it allows all members together; `None` if its report does not say.
    pub beat_budget: Option<u32>,
    /// The previous master, if it is known.
    pub previous: Option<PreviousMaster>,
}

const MASTER: &str = "master";
const CLAIM: &str = "claim";
const SINCE: &str = "since";
const BEAT_BUDGET: &str = "beat-budget";
const PREVIOUS: &str = "previous";

impl MasterInfo {
    /// Formats the master info as lines.
    pub(super) fn lines(&self) -> String {
        let (node, claim) = (Line(&self.node), &self.claim);
        let since = stamp(self.since);
        let mut lines = format!("{MASTER}: {node}\n{CLAIM}: {claim}\n{SINCE}: {since}\n");
        if let Some(budget) = self.beat_budget {
            lines = format!("{lines}{BEAT_BUDGET}: {budget}\n");
        }
        if let Some(previous) = &self.previous {
            lines = format!("{lines}{PREVIOUS}: {previous}\n");
        }
        lines
    }

    /// Reads the value of one line, if the key belongs to the master info.
    pub(super) fn take(master_info: &mut Option<Self>, key: &str, word: &str) -> bool {
        if key == MASTER {
            *master_info = name(word).map(|node| Self {
                node,
                claim: String::new(),
                since: DateTime::default(),
                beat_budget: None,
                previous: None,
            });
            return true;
        }
        let Some(master_info) = master_info else {
            return false;
        };
        match key {
            CLAIM if claim::is_name(word) => word.clone_into(&mut master_info.claim),
            // Not a claim's name: treat it as if there were no master.
            CLAIM => master_info.claim.clear(),
            SINCE => master_info.since = moment(word).unwrap_or_default(),
            BEAT_BUDGET => master_info.beat_budget = word.parse().ok(),
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
            beat_budget: Some(5000),
            previous: Some(PreviousMaster {
                node: "map1.5".to_owned(),
                epoch: 40,
                went: EndReason::Dead,
                cause: Some(DeathCause::Closed),
                silence: Some(Duration::from_micros(31_007)),
            }),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
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
