//! Whether this machine supports what network namespaces and small disks need, and whether the test runs as root.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Why namespaces, or one of these programs, are not available; `None` if they are.
pub(crate) fn no_namespaces(programs: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("needs root, to make network namespaces".to_owned());
    }
    let mut programs = ["ip"].iter().chain(programs);
    if let Some(program) = programs.find(|program| which(program).is_none()) {
        return Some(format!("{program} is missing"));
    }
    let name = format!("hl-test-{}", std::process::id());
    for action in ["add", "del"] {
        match Command::new("ip").args(["netns", action, &name]).output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                let why = String::from_utf8_lossy(&output.stderr);
                return Some(format!("no network namespaces can be made: {why}"));
            }
            Err(error) => return Some(format!("ip: {error}")),
        }
    }
    None
}

/// Why a test that needs root cannot run; `None` if it can.
pub(crate) fn not_root() -> Option<String> {
    let is_root = rustix::process::geteuid().is_root();
    (!is_root).then(|| "needs root, to give files to another user and act as that user".to_owned())
}

/// Why no small disk can be mounted here, judged by the result of an attempt; `None` if one can.
pub(crate) fn no_small_disk(tried: io::Result<Output>) -> Option<String> {
    let why = match tried {
        Ok(output) if output.status.success() => return None,
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => format!("unshare: {error}"),
    };
    Some(if rustix::process::geteuid().is_root() {
        format!("no small disk can be mounted: {why}")
    } else {
        format!("needs root, or user namespaces, to mount a small disk: {why}")
    })
}

/// The path of a program, including programs for root.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = format!("{path}:/usr/sbin:/sbin");
    let mut folders = folders
        .split(':')
        .map(|folder| Path::new(folder).join(program));
    folders.find(|path| path.is_file())
}
