//! The interface between the publisher and a sink: batches go out, delivery reports come back.

use anyhow::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::buffer::Batch;

/// A report from the other end of a [`Sink`].
#[derive(Debug)]
pub(super) enum DeliveryReport {
    /// The number of partitions.
    Open(usize),
    /// The next messages of a partition have arrived: the partition, and the number of messages.
    Delivered(usize, usize),
    /// Why a partition's messages do not arrive; they are tried again.
    Problem(usize, String),
    /// Delivery has failed for good.
    Over(Error),
}

/// The publisher's end. Neither direction needs a bound, because each partition has only one batch at a time.
#[derive(Debug)]
pub(super) struct Sink {
    pub(super) batches: UnboundedSender<Batch>,
    pub(super) answers: UnboundedReceiver<DeliveryReport>,
}

/// The delivering end.
#[derive(Debug)]
pub(super) struct SinkWorker {
    pub(super) batches: UnboundedReceiver<Batch>,
    pub(super) answers: DeliveryReports,
}

/// Sends reports to the publisher; they are dropped once it has ended.
#[derive(Clone, Debug)]
pub(super) struct DeliveryReports(UnboundedSender<DeliveryReport>);

impl DeliveryReports {
    pub(super) fn say(&self, answer: DeliveryReport) {
        let _ = self.0.send(answer);
    }
}

/// Creates both ends.
pub(super) fn sink() -> (Sink, SinkWorker) {
    let (batches, taken) = unbounded_channel();
    let (said, answers) = unbounded_channel();
    let inlet = SinkWorker {
        batches: taken,
        answers: DeliveryReports(said),
    };
    (Sink { batches, answers }, inlet)
}
