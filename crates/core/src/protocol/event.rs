//! The events of a job: one line in the master's value, one JSON object in the watchers' `--json` output.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use strum::{Display, EnumIter, EnumString};

use super::beat::Ending;
use super::escape::{Word, name};
use super::master_info::PreviousMaster;
use super::silence::{death_of_words, death_words, maybe_millis};
use super::time::{asctime, maybe_rfc3339, moment, rfc3339, stamp};
use crate::condition::Condition;
use crate::detect::DeathCause;

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Display, EnumIter, EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum EventKind {
    /// The node became master.
    Claimed,
    /// The node released its claim.
    Released,
    /// A follower was seen for the first time.
    Joined,
    /// A follower was heard since the last report.
    Alive,
    /// A follower fell silent and was removed.
    Died,
    /// A follower finished its input and left.
    Finished,
    /// A follower reported that it could not finish, and left.
    Failed,
    /// A follower that was declared dead has joined again.
    Returned,
    /// A follower stalls by its own fault.
    Stalled,
    /// A stalled follower works again.
    Recovered,
    /// The snapshot of a stalled follower, as watchers read it: no master reports this.
    Snapshot,
    /// The watcher itself reached ZooKeeper.
    Connected,
    /// The watcher itself lost ZooKeeper.
    Disconnected,
    /// Events are missing here: they happened while a watcher was disconnected, or could not be delivered.
    Lost,
}

impl EventKind {
    /// Whether a master reports this kind as an event line; all others come from watchers or are reported in
    /// another way.
    fn is_masters(self) -> bool {
        match self {
            Self::Claimed
            | Self::Released
            | Self::Joined
            | Self::Died
            | Self::Finished
            | Self::Failed
            | Self::Returned
            | Self::Stalled
            | Self::Recovered => true,
            Self::Alive | Self::Snapshot | Self::Connected | Self::Disconnected | Self::Lost => {
                false
            }
        }
    }
}

/// One event, as the master of `epoch` saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Event {
    /// The time, by the clock of the reporting process.
    #[serde(serialize_with = "rfc3339")]
    pub time: DateTime<Utc>,
    /// The kind of the event.
    pub event: EventKind,
    /// The node: a follower, or the master for claims; `None` for the watcher's own connection.
    pub node: Option<String>,
    /// The epoch of the master that reported it: the zxid of its first beat. Grows with each master.
    pub epoch: Option<i64>,
    /// The number of the event among a master's events, so that a reader knows which ones it has already
    /// seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// For a claim: the previous master, and why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<PreviousMaster>,
    /// For a release: how the node's work ended, unless it is finished.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ending: Option<Ending>,
    /// For a stall: what the follower is doing instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub condition: Option<Condition>,
    /// For a death: why the node was declared dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<DeathCause>,
    /// For a death: the time from the node's last sign of life that the master noticed to the verdict; `silence_ms` in JSON.
    #[serde(
        rename = "silence_ms",
        skip_serializing_if = "Option::is_none",
        serialize_with = "maybe_millis"
    )]
    pub silence: Option<Duration>,
    /// For a snapshot: its whole text, in lines for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<String>,
    /// For lost events: how many were lost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// For lost events: the time of the first of them, or of the last event before them.
    #[serde(
        skip_serializing_if = "Option::is_none",
        serialize_with = "maybe_rfc3339"
    )]
    pub since: Option<DateTime<Utc>>,
}

impl Event {
    /// An event of `node` in `epoch`, without further details.
    pub fn of(time: DateTime<Utc>, event: EventKind, node: &str, epoch: Option<i64>) -> Self {
        Self {
            time,
            event,
            node: Some(node.to_owned()),
            epoch,
            sequence: None,
            previous: None,
            ending: None,
            condition: None,
            cause: None,
            silence: None,
            snapshot: None,
            count: None,
            since: None,
        }
    }

    /// A note that `count` events are missing, the last of them at `time` or before it.
    pub fn lost(time: DateTime<Utc>, epoch: Option<i64>, count: u64, since: DateTime<Utc>) -> Self {
        Self {
            epoch,
            count: Some(count),
            since: Some(since),
            ..Self::of_watcher(time, EventKind::Lost)
        }
    }

