//! The application master's address, from the command line of the task's Java process, an ancestor of this process.

use std::fs;
use std::os::unix::fs::MetadataExt;

use rustix::process::{Pid, geteuid, getppid};

use heartline_process::files::beginning;
use heartline_process::supervisor::parent;

/// The class whose `main` a task's Java process runs: `… YarnChild HOST PORT ATTEMPT JVM`.
const CHILD: &str = "org.apache.hadoop.mapred.YarnChild";

/// The longest command line, in bytes: more than that of any Java process that YARN starts.
const LONGEST: u64 = 2 << 20;

/// The most ancestors to look at: more than there are between a task's Java process and any program that it starts.
const MOST: usize = 64;

/// An application master's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Master {
    pub(super) host: String,
    pub(super) port: u16,
}

impl Master {
    /// The master of the attempt as which this process was started: the Java process above it must belong to this
    /// attempt, and to the same user, like all processes between them. `None` if there is none.
    pub(super) fn of_process(attempt: &str) -> Option<Self> {
        let user = geteuid().as_raw();
        let mut next = getppid();
        for _ in 0..MOST {
            let pid = next?.as_raw_nonzero();
            let owner = fs::metadata(format!("/proc/{pid}")).ok()?.uid();
            if owner != user {
                return None;
            }
            let line = beginning(format!("/proc/{pid}/cmdline").as_ref(), LONGEST)?;
            let words = String::from_utf8_lossy(&line);
            let words: Vec<&str> = words.trim_end_matches('\0').split('\0').collect();
            if let Some(master) = Self::in_command_line(&words, attempt) {
                return Some(master);
            }
            let above = parent(pid.get().unsigned_abs())?;
            next = i32::try_from(above).ok().and_then(Pid::from_raw);
        }
        None
    }

    pub(super) fn in_command_line(words: &[&str], attempt: &str) -> Option<Self> {
        let place = words.iter().position(|word| *word == CHILD)?;
        let [host, port, named, _jvm] = words.get(place + 1..)? else {
            return None;
        };
        (*named == attempt && !host.is_empty()).then_some(())?;
        let port = port.parse().ok().filter(|port| *port != 0)?;
        Some(Self {
            host: (*host).to_owned(),
            port,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTEMPT: &str = "attempt_1795260688574_0001_m_000002_0";

    /// The command line as a `NodeManager` of Hadoop 3.4.2 starts it, shortened.
    const LINE: [&str; 9] = [
        "/usr/lib/jvm/bin/java",
        "-Dhadoop.metrics.log.level=WARN",
        "-Xmx384m",
        "-Dhadoop.root.logfile=syslog",
        CHILD,
        "10.0.0.7",
        "38211",
        ATTEMPT,
        "2",
    ];

    fn found(words: &[&str]) -> Option<Master> {
        Master::in_command_line(words, ATTEMPT)
    }

    #[test]
    fn the_address_stands_behind_the_class() {
        let expected = Master {
            host: "10.0.0.7".to_owned(),
            port: 38_211,
        };
        assert_eq!(found(&LINE), Some(expected));
    }

    #[test]
    fn another_attempts_java_is_not_ours() {
        let mut other = LINE;
        other[7] = "attempt_1795260688574_0001_m_000002_1";
        assert_eq!(found(&other), None);
    }

    #[test]
    fn what_is_no_such_line_has_no_address() {
        assert_eq!(found(&[]), None);
        assert_eq!(found(&["bash", "-c", &LINE.join(" ")]), None);
        assert_eq!(found(&LINE[..8]), None);
        assert_eq!(found(&[&LINE[..], &["more"]].concat()), None);
        for (place, word) in [(4, "YarnChild"), (5, ""), (6, "0"), (6, "70000")] {
            let mut broken = LINE;
            broken[place] = word;
            assert_eq!(found(&broken), None, "{word}");
        }
    }

    #[test]
    fn a_process_below_no_task_has_no_master() {
        assert_eq!(Master::of_process(ATTEMPT), None);
    }
}
