//! The last step before a command: the process that becomes the command.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

use crate::say::say;

/// Becomes `command`, which dies with its parent process `supervisor`. Returns only if
/// that fails, with the status that a shell would give: 127 for a command that does not exist,
/// otherwise 126. The error message begins with the name of `program`, which the command belongs to.
pub fn become_command(program: &str, supervisor: i32, command: &[OsString]) -> ExitCode {
    let Some((executable, arguments)) = command.split_first() else {
        return ExitCode::from(126);
    };
    // First request the signal, then check the parent: a supervisor that dies in between is noticed either way.
    if set_parent_process_death_signal(Some(Signal::KILL)).is_err()
        || getppid() != Pid::from_raw(supervisor)
    {
        return ExitCode::from(126);
    }
    let error = Command::new(executable).args(arguments).exec();
    say(
        program,
        format_args!("cannot run {}: {error}", executable.display()),
    );
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    ExitCode::from(if is_missing { 127 } else { 126 })
}
