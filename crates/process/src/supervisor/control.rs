//! The messages between a program and the supervisor of its command: one line each.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// How long a command may run, by [`super::boot_time`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    /// When the command is asked to end (SIGTERM).
    pub stop_by: Duration,
    /// When the command must be gone (SIGKILL).
    pub dead_by: Duration,
}

impl Until {
    /// No limit: some hundred thousand years.
    pub const ANY_TIME: Self = Self {
        stop_by: Duration::from_micros(u64::MAX / 4),
        dead_by: Duration::from_micros(u64::MAX / 4),
    };
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The exit status, as a shell shows it: 128 and more for a signal.
    pub status: u8,
    /// Whether the command ended on its own, and not because the supervisor ended it.
    pub by_itself: bool,
}

/// A message to a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The command may run longer.
    Renew(Until),
    /// The command must end within this time.
    Stop(Duration),
}

/// A message from a supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Report {
    /// The command runs as the process with this id.
    Started(u32),
    /// The command has ended, with all processes that it had started.
    Ended(Ended),
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Renew(until) => writeln!(
                f,
                "renew {} {}",
                until.stop_by.as_micros(),
                until.dead_by.as_micros()
            ),
            Self::Stop(grace) => writeln!(f, "stop {}", grace.as_micros()),
        }
    }
}

impl FromStr for Order {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["renew", stop_by, dead_by] => Ok(Self::Renew(Until {
                stop_by: micros(stop_by)?,
                dead_by: micros(dead_by)?,
            })),
            ["stop", grace] => Ok(Self::Stop(micros(grace)?)),
            _ => Err(()),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(pid) => writeln!(f, "started {pid}"),
            Self::Ended(ended) => writeln!(f, "ended {} {}", ended.status, ended.by_itself),
        }
    }
}

impl FromStr for Report {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["started", pid] => Ok(Self::Started(pid.parse().map_err(drop)?)),
            ["ended", status, by_itself] => Ok(Self::Ended(Ended {
                status: status.parse().map_err(drop)?,
                by_itself: by_itself.parse().map_err(drop)?,
            })),
            _ => Err(()),
        }
    }
}

fn micros(text: &str) -> Result<Duration, ()> {
    text.parse().map(Duration::from_micros).map_err(drop)
}

/// Collects received bytes and returns complete lines.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// The next complete line that can be parsed; drops the others.
    pub(super) fn next<T: FromStr>(&mut self) -> Option<T> {
        while let Some(end) = self.0.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.0.drain(..=end).collect();
            let said = std::str::from_utf8(&line[..end]).ok();
            if let Some(said) = said.and_then(|line| line.parse().ok()) {
                return Some(said);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_back_however_they_come() {
        let until = Until {
            stop_by: Duration::from_micros(17),
            dead_by: Duration::from_secs(3),
        };
        let said = format!("{}{}", Order::Renew(until), Order::Stop(Duration::ZERO));
        let mut lines = Lines::default();
        let mut heard = Vec::new();
        for byte in said.bytes().chain(*b"what?\n") {
            lines.push(&[byte]);
            heard.extend(lines.next::<Order>());
        }
        assert_eq!(heard, [Order::Renew(until), Order::Stop(Duration::ZERO)]);
        let ended = Ended {
            status: 137,
            by_itself: true,
        };
        lines.push(format!("{}{}", Report::Started(5), Report::Ended(ended)).as_bytes());
        assert_eq!(lines.next(), Some(Report::Started(5)));
        assert_eq!(lines.next(), Some(Report::Ended(ended)));
        assert_eq!(lines.next::<Report>(), None);
    }
}
