//! Finds out whether a thread waits for its command's input or output.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;

use super::ends::{Ends, FileIdentity};
use super::proc::{Place, numbers};
use super::syscall::{Call, Wait};

/// The most files of one thread's poll that are looked at.
const MOST_POLLED: usize = 1024;

/// The most open files of a process that are looked at. The command's ends are among the first.
const MOST_OPEN: usize = 16 << 10;

const POLLIN: u16 = 1;
const POLLOUT: u16 = 4;

/// The end of the command that a thread waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Input,
    Output,
}

/// A thread waits for one of the command's ends, or may do so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WaitsFor {
    pub(super) end: End,
    /// The descriptor number in its process; `None` if the wait is only a guess.
    pub(super) file: Option<i32>,
}

/// What one thread of a process was found to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Runs,
    Waits(Vec<WaitsFor>),
}

/// Looks at a thread of a process that is not stopped.
pub(super) fn look(process: &Place, thread: &Place, ends: &Ends) -> Found {
    let looker = WaitInspector { process, ends };
    let found = match thread.text("syscall").and_then(|text| Call::parse(&text)) {
        Some(Call::Running) => return Found::Runs,
        Some(call) => looker.by_call(&call),
        None if state(thread) == Some('R') => return Found::Runs,
        None => looker.by_name(thread.wchan().as_deref()),
    };
    // A thread that waits for a disk does not wait for another program. Checked last, because it is rarely needed.
    if !found.is_empty() && state(thread) == Some('D') {
        return Found::Waits(Vec::new());
    }
    Found::Waits(found)
}

fn state(thread: &Place) -> Option<char> {
    Some(thread.stat()?.state)
}

struct WaitInspector<'a> {
    process: &'a Place,
    ends: &'a Ends,
}

impl WaitInspector<'_> {
    fn by_call(&self, call: &Call) -> Vec<WaitsFor> {
        match call.wait() {
            Wait::Reading(file) => self.files([(file, End::Input)]),
            Wait::Writing(file) => self.files([(file, End::Output)]),
            Wait::Moving { from, to } => self.files([(from, End::Input), (to, End::Output)]),
            Wait::Poll { at, count } => match self.polled(at, count) {
                Some(files) => self.files(files),
                None => self.guess(&[End::Input, End::Output]),
            },
            Wait::Select {
                count,
                reading,
                writing,
            } => match self.selected(count, reading, writing) {
                Some(files) => self.files(files),
                None => self.guess(&[End::Input, End::Output]),
            },
            Wait::Epoll(file) => match self.epolled(file) {
                Some(ends) => ends,
                None => self.guess(&[End::Input, End::Output]),
            },
            Wait::Anything => self.guess(&[End::Input, End::Output]),
            Wait::Elsewhere => Vec::new(),
        }
    }

    /// Decides by the kernel function in which the thread sleeps, where the system call may not be read: for
    /// another user's process, or because of a security module.
    fn by_name(&self, name: Option<&str>) -> Vec<WaitsFor> {
        match name {
            Some(name) if name.contains("pipe_read") => self.guess(&[End::Input]),
            Some(name) if name.contains("pipe_write") => self.guess(&[End::Output]),
            Some(name)
                if ["poll", "select", "pipe_wait"]
                    .iter()
                    .any(|part| name.contains(part)) =>
            {
                self.guess(&[End::Input, End::Output])
            }
            Some(_) => Vec::new(),
            None => self.guess(&[End::Input, End::Output]),
        }
    }

    /// The files among `files` that are the command's ends.
    fn files(&self, files: impl IntoIterator<Item = (i32, End)>) -> Vec<WaitsFor> {
        let found = files.into_iter().filter_map(|(file, end)| {
            let wanted = self.identity(end)?;
            let found = FileIdentity::at(&self.process.open_file(file))?;
            (found == wanted).then_some(WaitsFor {
                end,
                file: Some(file),
            })
        });
        found.collect()
    }

    /// The ends that the process holds open, or may hold open if that may not be read.
    fn guess(&self, ends: &[End]) -> Vec<WaitsFor> {
        let directory = self.process.path("fd");
        let readable = fs::read_dir(&directory).is_ok();
        let open: Vec<FileIdentity> = numbers(&directory)
            .into_iter()
            .take(MOST_OPEN)
            .filter_map(|file| FileIdentity::at(&self.process.open_file(i32::try_from(file).ok()?)))
            .collect();
        let held = |end: &&End| {
            let wanted = self.identity(**end);
            wanted.is_some_and(|wanted| !readable || open.contains(&wanted))
        };
        let guess = |end: &End| WaitsFor {
            end: *end,
            file: None,
        };
        ends.iter().filter(held).map(guess).collect()
    }

    fn identity(&self, end: End) -> Option<FileIdentity> {
        match end {
            End::Input => self.ends.input,
            End::Output => self.ends.output,
        }
    }

    /// The files passed to `poll`: an array of descriptor number, requested events and returned events.
    fn polled(&self, at: u64, count: u64) -> Option<Vec<(i32, End)>> {
        let count = usize::try_from(count).ok()?.min(MOST_POLLED);
        let memory = self.memory(at, count * 8)?;
        let mut files = Vec::new();
        for entry in memory.chunks_exact(8) {
            let file = i32::from_ne_bytes(entry[..4].try_into().ok()?);
            let events = u16::from_ne_bytes(entry[4..6].try_into().ok()?);
            wanted(&mut files, file, events);
        }
        Some(files)
    }

    /// The files passed to `select`: one bit set for reading, one for writing.
    fn selected(&self, count: u64, reading: u64, writing: u64) -> Option<Vec<(i32, End)>> {
        let count = usize::try_from(count).ok()?.min(MOST_POLLED);
        let mut files = Vec::new();
        for (at, end) in [(reading, End::Input), (writing, End::Output)] {
            if at == 0 {
                continue;
            }
            let set = self.memory(at, count.div_ceil(8))?;
            let is_in = |file: &usize| set[file / 8] >> (file % 8) & 1 == 1;
            let found = (0..count).filter(is_in);
            files.extend(found.filter_map(|file| Some((i32::try_from(file).ok()?, end))));
        }
        Some(files)
    }

    /// The files in an epoll set, which the kernel lists with their identities.
    fn epolled(&self, file: i32) -> Option<Vec<WaitsFor>> {
        let text = self.process.text(&format!("fdinfo/{file}"))?;
        let lines = text.lines().filter(|line| line.starts_with("tfd:"));
        let mut files = Vec::new();
        for line in lines {
            let (number, events) = watched(line)?;
            wanted(&mut files, number, events);
        }
        Some(self.files(files))
    }

    fn memory(&self, at: u64, length: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![0; length];
        let memory = File::open(self.process.path("mem")).ok()?;
        memory.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }
}

