//! Processes, files and standard streams.
//!
//! - [`files`]: opens and reads files that others may have prepared: regular ones only, up to a limit.
//! - [`blocking`]: work that may block for long, beside a runtime.
//! - [`stdio`]: the standard streams of the process, whatever they are.
//! - [`say`]: messages for people on stderr.
//! - [`progress`]: the counters of a data path, which a heartbeat reads.
//! - [`supervisor`]: runs a command, and ends it when its time is over.
//! - [`wrapped`]: passes a command's stdin and stdout through, and waits for its end.
//! - [`vitals`]: samples a command's processes from `/proc`.

pub mod blocking;
pub mod files;
pub mod progress;
pub mod say;
pub mod stdio;
pub mod supervisor;
pub mod vitals;
pub mod wrapped;

#[cfg(test)]
#[path = "../../../tests/support/left_out.rs"]
mod left_out;