    /// A watcher's connection event, without node and epoch.
    pub fn of_watcher(time: DateTime<Utc>, event: EventKind) -> Self {
        Self {
            node: None,
            ..Self::of(time, event, "", None)
        }
    }

    /// The line below the master's messages: `event 17 4294967302 2020-12-29T… died map…`, followed by the
    /// [`PreviousMaster`] for a claim, by the ending for a release, by the condition for a stall, and by the cause and the
    /// silence for a death.
    /// `None` for an event that a master does not report.
    pub(crate) fn line(&self) -> Option<String> {
        let (sequence, epoch, node) = (self.sequence?, self.epoch?, self.node.as_ref()?);
        let (time, kind) = (stamp(self.time), self.event);
        let previous = self.previous.as_ref();
        let previous = previous.map_or_else(String::new, |previous| format!(" {previous}"));
        let ending = self.ending.map(|ending| format!(" {ending}"));
        let ending = ending.unwrap_or_default();
        let condition = self.condition.map(|condition| format!(" {condition}"));
        let condition = condition.unwrap_or_default();
        let death = death_words(self.cause, self.silence);
        Some(format!(
            "event {sequence} {epoch} {time} {kind} {}{previous}{ending}{condition}{death}\n",
            Word(node)
        ))
    }

    /// Parses such a line.
    pub(super) fn parse(line: &str) -> Option<Self> {
        let mut words = line.strip_prefix("event ")?.splitn(5, ' ');
        let sequence = Some(words.next()?.parse().ok()?);
        let epoch = Some(words.next()?.parse().ok()?);
        let time = moment(words.next()?)?;
        let event: EventKind = words.next()?.parse().ok()?;
        if !event.is_masters() {
            return None;
        }
        let rest = words.next()?;
        let (node, more) = rest.split_once(' ').unwrap_or((rest, ""));
        let claimed = event == EventKind::Claimed;
        let previous = claimed.then(|| more.parse().ok()).flatten();
        let released = event == EventKind::Released;
        let ending = released.then(|| more.parse().ok()).flatten();
        let condition = more.parse().ok();
        let (cause, silence) = match event {
            EventKind::Died => death_of_words(more),
            _ => (None, None),
        };
        Some(Self {
            sequence,
            previous,
            ending,
            condition,
            cause,
            silence,
            ..Self::of(time, event, &name(node)?, epoch)
        })
    }

