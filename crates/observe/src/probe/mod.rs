//! Asks many servers at once, each with a time limit: four-letter words of
//! `ZooKeeper` ([`word`]), pages of JSON ([`page`]).
//!
//! Each question has its own thread, and nothing waits for that thread after the limit: a call that blocks without a
//! limit, such as name resolution, delays nothing else.

mod challenge;
#[doc(hidden)]
pub mod fuzzing;
mod page;
mod words;

use std::io;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use thiserror::Error;

#[cfg(feature = "webhook")]
pub(crate) use page::certificates;
pub use page::{Pages, page};
pub use words::{knock, word, word_by_tls};

/// How long after its end an answer is still accepted: threads of a busy machine are late.
pub const GRACE: Duration = Duration::from_millis(200);

/// Asks now, on a thread that nothing waits for after `end`.
pub fn ask<T: Send + 'static>(
    end: Instant,
    question: impl FnOnce() -> T + Send + 'static,
) -> Pending<T> {
    let (sender, answer) = mpsc::sync_channel(1);
    // A question that cannot be asked counts as no answer.
    let _ = thread::Builder::new().spawn(move || {
        let answer = question();
        // After `end` the receiver is gone.
        let _ = sender.send(answer);
    });
    Pending { answer, end }
}

/// An answer that is awaited.
#[derive(Debug)]
pub struct Pending<T> {
    answer: Receiver<T>,
    end: Instant,
}

impl<T> Pending<T> {
    /// The answer, if it comes by the end.
    pub fn answer(self) -> Option<T> {
        self.answer.recv_timeout(left(self.end + GRACE)).ok()
    }
}

/// The time left until `end`.
pub fn left(end: Instant) -> Duration {
    end.saturating_duration_since(Instant::now())
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Silence {
    /// The host is unknown.
    #[error("the host is not known")]
    Unknown,
    /// The host answers, but the server does not run.
    #[error("nothing listens there")]
    Refused,
    /// No answer within the limit.
    #[error("does not answer")]
    Slow,
    /// The server tells only somebody with a ticket of Kerberos, and why it got none; the reason may be known already.
    #[error("asks for a Kerberos ticket{}{}", if .0.is_empty() { "" } else { ", " }, .0)]
    Closed(String),
    /// The host cannot be reached, or the connection was closed early.
    #[error("{0}")]
    Broken(String),
}

impl From<io::Error> for Silence {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind::{
            BrokenPipe, ConnectionAborted, ConnectionRefused, ConnectionReset, TimedOut,
            UnexpectedEof, WouldBlock,
        };
        match error.kind() {
            ConnectionRefused => Self::Refused,
            TimedOut | WouldBlock => Self::Slow,
            BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof => {
                Self::Broken("closes the connection".to_owned())
            }
            _ => Self::Broken(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_waited_for_after_the_end() {
        let (_open, never) = mpsc::channel::<()>();
        let end = Instant::now() + Duration::from_millis(300);
        let mute = ask(end, move || never.recv());
        let broken: Pending<u8> = ask(end, || panic!("for a test"));
        let good = ask(end, || 3);
        assert!(mute.answer().is_none() && broken.answer().is_none());
        assert_eq!(good.answer(), Some(3));
    }
}
