//! Failure detection: arrival times in, suspicion out. Pure: no clock, no IO, nothing of the rest
//! of heartline.
//!
//! Two ideas: a follower is overdue when nothing was heard of it for a timeout ([`FixedTimeout`]),
//! and that time only runs while the listener can prove that it hears at all ([`Hearing`]).

mod fixed;
mod hearing;

pub use fixed::FixedTimeout;
pub use hearing::Hearing;
