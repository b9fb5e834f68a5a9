//! Why a task stands still: samples in, a verdict out. Pure: no clock, no IO, and independent of the rest of
//! heartline except for the interval window.
//!
//! A [`Sample`] says how far a command is and what its processes wait for. The [`Classifier`] derives a
//! [`Condition`] from the samples of the last second, and says when the command is *stalled*: when it stands
//! still by its own fault for longer than [`StallTimeout`] allows.

mod classifier;
mod sample;
mod stall_timeout;
mod verdict;

pub use classifier::{Classifier, ConditionChange};
pub use sample::{InputFill, OutputFill, Sample, Waiting};
pub use stall_timeout::{StallTimeout, StallTimeoutError};
pub use verdict::Condition;