    /// The message for people, if the event has one: one line, or two for a death.
    pub fn message(&self) -> Option<String> {
        if self.event == EventKind::Lost {
            let (time, count) = (asctime(self.time), self.count.unwrap_or_default());
            let were = if count == 1 {
                "event was"
            } else {
                "events were"
            };
            return Some(format!("{time}: {count} {were} lost\n"));
        }
        let node = Word(self.node.as_ref()?);
        let says = |what: &str| Some(format!("{}: follower {node} {what}\n", asctime(self.time)));
        match self.event {
            EventKind::Alive => says("still alive"),
            EventKind::Died => says("has died!").map(|line| format!("{line}delete node {node}\n")),
            EventKind::Finished => says("has finished"),
            EventKind::Failed => says("has failed"),
            EventKind::Returned => says("has returned"),
            EventKind::Stalled => match self.condition {
                Some(condition) => says(&format!("is stalled: {condition}")),
                None => says("is stalled"),
            },
            EventKind::Recovered => says("works again"),
            EventKind::Claimed => {
                let (time, epoch) = (asctime(self.time), self.epoch.unwrap_or_default());
                let mut message = format!("zookeeper: CONNECTED\nmaster {node}\n");
                if let Some(PreviousMaster { node, went, .. }) = &self.previous {
                    let (node, went) = (Word(node), went.message());
                    message = format!("{message}{time}: master {node} {went}\n");
                }
                Some(format!("{message}{time}: epoch {epoch} begins\n"))
            }
            EventKind::Joined
            | EventKind::Snapshot
            | EventKind::Released
            | EventKind::Connected
            | EventKind::Disconnected
            | EventKind::Lost => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;
    use crate::protocol::EndReason;

    fn died() -> Event {
        Event {
            time: DateTime::from_timestamp_micros(1_609_240_719_574_485).unwrap(),
            event: EventKind::Died,
            node: Some("map1609240709.52".to_owned()),
            epoch: Some(4_294_967_302),
            sequence: Some(17),
            previous: None,
            ending: None,
            condition: None,
            cause: Some(DeathCause::Closed),
            silence: Some(Duration::from_micros(23_415)),
            snapshot: None,
            count: None,
            since: None,
        }
    }

    #[test]
    fn a_line_is_read_back() {
        assert_eq!(
            Event::parse(died().line().unwrap().trim_end()),
            Some(died())
        );
        let claimed = Event {
            event: EventKind::Claimed,
            previous: Some(PreviousMaster {
                node: "map1.5".to_owned(),
                epoch: 40,
                went: EndReason::Expired,
                cause: None,
                silence: None,
            }),
            cause: None,
            silence: None,
            ..died()
        };
        assert_eq!(
            Event::parse(claimed.line().unwrap().trim_end()),
            Some(claimed)
        );
        let released = Event {
            event: EventKind::Released,
            ending: Some(Ending::Failed),
            cause: None,
            silence: None,
            ..died()
        };
        assert_eq!(
            Event::parse(released.line().unwrap().trim_end()),
            Some(released)
        );
        let stalled = Event {
            event: EventKind::Stalled,
            condition: Some(Condition::Spinning),
            cause: None,
            silence: None,
            ..died()
        };
        assert!(
            stalled
                .message()
                .unwrap()
                .ends_with(" is stalled: spinning\n")
        );
        assert_eq!(
            Event::parse(stalled.line().unwrap().trim_end()),
            Some(stalled)
        );
        assert_eq!(Event::parse("event 1 2 yesterday died x"), None);
        assert_eq!(Event::parse("map x"), None);
    }

    #[test]
    fn a_moment_of_others_is_within_the_calendar() {
        let parse = |time: &str| Event::parse(&format!("event 1 9 {time} died map1"));
        for (time, taken) in [
            ("-262143-01-01T00:00:00Z", "0000-01-01T00:00:00.000000Z"),
            (
                "+262142-12-31T23:59:59.999999Z",
                "9999-12-31T23:59:59.000000Z",
            ),
            ("2020-12-29T11:18:39.5Z", "2020-12-29T11:18:39.500000Z"),
        ] {
            let event = parse(time).unwrap();
            assert_eq!(stamp(event.time), taken);
            assert!(event.message().unwrap().contains(" has died!"));
        }
        assert_eq!(parse("-999999-01-01T00:00:00Z"), None);
    }

    #[test]
    fn only_a_masters_own_events_are_read_in_its_report() {
        for kind in EventKind::iter() {
            let line = format!("event 1 9 2020-12-29T11:18:39Z {kind} map1");
            assert_eq!(Event::parse(&line).is_some(), kind.is_masters(), "{kind}");
        }
    }

    #[test]
    fn what_is_lost_is_counted() {
        let lost = Event::lost(died().time, Some(9), 17, died().time);
        assert_eq!(
            serde_json::to_string(&lost).unwrap(),
            r#"{"time":"2020-12-29T11:18:39.574485Z","event":"lost","node":null,"epoch":9,"count":17,"since":"2020-12-29T11:18:39.574485Z"}"#
        );
        assert!(lost.message().unwrap().ends_with(": 17 events were lost\n"));
        let one = Event::lost(died().time, Some(9), 1, died().time);
        assert!(one.message().unwrap().ends_with(": 1 event was lost\n"));
        assert_eq!(lost.line(), None);
    }

    #[test]
    fn every_kind_has_a_word_of_its_own() {
        for kind in EventKind::iter() {
            let word = kind.to_string();
            assert_eq!(word.parse(), Ok(kind));
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{word}\""));
        }
    }

    #[test]
    fn json_has_microseconds_and_utc() {
        assert_eq!(
            serde_json::to_string(&died()).unwrap(),
            r#"{"time":"2020-12-29T11:18:39.574485Z","event":"died","node":"map1609240709.52","epoch":4294967302,"sequence":17,"cause":"closed","silence_ms":23.415}"#
        );
    }

    #[test]
    fn a_death_is_two_lines() {
        let message = died().message().unwrap();
        let mut lines = message.lines();
        assert!(
            lines
                .next()
                .unwrap()
                .ends_with(": follower map1609240709.52 has died!")
        );
        assert_eq!(lines.next(), Some("delete node map1609240709.52"));
    }
}
