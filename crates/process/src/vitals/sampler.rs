//! Looks at a tree of processes, or at one thread of this process.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use super::cpu::CpuMeter;
use super::ends::{CommandFlow, Ends, input_at, output_at};
use super::proc::{Place, Stat, numbers};
use super::waits::{End, Found, WaitsFor, look};
use heartline_core::condition::{InputFill, OutputFill, Sample, Waiting};

/// What is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SampleTarget {
    /// A process and all its descendants.
    Tree(u32),
    /// A thread of this process, by its `gettid` number.
    OwnThread(u32),
}

/// One measurement of the command's processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// CPU time so far, including processes that have ended.
    pub cpu: Duration,
    /// Bytes of memory in use; shared memory counts once for each process.
    pub memory: u64,
    /// Processes that have not ended.
    pub processes: usize,
    /// What the processes wait for.
    pub waiting: Waiting,
    /// How full the command's input is.
    pub input: InputFill,
    /// How full the command's output is.
    pub output: OutputFill,
}

impl Reading {
    /// Adds what else the classifier needs: the time of the look, and how far the command has come.
    pub fn sample(&self, at: Duration, flow: &CommandFlow) -> Sample {
        Sample {
            at,
            bytes_in: flow.bytes_in,
            bytes_out: flow.bytes_out,
            cpu: self.cpu,
            waiting: self.waiting,
            input: self.input,
            output: self.output,
        }
    }
}

/// A process found in the tree.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) pid: u32,
    pub(super) place: Place,
    pub(super) stat: Stat,
}

/// Looks at a command on request.
#[derive(Debug)]
pub struct Sampler {
    target: SampleTarget,
    ends: Ends,
    tree: Tree,
    cpu: CpuMeter,
}

impl Sampler {
    /// Creates a sampler, without a look yet. `ends` are the command's stdin and stdout.
    pub fn new(target: SampleTarget, ends: Ends) -> Self {
        Self {
            target,
            ends,
            tree: Tree::default(),
            cpu: CpuMeter::default(),
        }
    }

    /// Looks at what the command is doing now. `flow` is what is known about its ends.
    pub fn look(&mut self, flow: &CommandFlow) -> Reading {
        match self.target {
            SampleTarget::Tree(root) => {
                let members = self.tree.members(root);
                self.read(flow, &members)
            }
            SampleTarget::OwnThread(tid) => {
                let place = Place::of_own_thread(tid);
                let member = place.stat().map(|stat| Member {
                    pid: tid,
                    place,
                    // The other threads are not looked at.
                    stat: Stat { threads: 1, ..stat },
                });
                self.read(flow, member.as_slice())
            }
        }
    }

    fn read(&mut self, flow: &CommandFlow, members: &[Member]) -> Reading {
        let mut waits = Waits::new(flow);
        let mut cpu = Duration::ZERO;
        let mut memory = 0;
        for member in members {
            let stat = &member.stat;
            cpu += stat.cpu;
            if matches!(self.target, SampleTarget::Tree(_)) {
                cpu += stat.children_cpu;
            }
            memory += stat.memory;
            if !stat.has_ended() && !stat.is_stopped() {
                waits.look(member, &self.ends);
            }
        }
        Reading {
            cpu: self.cpu.read(cpu),
            memory,
            processes: members.iter().filter(|one| !one.stat.has_ended()).count(),
            waiting: waits.waiting(),
            input: waits.input,
            output: waits.output,
        }
    }
}

/// What the threads wait for, combined.
struct Waits {
    input: InputFill,
    output: OutputFill,
    for_input: bool,
    for_output: bool,
    runs: bool,
}

impl Waits {
    fn new(flow: &CommandFlow) -> Self {
        Self {
            input: flow.input.fill(),
            output: flow.output.fill(),
            for_input: false,
            for_output: false,
            runs: false,
        }
    }

    fn look(&mut self, member: &Member, ends: &Ends) {
        let threads = if member.stat.threads > 1 {
            member.place.threads()
        } else {
            vec![member.place.clone()]
        };
        for thread in threads {
            match look(&member.place, &thread, ends) {
                Found::Runs => self.runs = true,
                Found::Waits(found) => found.iter().for_each(|one| self.add(member, one)),
            }
        }
    }

    /// Adds what a thread waits for. The thread really waits only while the end is empty or full:
    /// otherwise it is just about to go on.
    fn add(&mut self, member: &Member, found: &WaitsFor) {
        let path = found.file.map(|file| member.place.open_file(file));
        match found.end {
            End::Input => {
                if let (InputFill::Unknown, Some(path)) = (self.input, &path) {
                    self.input = input_at(path).fill();
                }
                self.for_input |= match self.input {
                    InputFill::Empty => true,
                    InputFill::Unknown => path.is_some(),
                    InputFill::Unread | InputFill::Ended => false,
                };
            }
            End::Output => {
                if let (OutputFill::Unknown, Some(path)) = (self.output, &path) {
                    self.output = output_at(path).fill();
                }
                self.for_output |= match self.output {
                    OutputFill::Full => true,
                    OutputFill::Unknown => path.is_some(),
                    OutputFill::Room => false,
                };
            }
        }
    }