fn wanted(files: &mut Vec<(i32, End)>, file: i32, events: u16) {
    if events & POLLIN != 0 {
        files.push((file, End::Input));
    }
    if events & POLLOUT != 0 {
        files.push((file, End::Output));
    }
}

/// Parses `tfd:        0 events:       19 data: …`: the descriptor number, and the events in hexadecimal.
pub(super) fn watched(line: &str) -> Option<(i32, u16)> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let number = words.next()?.parse().ok()?;
    let events = u32::from_str_radix(words.nth(1)?, 16).ok()?;
    // The lower half holds the requested events, the upper half the mode.
    Some((number, u16::try_from(events & 0xffff).ok()?))
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};

    use super::*;

    fn cat() -> (Child, Ends) {
        let child = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let ends = Ends {
            input: child.stdin.as_ref().and_then(FileIdentity::of),
            output: child.stdout.as_ref().and_then(FileIdentity::of),
        };
        (child, ends)
    }

    /// The case in which the system call may not be read.
    #[test]
    fn by_the_name_of_a_function_it_is_guessed() {
        let (mut child, ends) = cat();
        let by_name = |ends, name| -> Vec<End> {
            let process = &Place::of_process(child.id());
            let found = WaitInspector { process, ends }.by_name(name);
            assert!(found.iter().all(|one| one.file.is_none()));
            found.into_iter().map(|one| one.end).collect()
        };
        let both = [End::Input, End::Output];
        assert_eq!(by_name(&ends, Some("pipe_read")), [End::Input]);
        assert_eq!(by_name(&ends, Some("anon_pipe_write")), [End::Output]);
        assert_eq!(by_name(&ends, Some("ep_poll")), both);
        assert_eq!(by_name(&ends, None), both);
        assert_eq!(by_name(&ends, Some("hrtimer_nanosleep")), []);
        // The ends of another command, which this process does not hold.
        let (mut other, others) = cat();
        assert_eq!(by_name(&others, Some("anon_pipe_read")), []);
        for child in [&mut child, &mut other] {
            drop(child.stdin.take());
            child.wait().unwrap();
        }
    }

    #[test]
    fn what_an_epoll_watches_is_read() {
        let line = "tfd:        7 events:       19 data:                0  pos:0 ino:8519e6 sdev:f";
        assert_eq!(watched(line), Some((7, 0x19)));
        let line = "tfd:        7 events: 80000005 data:                0";
        assert_eq!(watched(line), Some((7, 5)));
        assert_eq!(watched("tfd: x"), None);
    }
}
