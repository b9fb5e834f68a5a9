//! Whether this machine has what hosts in network namespaces need, and whether this is root.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Why namespaces, or one of these programs, cannot be had here; nothing if they can.
pub(crate) fn no_namespaces(programs: &[&str]) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("only root can make network namespaces".to_owned());
    }
    let mut programs = ["ip"].iter().chain(programs);
    if let Some(program) = programs.find(|program| which(program).is_none()) {
        return Some(format!("{program} is missing"));
    }
    let name = format!("hl-test-{}", std::process::id());
    for action in ["add", "del"] {
        match Command::new("ip").args(["netns", action, &name]).output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => return Some(String::from_utf8_lossy(&output.stderr).into_owned()),
            Err(error) => return Some(format!("ip: {error}")),
        }
    }
    None
}

/// Why what only root may do cannot be tried; nothing if it can.
pub(crate) fn not_root() -> Option<String> {
    let is_root = rustix::process::geteuid().is_root();
    (!is_root).then(|| "only root can give files to another user, and act as that user".to_owned())
}

/// Where a program lies, also one of those for root.
pub(crate) fn which(program: &str) -> Option<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = format!("{path}:/usr/sbin:/sbin");
    let mut folders = folders
        .split(':')
        .map(|folder| Path::new(folder).join(program));
    folders.find(|path| path.is_file())
}
