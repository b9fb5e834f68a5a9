//! Describes a stalled command for people: its processes, where each of them is, and how far
//! the command has come.

use std::fmt::Write;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::ends::CommandFlow;
use super::proc::Place;
use super::sampler::{Member, Reading, SampleTarget, Tree};
use super::stacks;
use heartline_core::condition::Condition;

/// The most bytes of a snapshot.
const MOST: usize = 64 * 1024;

/// The most bytes of the last record that are shown.
const RECORD: usize = 200;

/// The most bytes of a command line that are shown.
const COMMAND_LINE: usize = 300;

/// The most processes that are shown one by one, then the most threads of each, and the most user stacks that are
/// taken: each of these stops a process for a moment.
const PROCESSES: usize = 20;
const THREADS: usize = 16;
const USER_STACKS: usize = 4;

/// What is known of a command when it stalls.
#[derive(Clone, Debug)]
pub struct Occasion {
    /// The processes or the thread to describe.
    pub target: SampleTarget,
    /// What the command was doing when it was reported.
    pub condition: Condition,
    /// How long it had made no progress.
    pub still: Duration,
    /// How far the command has come.
    pub flow: CommandFlow,
    /// The last measurement.
    pub reading: Reading,
    /// The last record that the command was given, or its beginning.
    pub last_record: Vec<u8>,
    /// Whether debuggers may be used.
    pub debuggers: bool,
}

/// Describes the command. This can take some seconds, because debuggers are run. When `ended` is set, returns what it
/// has found so far. At most 64 KiB.
pub fn take(occasion: &Occasion, ended: &AtomicBool) -> String {
    let mut text = head(occasion);
    match occasion.target {
        SampleTarget::Tree(root) => {
            let members = Tree::default().members(root);
            tree(&mut text, &members);
            let started = Instant::now();
            let mut user_stacks = if occasion.debuggers { USER_STACKS } else { 0 };
            for member in members.iter().take(PROCESSES) {
                process(&mut text, member);
                // The stack of a shell that waits for its children shows nothing.
                if user_stacks > 0 && !waits_for_child(&member.place) && !ended.load(Relaxed) {
                    user_stacks -= 1;
                    let left = stacks::LIMIT.saturating_sub(started.elapsed());
                    user_stack(&mut text, member, left, ended);
                }
            }
            if members.len() > PROCESSES {
                let _ = writeln!(text, "\n… and {} more", members.len() - PROCESSES);
            }
        }
        // A debugger would stop the very process that waits for it.
        SampleTarget::OwnThread(tid) => {
            text.push_str("thread of this process:\n");
            place(&mut text, &Place::of_own_thread(tid), "  ");
        }
    }
    cut(text, MOST)
}

fn head(occasion: &Occasion) -> String {
    let Occasion {
        condition,
        still,
        flow,
        reading,
        last_record,
        ..
    } = occasion;
    let record = &last_record[..last_record.len().min(RECORD)];
    let dots = if record.len() < last_record.len() {
        "…"
    } else {
        ""
    };
    let unread = match (flow.input.unread, flow.input.ended) {
        (Some(unread), false) => format!("{unread} bytes unread"),
        (Some(unread), true) => format!("{unread} bytes unread, ended"),
        (None, true) => "ended".to_owned(),
        (None, false) => "unknown".to_owned(),
    };
    let output = match flow.output.full {
        Some(true) => "full",
        Some(false) => "not full",
        None => "unknown",
    };
    format!(
        "{condition}, and no byte has moved for {:.1} s\n\
         {} bytes in, {} bytes out; input: {unread}; output: {output}\n\
         CPU time {:.2} s, memory {} KiB, processes {}\n\
         last record: \"{}\"{dots}\n",
        still.as_secs_f64(),
        flow.bytes_in,
        flow.bytes_out,
        reading.cpu.as_secs_f64(),
        reading.memory / 1024,
        reading.processes,
        String::from_utf8_lossy(record).escape_debug(),
    )
}

fn tree(text: &mut String, members: &[Member]) {
    let _ = writeln!(
        text,
        "\n{:>8} {:>8} S {:>4} {:>9} {:>9} COMMAND",
        "PID", "PPID", "THR", "CPU s", "RSS KiB"
    );
    for Member { pid, place, stat } in members {
        let command = place.command_line(&stat.name);
        let _ = writeln!(
            text,
            "{pid:>8} {:>8} {} {:>4} {:>9.2} {:>9} {}",
            stat.parent,
            stat.state,
            stat.threads,
            stat.cpu.as_secs_f64(),
            stat.memory / 1024,
            cut(one_line(&command), COMMAND_LINE),
        );
    }
}

