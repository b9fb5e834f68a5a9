//! How a program of the data path ends.

use super::StreamError;
use crate::say::say;
use signal_hook::consts::SIGPIPE;
use signal_hook::low_level::emulate_default_handler;
use std::process::ExitCode;

/// Ends by SIGPIPE, as a program does that was never asked to survive it: quiet, and status 141 in the
/// shell, so that `mapper | sort` does not take a cut for the whole.
pub fn die_of_broken_pipe() -> ExitCode {
    let _ = emulate_default_handler(SIGPIPE);
    // Only reached where the signal has no effect, as in a container's first process.
    ExitCode::from(141)
}

/// The exit code for `result`, once everything else (the heartbeat) has been ended: 1 for a failure, which is
/// said on stderr in one line that begins with `program`. When the reader of our output has gone, ends by
/// [`die_of_broken_pipe`].
pub fn exit(program: &str, result: Result<(), StreamError>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_broken_pipe() => die_of_broken_pipe(),
        Err(error) => {
            say(program, error);
            ExitCode::FAILURE
        }
    }
}
