//! `heartline events`: what happens to the members of a job, published as JSON lines to stdout, a file or Kafka.
//!
//! - [`watch`](crate::watch) hears of it; [`publish`] puts it into a bounded [`buffer`] at once, so that ZooKeeper
//!   is read whatever becomes of the lines.
//! - An outlet takes them out of it, and says what has arrived: [`lines`] for stdout and files ([`file`]); with the
//!   feature of its name, `kafka`.
//!
//! Each event is delivered at least once, and those of one node in their order. What the buffer cannot hold is lost,
//! oldest first; a line of its own says how many, where they are missing.

mod args;
mod buffer;
mod file;
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "kafka")]
mod kafka;
mod lines;
mod message;
mod partition;
mod publish;
mod sink;
mod target;

pub use args::EventsArgs;
