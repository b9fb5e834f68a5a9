//! How a program of the data path ends.

use super::StreamError;
use std::process::ExitCode;

/// The exit code for `result`, once everything else (the heartbeat) has been ended.
///
/// A failure is said on stderr in one line that begins with `program`, and gives 1. When the reader of our
/// output has gone, the program dies quietly of SIGPIPE, as it would without the handling that Rust puts
/// before it: a shell shows status 141, and `mapper | sort` is not mistaken for complete.
pub fn exit(program: &str, result: Result<(), StreamError>) -> ExitCode {
    let Err(error) = result else {
        return ExitCode::SUCCESS;
    };
    if error.is_broken_pipe() {
        // It comes back only if the signal could not be raised; then the code still says that it failed.
        let _ = signal_hook::low_level::emulate_default_handler(signal_hook::consts::SIGPIPE);
    } else {
        eprintln!("{program}: {error}");
    }
    ExitCode::FAILURE
}
