//! The value of `/heart_beat_master`: the current master, and its report on each follower.
//!
//! One value holds the report of a tick, for any number of followers; what does not fit follows in the next
//! reports. A value may be overwritten before a watcher reads it, so each also carries the events of the last
//! second. Their numbers have no gaps: a watcher that reads at least once a second misses none, and a watcher
//! that finds a gap knows how many it has missed.

use chrono::{DateTime, Utc};

use std::collections::BTreeSet;

use super::dead::Dead;
use super::escape::{Word, name};
use super::event::{Event, EventKind};
use super::master_info::MasterInfo;

/// The value of `/heart_beat_master` while no master holds it.
pub const FREE: &str = "this is a master map!";

const EPOCH: &str = "epoch";
const SEQUENCE: &str = "sequence";
const FOLLOWERS: &str = "followers";
const FINGERPRINTS: &str = "fingerprints";
const OTHERS: &str = "others";
const MORE_DEAD: &str = "more-dead";

/// No master reports that many events: a larger number in a value is not an event number.
const MOST_SEQUENCE: u64 = u64::MAX / 2;

/// The parsed value of the master's znode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The messages for people, one per line: every line of the value that is not heartline's own.
    pub messages: Vec<String>,
    /// The writer's epoch; `None` in a value that `setup-zookeeper` or another program wrote.
    pub epoch: Option<i64>,
    /// The number of the last event reported so far.
    pub sequence: u64,
    /// The events of the last second, oldest first.
    pub events: Vec<Event>,
    /// The current master, in a value that a master wrote.
    pub master_info: Option<MasterInfo>,
    /// The members that died in the last minutes and have not returned.
    pub dead: Vec<Dead>,
    /// Number of further dead members that are not listed.
    pub more_dead: u64,
    /// All followers of the writer, if the messages do not name them.
    pub known: Vec<String>,
    /// The [`fingerprint`]s of followers that are not named.
    pub fingerprints: BTreeSet<u64>,
    /// The followers that are neither named nor have a fingerprint here, if there are any.
    pub others: Option<Others>,
}

/// Followers that a report counts instead of naming them. In a value: `others: 9984 1a2b3c`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Others {
    /// Number of these followers.
    pub count: u32,
    /// The watermark, a zxid. The joins of all followers whose znodes were created up to it have been reported, except
    /// those of members whose end the same value reports.
    pub created: i64,
}

impl Others {
    fn parse(words: &str) -> Option<Self> {
        let (count, created) = words.split_once(' ')?;
        Some(Self {
            count: count.parse().ok()?,
            created: i64::from_str_radix(created, 16).ok()?,
        })
    }
}

/// A short form of a follower's name, of 48 bits: FNV-1a (Fowler, Noll, Vo), the same on every machine.
pub fn fingerprint(name: &str) -> u64 {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    hash >> 16
}

impl Report {
    /// Whether the value says that there is no master.
    pub fn is_free(&self) -> bool {
        self.messages.first().is_some_and(|line| line == FREE)
    }

    /// Reads a value. Never fails: an unknown line is a message.
    pub fn parse(value: &[u8]) -> Self {
        let mut report = Self::default();
        for line in String::from_utf8_lossy(value).lines() {
            if let Some(event) = Event::parse(line) {
                report.events.push(event);
                continue;
            }
            if let Ok(dead) = line.parse() {
                report.dead.push(dead);
                continue;
            }
            match line.split_once(": ") {
                Some((EPOCH, number)) => report.epoch = number.parse().ok(),
                Some((SEQUENCE, number)) => {
                    let number: Option<u64> = number.parse().ok();
                    let number = number.filter(|number| *number <= MOST_SEQUENCE);
                    report.sequence = number.unwrap_or(0);
                }
                Some((MORE_DEAD, number)) => report.more_dead = number.parse().unwrap_or(0),
                Some((FOLLOWERS, nodes)) => {
                    report.known = nodes.split(' ').filter_map(name).collect();
                }
                Some((FINGERPRINTS, numbers)) => {
                    let numbers = numbers.split(' ');
                    let numbers = numbers.filter_map(|word| u64::from_str_radix(word, 16).ok());
                    report.fingerprints = numbers.collect();
                }
                Some((OTHERS, words)) => report.others = Others::parse(words),
                Some((key, word)) if MasterInfo::take(&mut report.master_info, key, word) => {}
                _ => report.messages.push(line.to_owned()),
            }
        }
        report
    }

    /// The followers that the messages report as alive.
    pub fn alive(&self) -> impl Iterator<Item = String> {
        self.messages.iter().filter_map(|line| {
            let (_, rest) = line.split_once(": follower ")?;
            name(rest.strip_suffix(" still alive")?)
        })
    }

    /// All followers that the value names.
    pub fn followers(&self) -> impl Iterator<Item = String> {
        self.alive().chain(self.known.iter().cloned())
    }
}

/// The data of a value to write.
#[derive(Debug)]
pub struct Draft<'a> {
    /// The time of writing.
    pub at: DateTime<Utc>,
    /// The writer's epoch.
    pub epoch: i64,
    /// The writer, and how it became master.
    pub master_info: &'a MasterInfo,
    /// The number of the last event reported, in this value or before.
    pub sequence: u64,
    /// The events that no earlier value has reported.
    pub fresh: &'a [Event],
    /// The events of the last second, including the fresh ones.
    pub recent: Vec<&'a Event>,
    /// The followers heard since the last report.
    pub alive: Vec<&'a str>,
    /// The followers that are named besides those in `alive`.
    pub followers: Vec<&'a str>,
    /// The fingerprints of followers that are not named.
    pub fingerprints: Vec<u64>,
    /// The other followers.
    pub others: Option<Others>,
    /// The members that died in the last minutes, as far as they fit.
    pub dead: Vec<&'a Dead>,
    /// Number of further dead members.
    pub more_dead: usize,
}

