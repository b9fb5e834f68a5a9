//! What goes between the feeds of a job and what shows it: readings, events and outages one way, questions the other.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::oneshot;

use heartline_core::protocol::Event;
use heartline_observe::status::{Overview, Unavailable};

/// Maximum number of questions that wait for an answer.
pub(crate) const MOST_ASKED: usize = 16;

/// What shows a job, and learns each change of it.
pub(crate) trait JobUpdates {
    /// A reading was made; `took` is how long it took.
    fn read(&self, took: Duration, overview: &Overview);
    /// A reading has failed.
    fn unavailable(&self, at: DateTime<Utc>, why: &Unavailable);
    /// Something has happened.
    fn event(&self, event: &Event);
}

/// A question for the snapshot of a stalled member.
#[derive(Debug)]
pub(crate) struct SnapshotRequest {
    pub(crate) node: String,
    /// The text, if there is a snapshot, or why it cannot be read.
    pub(crate) answer: oneshot::Sender<Result<Option<String>, String>>,
}
