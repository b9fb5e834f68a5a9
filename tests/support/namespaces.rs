//! Whether this machine has what hosts in network namespaces need.

use std::path::Path;
use std::process::Command;

/// Why namespaces cannot be had here; nothing if they can.
pub(crate) fn no_namespaces() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("only root can make network namespaces".to_owned());
    }
    let programs = ["/usr/sbin/sshd", "/usr/bin/fuser"];
    if let Some(program) = programs.iter().find(|path| !Path::new(path).exists()) {
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