    /// A thread that waits for an end of the command is the reason why the others do not go on, even if they still have
    /// something to do. The output comes first: as long as the reader takes nothing, no input helps.
    fn waiting(&self) -> Waiting {
        if self.for_output {
            Waiting::Output
        } else if self.for_input {
            Waiting::Input
        } else if self.runs {
            Waiting::Nothing
        } else {
            Waiting::Other
        }
    }
}

/// The descendants of a process. One whose parent has ended stays in the tree in which it was seen.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// The process ids seen, with their start times: a process id can be reused.
    known: HashMap<u32, u64>,
    root_started: Option<u64>,
}

impl Tree {
    /// All processes of the tree, including those not yet reaped; parents before their
    /// children, so that a child's CPU time is missed rather than counted twice.
    pub(super) fn members(&mut self, root: u32) -> Vec<Member> {
        let mut known = std::mem::take(&mut self.known);
        let mut members = Vec::new();
        let root_started = self.root_started;
        let started = self.visit(root, root_started, &mut members);
        if self.root_started.is_none() {
            self.root_started = started;
        }
        known.retain(|pid, _| !self.known.contains_key(pid));
        for (pid, started) in known {
            if !self.known.contains_key(&pid) {
                self.visit(pid, Some(started), &mut members);
            }
        }
        members
    }

    /// Adds a process, if it is the one that was started at that time, and all its descendants. Returns its start time.
    fn visit(&mut self, pid: u32, started: Option<u64>, members: &mut Vec<Member>) -> Option<u64> {
        let mut open = vec![(pid, started)];
        let mut first = None;
        while let Some((pid, started)) = open.pop() {
            let place = Place::of_process(pid);
            let Some(stat) = place.stat() else { continue };
            if started.is_some_and(|started| started != stat.started)
                || self.known.insert(pid, stat.started).is_some()
            {
                continue;
            }
            first = first.or(Some(stat.started));
            if !stat.has_ended() {
                let children = children(&place, pid, stat.threads);
                open.extend(children.into_iter().map(|child| (child, None)));
            }
            members.push(Member { pid, place, stat });
        }
        first
    }
}

fn children(place: &Place, pid: u32, threads: u64) -> Vec<u32> {
    if lists_children() {
        return place.children(threads);
    }
    // A kernel that does not list children: read the parent of every process instead.
    let all = numbers("/proc".as_ref()).into_iter();
    all.filter(|child| {
        let stat = Place::of_process(*child).stat();
        stat.is_some_and(|stat| stat.parent == pid)
    })
    .collect()
}

fn lists_children() -> bool {
    use std::sync::LazyLock;
    static LISTS: LazyLock<bool> =
        LazyLock::new(|| fs::exists("/proc/thread-self/children").unwrap_or(false));
    *LISTS
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};

    use super::*;
    use crate::vitals::{Input, Output};

    /// Checks how a thread that may or may not wait for an end is treated.
    #[test]
    fn a_guess_counts_only_if_the_end_is_known_to_be_empty_or_full() {
        let own = std::process::id();
        let place = Place::of_process(own);
        let stat = place.stat().unwrap();
        let member = Member {
            pid: own,
            place,
            stat,
        };
        let guess = |end, unread, full| {
            let input = Input {
                unread,
                ended: false,
            };
            let flow = CommandFlow {
                input,
                output: Output { full },
                ..CommandFlow::default()
            };
            let mut waits = Waits::new(&flow);
            waits.add(&member, &WaitsFor { end, file: None });
            waits.waiting()
        };
        assert_eq!(guess(End::Input, Some(0), None), Waiting::Input);
        assert_eq!(guess(End::Input, Some(1), None), Waiting::Other);
        assert_eq!(guess(End::Input, None, None), Waiting::Other);
        assert_eq!(guess(End::Output, None, Some(true)), Waiting::Output);
        assert_eq!(guess(End::Output, None, Some(false)), Waiting::Other);
        assert_eq!(guess(End::Output, None, None), Waiting::Other);
    }

    #[test]
    fn a_child_whose_parent_has_ended_stays_in_the_tree() {
        let mut shell = Command::new("sh")
            .args(["-c", "sh -c 'sleep 60 & echo $!; read -r _'; read -r _"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdout = BufReader::new(shell.stdout.take().unwrap());
        let mut line = String::new();
        stdout.read_line(&mut line).unwrap();
        let sleeper: u32 = line.trim().parse().unwrap();
        let mut tree = Tree::default();
        let has = |members: &[Member], pid| members.iter().any(|one| one.pid == pid);
        let members = tree.members(shell.id());
        assert_eq!(members[0].pid, shell.id());
        assert!(has(&members, sleeper));
        // Both shells end.
        drop(shell.stdin.take());
        shell.wait().unwrap();
        let members = tree.members(shell.id());
        assert!(has(&members, sleeper));
        assert!(!has(&members, shell.id()));
        let pid = rustix::process::Pid::from_raw(sleeper.try_into().unwrap()).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
}
