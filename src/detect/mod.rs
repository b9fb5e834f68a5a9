//! Failure detection: arrival times in, suspicion out. Pure: no clock, no IO, nothing of the rest
//! of heartline.
//!
//! A member is overdue when nothing was heard of it for longer than it is allowed ([`Detector`]). The
//! allowance is a fixed time, or grows with the silences it is known for and with the number of those
//! who are silent at once ([`Rule`], [`IntervalWindow`], [`Detector::company`]).
//! Time runs only while the listener can prove that it hears at all ([`EchoClock`]). What a detector
//! was told can be written down and judged again by another rule ([`Observation`]).

mod detector;
mod echo_clock;
mod interval_window;
mod observation;
mod rule;

pub use detector::Detector;
pub use echo_clock::EchoClock;
pub use interval_window::IntervalWindow;
pub use observation::{Observation, Sign};
pub use rule::{DetectorConfig, Rule};
