//! Any command with its stdin and stdout passed through, watched from the outside: what goes in, what comes
//! out, and how it ends.
//!
//! - [`Streams`] are the command's stdin and stdout. A file, a device or a terminal is handed over as it is,
//!   and a file's offset shows how far the command is; a pipe is passed on by a relay, a plain thread that moves
//!   pages from pipe to pipe without copying them and waits for nothing else.
//! - [`RelayedStream`] is what a relay knows of its stream: exact bytes, records counted within a budget, and the
//!   bytes that went through last.
//! - [`Wrapped`] is the running command: one loop over its events ([`ChildEvent`]). Another thread, such as the
//!   stall monitor, can order its end through [`Wrapped::orders`].
//!
//! - [`UnreadInput`] says what happens to the rest of an input whose command ends before it.
//!
//! The command itself runs under [`crate::supervisor`]: no process of it is left behind when this program is killed.

mod command;
mod counting;
mod ending;
mod relay;
mod relayed_stream;
mod rest;
mod streams;

pub use command::{ChildEvent, ChildEvents, ChildObserver, Order, Wrapped};
pub use counting::Record;
pub use ending::CommandOutcome;
pub use relayed_stream::RelayedStream;
pub use rest::UnreadInput;
pub use streams::{Stream, Streams};
