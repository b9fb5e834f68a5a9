//! The master's instructions: `/heart_beat_control`, written by the master, watched by all members.
//!
//! They correspond to the answers to a heartbeat in Hadoop's first `HeartbeatResponse`: the interval to the
//! next beat, and actions (`KILL_TASK`, `KILL_JOB`, `REINIT_TRACKER`). They hold only in the epoch that they
//! name.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use strum::{Display, EnumString};

use super::escape::{Line, Word, name};
use super::time::micros;
use super::{Identity, claim};

const EPOCH: &str = "epoch";
const CLAIM: &str = "claim";
const INTERVAL: &str = "interval";
const DIRECT_INTERVAL: &str = "direct-interval";
const ASKED: &str = "asked";
const NUMBER: &str = "orders";
const ORDER: &str = "order ";
const SESSION: &str = "session=";

/// An action that a member carries out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum Action {
    /// End the member's task as failed: Hadoop retries it.
    KillTask,
    /// End the member's task as failed, together with all tasks of its job.
    KillJob,
    /// Forget earlier instructions, and rejoin.
    Reinit,
}

/// A process on one of the hosts, for as long as it runs: `7@node1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    host: String,
    pid: u32,
}

impl Process {
    /// The process that a member reports in its identity.
    pub fn of(identity: &Identity) -> Option<Self> {
        let is_named = identity.pid > 0 && !identity.host.is_empty();
        is_named.then(|| Self {
            host: identity.host.clone(),
            pid: identity.pid,
        })
    }

    fn is(&self, identity: &Identity) -> bool {
        Self::of(identity).as_ref() == Some(self)
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.pid, Word(&self.host))
    }
}

impl FromStr for Process {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        let (pid, host) = word.split_once('@').ok_or(())?;
        Ok(Self {
            host: name(host).ok_or(())?,
            pid: pid.parse().map_err(drop)?,
        })
    }
}

/// An order to one or more members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Grows with each order.
    pub number: u64,
    /// The action to carry out.
    pub action: Action,
    /// The target: a member's name, or for [`Action::KillJob`] a job's id.
    pub target: String,
    /// The target's process, if its beats name one: another process that starts under the same name is not
    /// meant.
    pub process: Option<Process>,
    /// The session that owned the member's znode when the order was given: a foreign znode with a very
    /// similar name is not meant.
    pub session: Option<i64>,
    /// The reason, in one line.
    pub reason: String,
}

impl Order {
    /// Whether the order is for the member `name` with these sessions, the current one and earlier ones.
    pub fn is_for(&self, name: &str, identity: &Identity, sessions: &[i64]) -> bool {
        match self.action {
            Action::KillTask | Action::Reinit => {
                let process = self.process.as_ref();
                let session = self.session.as_ref();
                self.target == name
                    && process.is_none_or(|process| process.is(identity))
                    && session.is_none_or(|session| sessions.contains(session))
            }
            Action::KillJob => identity.job.as_ref() == Some(&self.target),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number,
            action,
            target,
            process,
            session,
            reason,
        } = self;
        write!(f, "{ORDER}{number} {action} {} ", Word(target))?;
        if let Some(process) = process {
            write!(f, "{process} ")?;
        }
        if let Some(session) = session {
            write!(f, "{SESSION}{session:x} ")?;
        }
        write!(f, "{}", Line(reason))
    }
}

impl FromStr for Order {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let mut words = line.strip_prefix(ORDER).ok_or(())?.splitn(4, ' ');
        let mut word = || words.next().ok_or(());
        let (number, action) = (word()?, word()?);
        let (target, rest) = (name(word()?).ok_or(())?, word()?);
        let (process, rest) = optional(rest, |word| word.parse().ok());
        let (session, reason) = optional(rest, session);
        Ok(Self {
            number: number.parse().map_err(drop)?,
            action: action.parse().map_err(drop)?,
            target,
            process,
            session,
            reason: name(reason).ok_or(())?,
        })
    }
}

/// Parses the first word if it is of this kind; returns it and the rest.
fn optional<T>(rest: &str, read: impl Fn(&str) -> Option<T>) -> (Option<T>, &str) {
    let taken = rest.split_once(' ');
    let taken = taken.and_then(|(word, rest)| Some((read(word)?, rest)));
    taken.map_or((None, rest), |(value, rest)| (Some(value), rest))
}

fn session(word: &str) -> Option<i64> {
    // `{:x}` writes a negative number as its two's complement.
    let id = u64::from_str_radix(word.strip_prefix(SESSION)?, 16).ok()?;
    Some(id.cast_signed())
}

/// The value of the control znode.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Control {
    /// The epoch of the master that wrote it; `None` in a value that no master wrote.
    pub epoch: Option<i64>,
    /// That master's claim: its epoch lasts as long as the claim exists. `None` in a value of an older
    /// version.
    pub claim: Option<String>,
    /// The interval between two beats of a follower in ZooKeeper.
    pub interval: Option<Duration>,
    /// The interval between two beats of a follower on its direct connection, if it is another one.
    pub direct_interval: Option<Duration>,
    /// The interval that an operator has requested: later masters keep it.
    pub asked: Option<Duration>,
    /// The number of the last order of any master.
    pub number: u64,
    /// The standing orders, oldest first.
    pub orders: Vec<Order>,
}

