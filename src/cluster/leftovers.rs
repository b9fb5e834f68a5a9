//! Processes that belong to a cluster without standing in any of its files: tasks, and what an interrupted start left.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use procfs::process::Process;

use super::agents;
use super::java::mark;
use super::layout::{Cluster, Form, Host};
use super::netns::{handle, is_own_namespace};
use super::process::Known;

/// The variable in which YARN tells a task where it may write.
const TASKS_FOLDERS: &str = "LOCAL_DIRS";

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Leftover {
    pub(super) known: Known,
    /// Its command line, or what is to be seen of it.
    pub(super) what: String,
}

/// All that live, but for whoever asks and those above it.
pub(super) fn leftovers(cluster: &Cluster) -> Vec<Leftover> {
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
        let Some(known) = Known::of(process.pid) else {
            continue;
        };
        let words = process.cmdline().unwrap_or_default();
        let what: String = words.join(" ").chars().take(120).collect();
        found.push(Leftover { known, what });
    }
    found
}

/// The tasks of one host, which end with it.
pub(super) fn tasks(cluster: &Cluster, host: &Host) -> Vec<Known> {
    let home = cluster.home(host).join("data");
    let all = procfs::process::all_processes().into_iter().flatten();
    let of_host = all
        .flatten()
        .filter(|process| is_task(process, |path| path.starts_with(&home)));
    of_host
        .filter_map(|process| Known::of(process.pid))
        .collect()
}

/// Servers and tools of the cluster that no file names: those of a start that was killed.
pub(super) fn strays(cluster: &Cluster, known: &[Known]) -> Vec<Leftover> {
    let marked = |it: &Leftover| {
        let process = Process::new(it.known.pid).and_then(|process| process.cmdline());
        process.is_ok_and(|words| is_marked(&words, &cluster.folder))
    };
    let all = leftovers(cluster).into_iter();
    all.filter(|it| !known.contains(&it.known) && marked(it))
        .collect()
}

/// Whether a process is of another cluster.
pub(super) fn is_of_another(pid: i32, cluster: &Cluster) -> bool {
    let words = Process::new(pid).and_then(|process| process.cmdline());
    let (any, own) = (mark(Path::new("")), mark(&cluster.folder));
    words.unwrap_or_default().iter().any(|word| {
        let word = word.as_bytes();
        word.starts_with(any.as_bytes()) && word != own.as_bytes()
    })
}

fn is_marked(words: &[String], folder: &Path) -> bool {
    let mark = mark(folder);
    words.iter().any(|word| word.as_bytes() == mark.as_bytes()) || agents::is_ours(words, folder)
}

fn belongs(process: &Process, folder: &Path, namespaces: &BTreeSet<u64>) -> bool {
    if is_marked(&process.cmdline().unwrap_or_default(), folder) {
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

/// Whether a process is a task of a `NodeManager` whose data are there: it works below them, wherever it goes later.
fn is_task(process: &Process, in_data: impl Fn(&Path) -> bool) -> bool {
    if process.cwd().is_ok_and(|cwd| in_data(&cwd)) {
        return true;
    }
    let environment = process.environ().unwrap_or_default();
    let tasks = environment.get(std::ffi::OsStr::new(TASKS_FOLDERS));
    tasks.is_some_and(|folders| in_data(Path::new(folders)))
}

/// The kernel's numbers of the hosts' namespaces.
fn namespaces(cluster: &Cluster) -> BTreeSet<u64> {
    if cluster.form != Form::Netns {
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

/// This process and those above it.
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
