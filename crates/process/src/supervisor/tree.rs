//! The descendants of a process, according to Linux.

use std::collections::HashMap;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};

use crate::files::beginning;

/// The most bytes read of a process's `stat`, which is one line; its name has at most 64 bytes.
const LONGEST: u64 = 4096;

/// Sends a signal to all descendants of `root`. Returns whether there were any.
/// It may miss a process that is started meanwhile: to end them all, repeat until there are none.
pub(super) fn signal_below(root: Pid, signal: Signal) -> bool {
    let found = below(root);
    for pid in &found {
        // A process that has ended meanwhile needs no signal.
        let _ = kill_process(*pid, signal);
    }
    !found.is_empty()
}

/// Whether a process runs; one that has ended but is not reaped does not.
pub(super) fn is_alive(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| !matches!(state, 'Z' | 'X'))
}

/// The descendants of `root` that have not ended, parents before their children.
pub fn below(root: Pid) -> Vec<Pid> {
    let mut children: HashMap<u32, Vec<(u32, bool)>> = HashMap::new();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    for pid in pids {
        if let Some((state, parent)) = stat(pid) {
            let lives = !matches!(state, 'Z' | 'X');
            children.entry(parent).or_default().push((pid, lives));
        }
    }
    let mut found = Vec::new();
    let mut open = vec![root.as_raw_nonzero().get().unsigned_abs()];
    while let Some(parent) = open.pop() {
        for (pid, lives) in children.remove(&parent).unwrap_or_default() {
            open.push(pid);
            if lives {
                found.extend(i32::try_from(pid).ok().and_then(Pid::from_raw));
            }
        }
    }
    found
}

/// The parent of a process, if both exist.
pub fn parent(pid: u32) -> Option<u32> {
    stat(pid).map(|(_, parent)| parent)
}

/// A process's state and its parent.
fn stat(pid: u32) -> Option<(char, u32)> {
    let text = beginning(format!("/proc/{pid}/stat").as_ref(), LONGEST)?;
    let text = String::from_utf8_lossy(&text);
    // The name before it may contain anything, including brackets.
    let mut fields = text[text.rfind(')')? + 1..].split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_child_is_below_and_gone_when_killed() {
        let own = rustix::process::getpid();
        let mut child = Command::new("sleep")
            .arg("60")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&child);
        assert!(below(own).contains(&pid));
        assert!(is_alive(child.id()));
        assert_eq!(parent(child.id()), Some(std::process::id()));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!below(own).contains(&pid));
        assert!(!is_alive(child.id()));
    }
}
