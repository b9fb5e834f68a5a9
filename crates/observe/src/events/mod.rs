//! `heartline events`: publishes what happens to the members of a job as JSON lines to stdout, a file or Kafka.
//!
//! - [`watch`](crate::watch) observes the events; `publish` puts them into a bounded `buffer` at once, so that
//!   reading from ZooKeeper never waits for the delivery.
//! - A sink takes lines out of the buffer, and reports which have arrived: `lines` for stdout and files ([`file`]);
//!   with the feature of the same name, `kafka`.
//!
//! Each event is delivered at least once, and the events of one node arrive in order. Events that do not fit into the
//! buffer are lost, oldest first; a separate line at their position reports how many.

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
#[cfg(feature = "webhook")]
mod webhook;

pub use args::EventsArgs;
