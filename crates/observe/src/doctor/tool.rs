//! Asks a program for its version, within a limit.

use std::ffi::OsStr;
use std::io::{ErrorKind, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// The most of what a program may say that is read, in bytes, of each stream.
const MOST: u64 = 4096;
/// How often to look whether it has ended.
const TURN: Duration = Duration::from_millis(10);

/// What the program says on stdout and stderr; or why it says nothing. It is killed at `end`.
pub(super) fn answer(program: &OsStr, argument: &str, end: Instant) -> Result<String, String> {
    let mut child = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(|error| match error.kind() {
            ErrorKind::NotFound => "is not there".to_owned(),
            _ => format!("cannot be run: {error}"),
        })?;
    loop {
        match child.try_wait() {
            Ok(Some(_)) => break,
            Ok(None) if Instant::now() < end => sleep(TURN),
            Ok(None) | Err(_) => {
                kill(&mut child);
                return Err("does not tell its version in time".to_owned());
            }
        }
    }
    // A version has room in a pipe, so that a program ends before anybody reads what it says. A process that it has
    // left behind with its streams is not waited for: the caller's limit holds.
    let mut said = Vec::new();
    let mut read = 0;
    if let Some(stdout) = child.stdout.take() {
        read += stdout.take(MOST).read_to_end(&mut said).unwrap_or_default();
    }
    if let Some(stderr) = child.stderr.take() {
        read += stderr.take(MOST).read_to_end(&mut said).unwrap_or_default();
    }
    if read == 0 {
        return Err("does not tell its version".to_owned());
    }
    Ok(String::from_utf8_lossy(&said).into_owned())
}

/// Kills the program and what it has started: it has a process group of its own.
fn kill(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // Nobody has waited for the program, so that the number is still its own.
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(script: &str, limit: Duration) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tool");
        std::fs::write(&path, script).unwrap();
        // A shell reads the script: a file that was just written may still be open in another test's child.
        answer(
            "sh".as_ref(),
            path.to_str().unwrap(),
            Instant::now() + limit,
        )
    }

    #[test]
    fn both_streams_are_read_and_a_limit_holds() {
        let minute = Duration::from_secs(60);
        assert_eq!(ask("echo 17; echo 18 >&2", minute).unwrap(), "17\n18\n");
        assert!(ask("exec sleep 600", Duration::from_millis(200)).is_err());
        assert!(ask("sleep 600", Duration::from_millis(200)).is_err());
        assert!(ask("exit 0", minute).is_err());
        assert!(answer("/no/such".as_ref(), "-v", Instant::now()).is_err());
    }
}
