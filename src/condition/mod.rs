//! Why a task stands still: what was measured in, a verdict out. Pure: no clock, no IO, nothing of
//! the rest of heartline but what it knows of silences.
//!
//! A [`Sample`] says how far a command is and what its processes wait for. The [`Classifier`] makes a
//! [`Condition`] of the last second of them, and says when the command is *stalled*: when it stands
//! still by its own fault for longer than [`StallTimeout`] allows.

mod classifier;
mod sample;
mod stall_timeout;
mod verdict;

pub use classifier::{Change, Classifier};
pub use sample::{InputFill, OutputFill, Sample, Waiting};
pub use stall_timeout::{StallTimeout, StallTimeoutError};
pub use verdict::Condition;
