//! An operator's request to the master: a znode below `/heart_beat_requests`, where the master also writes
//! the answer.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::escape::{Line, Word, unescape};
use super::time::micros;

const DONE: &str = "done: ";
const REFUSED: &str = "refused: ";
const AUTO: &str = "auto";

/// The request of an operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// End the member, the attempt, all attempts of the task, or the job with this name.
    Kill(String),
    /// Make the member with this name rejoin.
    Reinit(String),
    /// Set the interval of all followers; `None` returns to the one that the budget gives.
    Interval(Option<Duration>),
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(target) => write!(f, "kill {}", Word(target)),
            Self::Reinit(target) => write!(f, "reinit {}", Word(target)),
            Self::Interval(None) => write!(f, "interval {AUTO}"),
            Self::Interval(Some(interval)) => write!(f, "interval {}us", interval.as_micros()),
        }
    }
}

impl FromStr for Request {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (what, rest) = text.trim().split_once(' ').ok_or(())?;
        if rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(());
        }
        match (what, rest) {
            ("kill", target) => Ok(Self::Kill(unescape(target))),
            ("reinit", target) => Ok(Self::Reinit(unescape(target))),
            ("interval", AUTO) => Ok(Self::Interval(None)),
            ("interval", interval) => Ok(Self::Interval(Some(micros(interval).ok_or(())?))),
            _ => Err(()),
        }
    }
}

/// The master's answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Response {
    /// The request was carried out, or the affected members have their orders.
    Done(String),
    /// The request cannot be carried out.
    Refused(String),
}

impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(text) => write!(f, "{DONE}{}", Line(text)),
            Self::Refused(text) => write!(f, "{REFUSED}{}", Line(text)),
        }
    }
}

impl FromStr for Response {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let done = text
            .strip_prefix(DONE)
            .map(|text| Self::Done(unescape(text)));
        let refused = || {
            text.strip_prefix(REFUSED)
                .map(|text| Self::Refused(unescape(text)))
        };
        done.or_else(refused).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for request in [
            Request::Kill("attempt_1_0001_m_000000_0".to_owned()),
            Request::Reinit("map1.5".to_owned()),
            Request::Kill("m2 x".to_owned()),
            Request::Interval(None),
            Request::Interval(Some(Duration::from_millis(20))),
        ] {
            assert_eq!(request.to_string().parse(), Ok(request));
        }
        for response in [
            Response::Done("map1".to_owned()),
            Response::Refused("no".to_owned()),
        ] {
            assert_eq!(response.to_string().parse(), Ok(response));
        }
    }

    #[test]
    fn what_is_no_request_is_refused() {
        for wrong in [
            "",
            "kill",
            "kill a b",
            "kill a\norder 1",
            "interval 5",
            "launch x",
        ] {
            assert_eq!(wrong.parse::<Request>(), Err(()), "{wrong:?}");
        }
    }
}