fn process(text: &mut String, member: &Member) {
    let Member {
        pid,
        place: process,
        stat,
    } = member;
    let _ = writeln!(text, "\nprocess {pid} ({}):", one_line(&stat.name));
    if stat.threads <= 1 {
        place(text, process, "  ");
        return;
    }
    let threads = process.threads();
    for thread in threads.iter().take(THREADS) {
        let _ = writeln!(text, "  thread {}:", thread.number());
        place(text, thread, "    ");
    }
    if threads.len() > THREADS {
        let _ = writeln!(text, "  … and {} more", threads.len() - THREADS);
    }
}

/// Appends state, wait channel and kernel stack of a process or thread.
fn place(text: &mut String, place: &Place, indent: &str) {
    let Some(stat) = place.stat() else {
        let _ = writeln!(text, "{indent}has ended");
        return;
    };
    let _ = write!(text, "{indent}state {}", state(stat.state));
    if let Some(name) = place.wchan() {
        let _ = write!(text, ", in {name}");
    }
    if let Some(call) = place.text("syscall") {
        let _ = write!(text, ", system call {}", call.trim_end());
    }
    text.push('\n');
    // Only root may read it.
    if let Some(stack) = place.text("stack") {
        for line in stack.lines() {
            let _ = writeln!(text, "{indent}{line}");
        }
    }
}

fn state(state: char) -> String {
    let words = match state {
        'R' => "runs",
        'S' => "sleeps",
        'D' => "waits for a device",
        'T' => "stopped",
        't' => "stopped by a debugger",
        'Z' => "has ended",
        'I' => "idle",
        _ => "other",
    };
    format!("{state} ({words})")
}

fn user_stack(text: &mut String, member: &Member, limit: Duration, ended: &AtomicBool) {
    let stat = &member.stat;
    if stat.has_ended() || stat.is_stopped() || stat.state == 'D' {
        // A debugger would hang as well.
        return;
    }
    if let Some((tool, stack)) = stacks::of(member.pid, &stat.name, limit, ended) {
        let _ = writeln!(text, "  by {tool}:");
        for line in stack.lines() {
            let _ = writeln!(text, "  {}", one_line(line));
        }
        return;
    }
    text.push_str("  no user stack: neither py-spy, gdb nor eu-stack could take one");
    // On many systems only a parent or root may trace a process.
    if let Ok(scope) = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope") {
        let _ = write!(text, " (kernel.yama.ptrace_scope is {})", scope.trim());
    }
    text.push('\n');
}

fn waits_for_child(place: &Place) -> bool {
    place.wchan().as_deref() == Some("do_wait")
}

/// The text without line breaks and without terminal control characters.
fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

/// Cuts a text to at most `most` bytes, at a character boundary.
fn cut(mut text: String, most: usize) -> String {
    const DOTS: &str = "…";
    if text.len() > most {
        let mut end = most - DOTS.len();
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str(DOTS);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_is_made_at_a_character() {
        assert_eq!(cut("abc".to_owned(), 3), "abc");
        assert_eq!(cut("abcdefg".to_owned(), 6), "abc…");
        assert_eq!(cut("aäöü".to_owned(), 6), "aä…");
    }

    #[test]
    fn a_command_line_is_one_line() {
        assert_eq!(one_line("sh -c 'ä\n\x1b[m'"), r"sh -c 'ä\n\u{1b}[m'");
    }

    #[test]
    fn a_record_is_shown_in_one_line_and_not_whole() {
        let mut record = b"w\xc3\xb6rd\t\xff\n\x1b[2J".to_vec();
        record.resize(1000, b'x');
        let head = head(&Occasion {
            target: SampleTarget::Tree(1),
            condition: Condition::Spinning,
            still: Duration::from_millis(10_250),
            flow: CommandFlow::default(),
            reading: Reading::default(),
            last_record: record,
            debuggers: false,
        });
        assert!(head.starts_with("spinning, and no byte has moved for 10.2 s\n"));
        let last = head.lines().last().unwrap();
        assert!(last.starts_with(r#"last record: "wörd\t"#), "{last}");
        assert!(last.contains(r"\n\u{1b}[2J"));
        assert!(last.ends_with("xx\"…"));
        assert!(last.len() < 300);
    }
}
