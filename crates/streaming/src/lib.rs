//! The data path: what a streaming task does with its records.
//!
//! Bytes arrive from stdin in blocks and leave to stdout in blocks, on a plain thread that waits for nothing else; a
//! heartbeat reads how far it is through [`heartline_process::progress::Progress`]. Nothing in this crate knows of the
//! heartbeat.
//!
//! - [`map_words`] writes `word<TAB>1` for each word, [`map_combined`] sums words in bounded memory first.
//! - [`reduce`] sums the sorted lines of the shuffle.
//! - [`Task`] holds what Hadoop's environment says of this task, [`StatusLine`] reports its status to Hadoop.
//! - [`StreamError`] says on which side the data path failed, [`exit`] ends the program accordingly.

mod blocks;
mod combine;
mod edges;
mod error;
mod exit;
mod long;
mod long_line;
mod reduce;
mod short;
mod simd;
mod status;
mod sum;
mod task;
#[cfg(test)]
mod testing;
pub mod umbilical;
mod words;

pub use combine::map_combined;
pub use error::StreamError;
pub use exit::{die_of_broken_pipe, die_of_signal, exit};
pub use reduce::{Skipped, reduce};
pub use status::StatusLine;
pub use task::{BinaryStreams, Task};
pub use words::map_words;