impl Control {
    /// Reads a value. Never fails: unknown lines are ignored.
    pub fn parse(value: &[u8]) -> Self {
        let mut control = Self::default();
        for line in String::from_utf8_lossy(value).lines() {
            if let Ok(order) = line.parse() {
                control.orders.push(order);
            }
            match line.split_once(": ") {
                Some((EPOCH, epoch)) => control.epoch = epoch.parse().ok(),
                Some((CLAIM, claim)) => {
                    control.claim = claim::is_name(claim).then(|| claim.to_owned());
                }
                Some((INTERVAL, interval)) => control.interval = micros(interval),
                Some((DIRECT_INTERVAL, interval)) => control.direct_interval = micros(interval),
                Some((ASKED, interval)) => control.asked = micros(interval),
                Some((NUMBER, number)) => {
                    let number: Option<u64> = number.parse().ok();
                    // No master gives that many orders: treat a larger number as missing.
                    control.number = number.filter(|number| *number <= u64::MAX / 2).unwrap_or(0);
                }
                _ => {}
            }
        }
        control
    }
}

impl fmt::Display for Control {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(epoch) = self.epoch {
            writeln!(f, "{EPOCH}: {epoch}")?;
        }
        if let Some(claim) = &self.claim {
            writeln!(f, "{CLAIM}: {claim}")?;
        }
        for (key, interval) in [
            (INTERVAL, self.interval),
            (DIRECT_INTERVAL, self.direct_interval),
            (ASKED, self.asked),
        ] {
            if let Some(interval) = interval {
                writeln!(f, "{key}: {}us", interval.as_micros())?;
            }
        }
        if self.number > 0 {
            writeln!(f, "{NUMBER}: {}", self.number)?;
        }
        self.orders
            .iter()
            .try_for_each(|order| writeln!(f, "{order}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(action: Action, target: &str) -> Order {
        Order {
            number: 7,
            action,
            target: target.to_owned(),
            process: None,
            session: None,
            reason: "stalled: spinning".to_owned(),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let control = Control {
            epoch: Some(9),
            claim: Some("_c_a-lock-0000000001".to_owned()),
            interval: Some(Duration::from_micros(8500)),
            direct_interval: Some(Duration::from_millis(5)),
            asked: None,
            number: 7,
            orders: vec![
                order(Action::KillTask, "map1.5"),
                order(Action::KillJob, "job_1_0001"),
                Order {
                    process: "77@node1".parse().ok(),
                    session: Some(-5),
                    ..order(Action::Reinit, "map1.6")
                },
                Order {
                    session: Some(0x1000_0000_0000_0001),
                    ..order(Action::KillTask, "m2 x")
                },
            ],
        };
        assert_eq!(Control::parse(control.to_string().as_bytes()), control);
        assert_eq!(Control::parse(b"hello\norder x"), Control::default());
    }

    #[test]
    fn an_interval_is_no_longer_than_a_day() {
        let day = Some(Duration::from_secs(86_400));
        assert_eq!(micros("18446744073709551615us"), day);
        assert_eq!(micros("86400000001us"), day);
        assert_eq!(micros("8500us"), Some(Duration::from_micros(8500)));
        assert_eq!(micros("18446744073709551616us"), None);
    }

    #[test]
    fn an_order_is_for_one_member_or_for_one_job() {
        let identity = Identity {
            job: Some("job_1_0001".to_owned()),
            ..Identity::default()
        };
        assert!(order(Action::KillTask, "map1.5").is_for("map1.5", &identity, &[]));
        assert!(!order(Action::KillTask, "map1.5").is_for("map1.50", &identity, &[]));
        assert!(order(Action::KillJob, "job_1_0001").is_for("map1.5", &identity, &[]));
        assert!(!order(Action::KillJob, "job_1_0002").is_for("map1.5", &identity, &[]));
    }

    #[test]
    fn another_process_of_the_same_name_is_not_meant() {
        let of = |pid| Identity {
            host: "node1".to_owned(),
            pid,
            ..Identity::default()
        };
        let order = Order {
            process: Process::of(&of(77)),
            ..order(Action::KillTask, "map1.5")
        };
        assert!(order.is_for("map1.5", &of(77), &[]));
        assert!(!order.is_for("map1.5", &of(78), &[]));
        assert!(!order.is_for("map1.6", &of(77), &[]));
    }

    #[test]
    fn another_session_is_not_meant() {
        let order = Order {
            session: Some(7),
            ..order(Action::KillTask, "m2 x")
        };
        let identity = Identity::default();
        let read = |order: &Order| order.to_string().parse::<Order>();
        assert_eq!(read(&order), Ok(order.clone()));
        assert!(order.is_for("m2 x", &identity, &[3, 7]));
        assert!(!order.is_for("m2 x", &identity, &[3]));
        // A blank in a name does not turn it into another name.
        assert!(!order.is_for("m2", &identity, &[7]));
    }
}
