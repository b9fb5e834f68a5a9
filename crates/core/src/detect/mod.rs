//! Failure detection: arrival times in, suspicion out. Pure: no clock, no IO, and independent of the rest of
//! heartline.
//!
//! A member is overdue when it was not heard for longer than it is allowed ([`Detector`]). The allowance is a
//! fixed time, or grows with the member's known silences and with the number of members that are silent at
//! once ([`Rule`], [`IntervalWindow`], [`Detector::company`]). Time runs only while the listener can prove
//! that it hears at all ([`EchoClock`]). Direct connections say more than silence: that a process has ended, or that it
//! still exists ([`PeerConnections`]). A detector's input can be recorded and classified again by another
//! rule ([`Observation`]).

mod cause;
mod connections;
mod detector;
mod echo_clock;
mod host_query;
mod interval_window;
mod observation;
mod rule;

pub use cause::{DeathCause, ProbeOutcome};
pub use connections::{PeerConnections, ProbeReason, ProbeRequest};
pub use detector::Detector;
pub use echo_clock::EchoClock;
pub use host_query::{HostQuery, HostState};
pub use interval_window::IntervalWindow;
pub use observation::{Observation, Sign};
pub use rule::{DetectorConfig, Rule};
