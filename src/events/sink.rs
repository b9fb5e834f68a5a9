//! The way out: who takes batches, and what it answers.

use anyhow::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::buffer::Batch;

/// What the other end of an [`Sink`] answers.
#[derive(Debug)]
pub(super) enum DeliveryReport {
    /// There are so many lanes.
    Open(usize),
    /// The next so many messages of a lane have arrived.
    Delivered(usize, usize),
    /// Why a lane's messages do not arrive; they are tried again.
    Trouble(usize, String),
    /// It never will.
    Over(Error),
}

/// The end of the publisher. Neither direction is bounded, for each lane has one batch at a time.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) batches: UnboundedSender<Batch>,
    pub(super) answers: UnboundedReceiver<DeliveryReport>,
}

/// The end of whoever delivers.
#[derive(Debug)]
pub(super) struct SinkWorker {
    pub(super) batches: UnboundedReceiver<Batch>,
    pub(super) answers: DeliveryReports,
}

/// Says how it goes; to nobody once the publisher is gone.
#[derive(Clone, Debug)]
pub(super) struct DeliveryReports(UnboundedSender<DeliveryReport>);

impl DeliveryReports {
    pub(super) fn say(&self, answer: DeliveryReport) {
        let _ = self.0.send(answer);
    }
}

/// Both ends.
pub(super) fn sink() -> (Sink, SinkWorker) {
    let (batches, taken) = unbounded_channel();
    let (said, answers) = unbounded_channel();
    let inlet = SinkWorker {
        batches: taken,
        answers: DeliveryReports(said),
    };
    (Sink { batches, answers }, inlet)
}
