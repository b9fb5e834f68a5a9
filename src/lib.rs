//! Heartbeats for Hadoop Streaming tasks.

pub mod streaming;
