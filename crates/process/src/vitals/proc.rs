//! Reads what `/proc` says about one process or thread.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::param::{clock_ticks_per_second, page_size};

use crate::files;

/// The most bytes read of a process's file. The process itself decides its length: it lists what it watches and starts.
const MOST: u64 = 1 << 20;
/// The most bytes read of a command line, which is only for people to read.
const MOST_WORDS: u64 = 16 << 10;

/// The directory of a process or a thread.
#[derive(Clone, Debug)]
pub(super) struct Place(PathBuf);

impl Place {
    pub(super) fn of_process(pid: u32) -> Self {
        Self(format!("/proc/{pid}").into())
    }

    pub(super) fn of_own_thread(tid: u32) -> Self {
        Self(format!("/proc/self/task/{tid}").into())
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Its process or thread id.
    pub(super) fn number(&self) -> &str {
        let name = self.0.file_name().and_then(OsStr::to_str);
        name.unwrap_or_default()
    }

    /// The path of the open file with this descriptor number.
    pub(super) fn open_file(&self, number: i32) -> PathBuf {
        self.0.join("fd").join(number.to_string())
    }

    /// The text of a file, up to the limit; `None` if it is gone or may not be read.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        self.beginning(name, MOST)
    }

    fn beginning(&self, name: &str, most: u64) -> Option<String> {
        let bytes = files::beginning(&self.path(name), most)?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    pub(super) fn stat(&self) -> Option<Stat> {
        Stat::parse(&self.text("stat")?)
    }

    /// The kernel function in which it sleeps; `None` if it does not sleep, or this may not be read.
    pub(super) fn wchan(&self) -> Option<String> {
        self.text("wchan")
            .filter(|name| !matches!(name.as_str(), "" | "0"))
    }

    /// The threads of a process.
    pub(super) fn threads(&self) -> Vec<Self> {
        let tasks = numbers(&self.path("task"));
        let place = |tid: u32| Self(self.0.join("task").join(tid.to_string()));
        tasks.into_iter().map(place).collect()
    }

    /// The children of all threads of a process.
    pub(super) fn children(&self, threads: u64) -> Vec<u32> {
        let listed = |place: &Self| -> Vec<u32> {
            let text = place.text("children").unwrap_or_default();
            let words = text.split_ascii_whitespace();
            words.filter_map(|word| word.parse().ok()).collect()
        };
        if threads == 1
            && let Some(name) = self.0.file_name()
        {
            return listed(&Self(self.0.join("task").join(name)));
        }
        self.threads().iter().flat_map(listed).collect()
    }

    /// The command line for people, or the name in brackets if there is none.
    pub(super) fn command_line(&self, name: &str) -> String {
        let text = self.beginning("cmdline", MOST_WORDS).unwrap_or_default();
        let words = text.trim_end_matches('\0').replace('\0', " ");
        if words.is_empty() {
            return format!("[{name}]");
        }
        words
    }
}

/// The entries of a directory whose names are numbers.
pub(super) fn numbers(directory: &Path) -> Vec<u32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}

/// The fields of `/proc/PID/stat`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) name: String,
    pub(super) state: char,
    pub(super) parent: u32,
    /// CPU time of the process itself.
    pub(super) cpu: Duration,
    /// CPU time of its children that have ended and been waited for.
    pub(super) children_cpu: Duration,
    pub(super) threads: u64,
    /// Start time: together with the process id, it identifies the process.
    pub(super) started: u64,
    /// Bytes of memory in use.
    pub(super) memory: u64,
}

impl Stat {
    pub(super) fn parse(text: &str) -> Option<Self> {
        // The name may contain anything, including brackets.
        let (name_begins, name_ends) = (text.find('(')?, text.rfind(')')?);
        let name = text.get(name_begins + 1..name_ends)?.to_owned();
        let fields: Vec<&str> = text[name_ends + 1..].split_ascii_whitespace().collect();
        // Numbered as in proc(5), where the state is field 3.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let ticks = |first| Some(duration(field(first)?.saturating_add(field(first + 1)?)));
        Some(Self {
            name,
            state: fields.first()?.chars().next()?,
            parent: u32::try_from(field(4)?).ok()?,
            cpu: ticks(14)?,
            children_cpu: ticks(16)?,
            threads: field(20)?,
            started: field(22)?,
            memory: field(24)?.saturating_mul(page_size() as u64),
        })
    }

    /// Whether it has ended and is only waiting to be reaped.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.state, 'Z' | 'X')
    }

    /// Whether a signal or a debugger has stopped it.
    pub(super) fn is_stopped(&self) -> bool {
        matches!(self.state, 'T' | 't')
    }
}

fn duration(ticks: u64) -> Duration {
    let per_second = clock_ticks_per_second().max(1);
    Duration::from_micros(ticks.saturating_mul(1_000_000) / per_second)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_name_may_hold_brackets_and_blanks() {
        let line =
            "42 (a) b (c) S 7 1 1 0 -1 0 126 0 1 0 150 50 3 4 20 0 2 0 2466124 2990080 415 1\n";
        let stat = Stat::parse(line).unwrap();
        assert_eq!(stat.name, "a) b (c");
        assert_eq!((stat.state, stat.parent, stat.threads), ('S', 7, 2));
        assert_eq!(stat.started, 2_466_124);
        assert_eq!(stat.cpu, duration(200));
        assert_eq!(stat.children_cpu, duration(7));
        assert_eq!(stat.memory, 415 * page_size() as u64);
        assert_eq!(Stat::parse("42 (cut S 7"), None);
        assert_eq!(Stat::parse(""), None);
    }

    #[test]
    fn a_process_says_no_more_than_is_read() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo; read -r _", "x", &"y".repeat(100_000)]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The command line is complete once the process prints something.
        let stdout = child.stdout.as_mut().unwrap();
        stdout.read_exact(&mut [0]).unwrap();
        let place = Place::of_process(child.id());
        let words = place.command_line("sh");
        let all = place.text("cmdline").unwrap();
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(words.len() as u64, MOST_WORDS);
        assert!(words.starts_with("sh -c"), "{}", &words[..20]);
        assert!(all.len() > 100_000);
    }

    #[test]
    fn this_process_is_found() {
        let own = Place::of_process(std::process::id());
        let stat = own.stat().unwrap();
        assert!(stat.memory > 0 && stat.threads > 0);
        assert!(!own.threads().is_empty());
        assert!(own.command_line("x").contains("heartline"));
        assert!(Place::of_process(u32::MAX).stat().is_none());
    }
}
