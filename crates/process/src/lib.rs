//! Processes, files and standard streams.
//!
//! - [`files`]: opens and reads files that others may have prepared: regular ones only, up to a limit.
//! - [`stdio`]: the standard streams of the process, whatever they are.
//! - [`say`]: messages for people on stderr.
//! - [`progress`]: the counters of a data path, which a heartbeat reads.
//! - [`off_thread`](mod@off_thread): what may hang, on a thread of its own.
//! - `service`: what the service manager of the system is told; only with the feature `service`.
//! - [`supervisor`]: runs a command, and ends it when its time is over.
//! - [`wrapped`]: passes a command's stdin and stdout through, and waits for its end.
//! - [`vitals`]: samples a command's processes from `/proc`.

pub mod files;
pub mod off_thread;
pub mod progress;
pub mod say;
#[cfg(feature = "service")]
pub mod service;
pub mod stdio;
pub mod supervisor;
pub mod vitals;
pub mod wrapped;

#[cfg(test)]
#[path = "../../../tests/support/left_out.rs"]
mod left_out;
