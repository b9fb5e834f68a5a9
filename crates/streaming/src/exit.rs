//! How a program of the data path ends.

use super::StreamError;
use heartline_process::say::say;
use signal_hook::consts::SIGPIPE;
use signal_hook::low_level::emulate_default_handler;
use std::process::ExitCode;

/// Ends by SIGPIPE, like a program that does not handle this signal: without a message, and with status 141 in the
/// shell, so that `mapper | sort` does not mistake a truncated stream for a complete one.
pub fn die_of_broken_pipe() -> ExitCode {
    die_of_signal(SIGPIPE)
}

/// Ends by `signal`, as if it had not been caught: the shell and Hadoop see the true cause. Returns 128 and the signal's
/// number where the signal has no effect, as in a container's first process.
pub fn die_of_signal(signal: i32) -> ExitCode {
    let _ = emulate_default_handler(signal);
    ExitCode::from(u8::try_from(128 + signal).unwrap_or(u8::MAX))
}

/// The exit code for `result`, to be called once everything else (the heartbeat) has ended: 1 for a failure, which
/// is printed on stderr in one line that begins with `program`. If the reader of our output has gone, ends by
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
