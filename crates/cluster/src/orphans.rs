//! Processes that belong to a cluster without an entry in any of its pid files: tasks, and the remains of an
//! interrupted start.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use procfs::process::Process;

use super::agents;
use super::java::mark;
use super::model::{Cluster, Host, HostKind};
use super::netns::{handle, is_own_namespace};
use super::process::ProcessRecord;
use super::secure;
use heartline_core::text;
use heartline_process::files;

/// The variable in which YARN lists a task's local folders.
const TASKS_FOLDERS: &str = "LOCAL_DIRS";

/// The maximum size in bytes of a program's arguments and environment together that the kernel accepts.
const MOST_WORDS: u64 = 8 << 20;

/// One such process.
#[derive(Clone, Debug)]
pub(super) struct Orphan {
    pub(super) known: ProcessRecord,
    /// The command line, or whatever else is visible of the process.
    pub(super) what: String,
}

/// All orphans that are running, except this process and its ancestors.
pub(super) fn orphans(cluster: &Cluster) -> Vec<Orphan> {
    let namespaces = namespaces(cluster);
    let own = lineage();
    let mut found = Vec::new();
    for process in procfs::process::all_processes()
        .into_iter()
        .flatten()
        .flatten()
    {
        if own.contains(&process.pid) || !belongs(&process, &cluster.folder, &namespaces) {
            continue;
        }
        let Some(known) = ProcessRecord::of(process.pid) else {
            continue;
        };
        let shown = words(process.pid).join(OsStr::new(" "));
        let what: String = shown.to_string_lossy().chars().take(120).collect();
        let what = text::line(&what).into_owned();
        found.push(Orphan { known, what });
    }
    found
}

/// The tasks of one host, which must end with it.
pub(super) fn tasks(cluster: &Cluster, host: &Host) -> Vec<ProcessRecord> {
    let home = cluster.home(host).join("data");
    let all = procfs::process::all_processes().into_iter().flatten();
    let of_host = all
        .flatten()
        .filter(|process| is_task(process, |path| path.starts_with(&home)));
    of_host
        .filter_map(|process| ProcessRecord::of(process.pid))
        .collect()
}

/// Servers and tools of the cluster that no pid file names: the remains of a start that was killed.
pub(super) fn strays(cluster: &Cluster, known: &[ProcessRecord]) -> Vec<Orphan> {
    let marked = |it: &Orphan| is_marked(&words(it.known.pid), &cluster.folder);
    let all = orphans(cluster).into_iter();
    all.filter(|it| !known.contains(&it.known) && marked(it))
        .collect()
}

/// Whether a process belongs to another cluster.
pub(super) fn is_of_another(pid: i32, cluster: &Cluster) -> bool {
    let (any, own) = (mark(Path::new("")), mark(&cluster.folder));
    words(pid).iter().any(|word| {
        let word = word.as_bytes();
        word.starts_with(any.as_bytes()) && word != own.as_bytes()
    })
}

fn is_marked(words: &[OsString], folder: &Path) -> bool {
    let mark = mark(folder);
    words.iter().any(|word| word.as_bytes() == mark.as_bytes())
        || agents::is_ours(words, folder)
        || secure::is_ours(words, folder)
}

fn belongs(process: &Process, folder: &Path, namespaces: &BTreeSet<u64>) -> bool {
    if is_marked(&words(process.pid), folder) {
        return true;
    }
    let in_data = |path: &Path| {
        path.strip_prefix(folder).is_ok_and(|rest| {
            rest.components()
                .nth(1)
                .is_some_and(|it| it.as_os_str() == "data")
        })
    };
    if is_task(process, in_data) {
        return true;
    }
    let network = fs::metadata(format!("/proc/{}/ns/net", process.pid));
    network.is_ok_and(|file| namespaces.contains(&file.ino()))
}

/// Whether a process is a task of a NodeManager whose data lie there: a task works below that data, and its environment
/// names it even if the task changes its folder later.
fn is_task(process: &Process, in_data: impl Fn(&Path) -> bool) -> bool {
    if process.cwd().is_ok_and(|cwd| in_data(&cwd)) {
        return true;
    }
    let tasks = strings(process.pid, "environ")
        .into_iter()
        .find_map(|variable| {
            let value = variable.as_bytes().strip_prefix(TASKS_FOLDERS.as_bytes())?;
            Some(OsStr::from_bytes(value.strip_prefix(b"=")?).to_owned())
        });
    tasks.is_some_and(|folders| in_data(Path::new(&folders)))
}

/// The command line of a process, as raw bytes.
fn words(pid: i32) -> Vec<OsString> {
    strings(pid, "cmdline")
}

/// The NUL-separated strings in a process's file under /proc. The process may be another user's, and may have any
/// content there, so the read is bounded.
fn strings(pid: i32, file: &str) -> Vec<OsString> {
    let bytes = files::beginning(format!("/proc/{pid}/{file}").as_ref(), MOST_WORDS);
    let bytes = bytes.unwrap_or_default();
    let strings = bytes.split(|byte| *byte == 0);
    let strings = strings.filter(|string| !string.is_empty());
    strings
        .map(|string| OsStr::from_bytes(string).to_owned())
        .collect()
}

/// The inode numbers of the hosts' network namespaces.
fn namespaces(cluster: &Cluster) -> BTreeSet<u64> {
    if cluster.host_kind != HostKind::Netns {
        return BTreeSet::new();
    }
    let names = cluster.hosts.iter().map(|host| cluster.namespace(host));
    let files = names
        .filter(|name| is_own_namespace(cluster, name))
        .map(|name| handle(&name));
    files
        .filter_map(|file| Some(fs::metadata(file).ok()?.ino()))
        .collect()
}

/// This process and its ancestors.
fn lineage() -> BTreeSet<i32> {
    let mut found = BTreeSet::new();
    let mut next = Process::myself().ok();
    while let Some(process) = next {
        found.insert(process.pid);
        let parent = process.stat().map_or(0, |stat| stat.ppid);
        next = Process::new(parent).ok().filter(|_| parent > 0);
    }
    found
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::{Command, Stdio};

    use super::super::parse::read;
    use super::*;

    #[test]
    fn a_process_is_found_whatever_bytes_its_words_are() {
        let folder = tempfile::tempdir().unwrap();
        let text = include_str!("../../../sample-data/clusters/one-machine.toml");
        let (mut cluster, _) = read(text, Path::new("."), HostKind::Loopback).unwrap();
        folder.path().clone_into(&mut cluster.folder);
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo; read -r _"])
            .arg(OsStr::from_bytes(b"\xff\x1b[2J"))
            .arg(mark(folder.path()));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The command line is complete once the process has printed something.
        let stdout = child.stdout.as_mut().unwrap();
        stdout.read_exact(&mut [0]).unwrap();
        let found = orphans(&cluster);
        drop(child.stdin.take());
        child.wait().unwrap();
        let [found] = &found[..] else {
            panic!("one is left: {found:?}")
        };
        assert_eq!(found.known.pid, child.id().cast_signed());
        assert!(!found.what.contains('\u{1b}'), "{}", found.what);
    }
}
