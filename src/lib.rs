//! Heartbeats for Hadoop Streaming tasks.

pub mod clock;
pub mod detect;
pub mod master;
pub mod protocol;
pub mod streaming;
