//! Heartbeats for Hadoop Streaming tasks.

pub mod cli;
pub mod clock;
pub mod coordination;
pub mod detect;
pub mod master;
pub mod member;
pub mod protocol;
pub mod setup;
pub mod streaming;
pub mod watch;
