//! Failure detection: arrival times in, suspicion out. Pure: no clock, no IO, nothing of the rest
//! of heartline.
//!
//! A member is overdue when nothing was heard of it for longer than it is allowed ([`Detector`]). The
//! allowance is a fixed time, or grows with the silences it is known for and with the number of those
//! who are silent at once ([`Rule`], [`Silences`], [`Detector::company`]).
//! Time runs only while the listener can prove that it hears at all ([`Hearing`]). What a detector
//! was told can be written down and judged again by another rule ([`Observation`]).

mod detector;
mod hearing;
mod observation;
mod rule;
mod silences;

pub use detector::Detector;
pub use hearing::Hearing;
pub use observation::{Observation, Sign};
pub use rule::{Rule, Terms};
pub use silences::Silences;
