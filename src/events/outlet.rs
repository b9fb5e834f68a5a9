//! The way out: who takes batches, and what it answers.

use anyhow::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::buffer::Batch;

/// What the other end of an [`Outlet`] answers.
#[derive(Debug)]
pub(super) enum Answer {
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
pub(super) struct Outlet {
    pub(super) batches: UnboundedSender<Batch>,
    pub(super) answers: UnboundedReceiver<Answer>,
}

/// The end of whoever delivers.
#[derive(Debug)]
pub(super) struct Inlet {
    pub(super) batches: UnboundedReceiver<Batch>,
    pub(super) answers: Answers,
}

/// Says how it goes; to nobody once the publisher is gone.
#[derive(Clone, Debug)]
pub(super) struct Answers(UnboundedSender<Answer>);

impl Answers {
    pub(super) fn say(&self, answer: Answer) {
        let _ = self.0.send(answer);
    }
}

/// Both ends.
pub(super) fn outlet() -> (Outlet, Inlet) {
    let (batches, taken) = unbounded_channel();
    let (said, answers) = unbounded_channel();
    let inlet = Inlet {
        batches: taken,
        answers: Answers(said),
    };
    (Outlet { batches, answers }, inlet)
}