impl Draft<'_> {
    /// Formats the value for ZooKeeper.
    pub fn compose(&self) -> String {
        let mut value = String::new();
        if self
            .fresh
            .iter()
            .any(|event| event.event == EventKind::Released)
        {
            value.push_str(FREE);
            value.push('\n');
        }
        value.extend(self.fresh.iter().filter_map(Event::message));
        for node in &self.alive {
            let event = Event::of(self.at, EventKind::Alive, node, Some(self.epoch));
            value.extend(event.message());
        }
        value.extend([format!("{EPOCH}: {}\n", self.epoch)]);
        value.push_str(&self.master_info.lines());
        value.extend([format!("{SEQUENCE}: {}\n", self.sequence)]);
        // A new master must know which followers to expect.
        let followers = self.followers.iter().map(|node| Word(node).to_string());
        list(&mut value, FOLLOWERS, followers);
        let fingerprints = self.fingerprints.iter();
        let fingerprints = fingerprints.map(|number| format!("{number:x}"));
        list(&mut value, FINGERPRINTS, fingerprints);
        if let Some(Others { count, created }) = self.others {
            value.extend([format!("{OTHERS}: {count} {created:x}\n")]);
        }
        value.extend(self.dead.iter().map(|dead| format!("{dead}\n")));
        if self.more_dead > 0 {
            value.extend([format!("{MORE_DEAD}: {}\n", self.more_dead)]);
        }
        value.extend(self.recent.iter().filter_map(|event| event.line()));
        value
    }
}

fn list(value: &mut String, key: &str, words: impl Iterator<Item = String>) {
    let mut words = words.peekable();
    if words.peek().is_none() {
        return;
    }
    value.push_str(key);
    value.push(':');
    for word in words {
        value.push(' ');
        value.push_str(&word);
    }
    value.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(sequence: u64, kind: EventKind, node: &str) -> Event {
        let at = DateTime::from_timestamp_micros(1_609_240_719_574_485).unwrap();
        Event {
            sequence: Some(sequence),
            ..Event::of(at, kind, node, Some(9))
        }
    }

    fn master_info() -> MasterInfo {
        MasterInfo {
            node: "map1.5".to_owned(),
            claim: "_c_a-lock-0000000001".to_owned(),
            since: DateTime::from_timestamp_micros(1_609_240_719_000_000).unwrap(),
            beat_budget: Some(5000),
            previous: None,
        }
    }

    const OTHER_FOLLOWERS: Others = Others {
        count: 9984,
        created: 0x1a_2b3c,
    };

    fn compose(fresh: &[Event], older: &[Event], alive: &[&str]) -> String {
        Draft {
            at: DateTime::from_timestamp_micros(1_609_240_719_574_485).unwrap(),
            epoch: 9,
            master_info: &master_info(),
            sequence: 12,
            fresh,
            recent: older.iter().chain(fresh).collect(),
            alive: alive.to_vec(),
            followers: vec!["map2", "map4", "map5"],
            fingerprints: vec![fingerprint("map6"), fingerprint("map7")],
            others: Some(OTHER_FOLLOWERS),
            dead: Vec::new(),
            more_dead: 3,
        }
        .compose()
    }

    #[test]
    fn a_claim_is_written_as_two_fixed_lines() {
        let value = compose(&[event(12, EventKind::Claimed, "map1.5")], &[], &[]);
        assert!(value.starts_with("zookeeper: CONNECTED\nmaster map1.5\n"));
    }

    #[test]
    fn a_free_value_begins_with_the_fixed_line() {
        let value = compose(&[event(12, EventKind::Released, "map1.5")], &[], &[]);
        assert_eq!(value.lines().next(), Some(FREE));
        assert!(Report::parse(value.as_bytes()).is_free());
        assert!(Report::parse(FREE.as_bytes()).is_free());
    }

    #[test]
    fn a_report_is_read_back() {
        let older = [event(11, EventKind::Joined, "map2")];
        let fresh = [event(12, EventKind::Died, "map3")];
        let value = compose(&fresh, &older, &["map2", "map4"]);
        let report = Report::parse(value.as_bytes());
        assert_eq!(report.epoch, Some(9));
        assert_eq!(report.sequence, 12);
        assert_eq!(report.master_info, Some(master_info()));
        assert_eq!(report.events, [older, fresh].concat());
        assert_eq!(report.alive().collect::<Vec<_>>(), ["map2", "map4"]);
        assert!(report.followers().any(|node| node == "map5"));
        let others = ["map6", "map7"].map(fingerprint);
        assert_eq!(report.fingerprints, BTreeSet::from(others));
        assert!(value.contains("\nothers: 9984 1a2b3c\n"), "{value}");
        assert_eq!(report.others, Some(OTHER_FOLLOWERS));
        assert_eq!(report.more_dead, 3);
        assert!(report.messages[0].ends_with("follower map3 has died!"));
        assert_eq!(report.messages[1], "delete node map3");
        assert_eq!(report.messages.len(), 4);
    }

    #[test]
    fn values_of_other_programs_are_messages() {
        let report = Report::parse(b"delete node map1609240709.52");
        assert_eq!(report.messages, ["delete node map1609240709.52"]);
        assert_eq!(report.epoch, None);
    }
}
