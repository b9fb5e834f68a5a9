//! A task that heartline has to fail, below Hadoop's own server of the umbilical in place of an application master.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Guarded, Parts, Proxy, SOON, Watcher, ZooKeeper, wait_until};
use rustix::fs::{CWD, FileType, mknodat};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

const JOB: &str = "job_1795260688574_0001";
const ATTEMPT: &str = "attempt_1795260688574_0001_m_000002_0";

/// The longest time that a task waits if its report does not arrive.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// The message about a report that did not arrive.
const NOT_REPORTED: &str =
    "heartline run: cannot report the failure to Hadoop's application master: ";

/// The umbilical of an application master: `tests/hadoop/umbilical/Master.java`.
struct Master {
    dir: TempDir,
    /// The calls that it received.
    calls: Arc<Mutex<Vec<String>>>,
    port: u16,
    /// `hadoop.rpc.protection` of the job.
    asked: String,
    _server: Guarded,
}

impl Master {
    /// Starts it with this version of the interface and this `hadoop.rpc.protection`; it writes the job's token in this
    /// format.
    fn start(version: u32, protection: &str, format: &str, more: &[&str]) -> Self {
        let dir = TempDir::new().expect("a temporary folder");
        let mut server = Command::new("java");
        server
            .args(["-XX:TieredStopAtLevel=1", "-cp"])
            .arg(Parts::get().class_path())
            .arg(Parts::root().join("tests/hadoop/umbilical/Master.java"))
            .args([&version.to_string(), protection, format, JOB])
            .arg(dir.path().join("tokens"))
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut server = Guarded::spawn(&mut server);
        let stdout = server.take_stdout().expect("its stdout is a pipe");
        let mut lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let port = lines.next().and_then(|port| port.parse().ok());
        let calls = Arc::<Mutex<Vec<String>>>::default();
        let keeps = Arc::clone(&calls);
        thread::spawn(move || lines.for_each(|line| keeps.lock().expect("no panic").push(line)));
        Self {
            dir,
            calls,
            port: port.expect("it says where it listens"),
            asked: protection.to_owned(),
            _server: server,
        }
    }

    fn calls(&self) -> Vec<String> {
        self.calls.lock().expect("no panic").clone()
    }

    fn tokens(&self) -> PathBuf {
        self.dir.path().join("tokens")
    }

    /// `heartline run` of a command that hangs, below a process with the command line of this attempt's Java process.
    fn hung_task(&self, attempt: &str) -> Task {
        self.task(attempt, "sleep 1000")
    }

    fn task(&self, attempt: &str, command: &str) -> Task {
        let script = format!("\"$0\" run --no-heartbeat -- {command}; exit $?");
        self.below_java(attempt, &script, env!("CARGO_BIN_EXE_heartline"))
    }

    /// A shell script with this as its `$0`.
    fn below_java(&self, attempt: &str, script: &str, program: &str) -> Task {
        let words = [
            script,
            program,
            "org.apache.hadoop.mapred.YarnChild",
            "127.0.0.1",
            &self.port.to_string(),
            attempt,
            "5",
        ];
        let mut child = Command::new("sh")
            .arg("-c")
            .args(words)
            .env("mapreduce_task_attempt_id", ATTEMPT)
            // Longer than it waits.
            .env("mapreduce_task_progress_report_interval", "3600000")
            .env("HADOOP_TOKEN_FILE_LOCATION", self.tokens())
            .env("hadoop_rpc_protection", &self.asked)
            .env("HEARTLINE_ON_STALL", "kill")
            .env("HEARTLINE_STALL_TIMEOUT", "1s")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sh runs");
        let stderr = child.stderr.take().expect("its stderr is a pipe");
        let said = Arc::<Mutex<Vec<String>>>::default();
        let keeps = Arc::clone(&said);
        let lines = BufReader::new(stderr).lines().map_while(Result::ok);
        thread::spawn(move || lines.for_each(|line| keeps.lock().expect("no panic").push(line)));
        Task { child, said }
    }
}

/// Passes one connection on, and keeps what its client says.
struct Tap {
    port: u16,
    passed: Arc<Mutex<Vec<u8>>>,
}

impl Tap {
    fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let own = listener.local_addr().expect("its address").port();
        let passed = Arc::<Mutex<Vec<u8>>>::default();
        let keeps = Arc::clone(&passed);
        thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let mut server = TcpStream::connect(("127.0.0.1", port)).expect("a server");
            let mut back = client.try_clone().expect("a copy");
            let mut answers = server.try_clone().expect("a copy");
            thread::spawn(move || io::copy(&mut answers, &mut back));
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = client.read(&mut buffer) {
                keeps.lock().expect("no panic").extend(&buffer[..count]);
                server.write_all(&buffer[..count]).expect("it reads");
            }
        });
        Self { port: own, passed }
    }

    fn passed(&self) -> Vec<u8> {
        self.passed.lock().expect("no panic").clone()
    }
}

/// A task, and its stderr.
struct Task {
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
}

impl Task {
    fn said(&self) -> Vec<String> {
        self.said.lock().expect("no panic").clone()
    }

    fn wait_for(&self, beginning: &str) -> String {
        let mut found = None;
        wait_until(beginning, 2 * SOON, || {
            let said = self.said();
            found = said.into_iter().find(|line| line.starts_with(beginning));
            found.is_some()
        });
        found.expect("it was found")
    }

    /// Waits for its last message, then for its end; returns the time between them.
    fn end(mut self) -> (Option<i32>, Duration, Vec<String>) {
        self.wait_for("reporter:counter:heartline,ended: stalled: blocked for ");
        let begin = Instant::now();
        let code = self.child.wait().expect("it can be waited for").code();
        (code, begin.elapsed(), self.said())
    }

    /// Ends a task that waits for Hadoop to collect its report.
    fn cut_short(mut self) -> Option<i32> {
        self.wait_for("reporter:counter:heartline,ended: stalled: blocked for ");
        assert!(self.child.try_wait().expect("a child").is_none(), "waits");
        let shell = Pid::from_child(&self.child);
        // The signal may come before its handler exists, so it is repeated.
        wait_until("it ends after the signal", SOON / 2, || {
            let children = format!("/proc/{0}/task/{0}/children", shell.as_raw_nonzero());
            let children = fs::read_to_string(children).unwrap_or_default();
            for pid in children.split_ascii_whitespace() {
                let pid = Pid::from_raw(pid.parse().expect("a number"));
                let _ = kill_process(pid.expect("a process"), Signal::TERM);
            }
            self.child.try_wait().expect("a child").is_some()
        });
        self.child.wait().expect("it can be waited for").code()
    }
}

#[test]
fn every_version_of_the_application_master_gets_the_reason_and_the_task_ends_at_once() {
    let _machine = crate::support::part_of_machine();
    for (version, format) in [(21, "WRITABLE"), (20, "PROTOBUF"), (19, "WRITABLE")] {
        let master = Master::start(version, "authentication", format, &[]);
        let (code, waited, said) = master.hung_task(ATTEMPT).end();
        // Its answer to us may come before its word to the test.
        wait_until("the report arrives", SOON, || !master.calls().is_empty());
        let calls = master.calls();
        let [call] = &calls[..] else {
            panic!("one call by version {version}: {calls:?}; {said:#?}")
        };
        let begin = format!("fatalError {ATTEMPT} heartline: stalled: blocked for ");
        assert!(call.starts_with(&begin), "{call}");
        assert!(call.contains("; ended for it (--on-stall kill)"), "{call}");
        assert_eq!(call.ends_with(" false"), version == 21, "{call}");
        assert_eq!(code, Some(1), "{said:#?}");
        assert!(waited < LONGEST_WAIT, "it has not waited for more");
        assert!(!said.iter().any(|line| line.starts_with(NOT_REPORTED)));
    }
}

#[test]
fn an_operators_order_is_a_reason_too() {
    let _machine = crate::support::part_of_machine();
    let master = Master::start(21, "authentication", "PROTOBUF", &[]);
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let address = zookeeper.address();
    let options = format!("--zookeeper {address} --name map1 --stall-timeout 0");
    let script = format!("\"$0\" run {options} -- sleep 1000; exit $?");
    let mut task = master.below_java(ATTEMPT, &script, env!("CARGO_BIN_EXE_heartline"));
    watcher.wait_for_event("claimed", "map1");
    let asked = Command::new(env!("CARGO_BIN_EXE_heartline"))
        .args(["kill", ATTEMPT, "--zookeeper", &address])
        .status()
        .expect("heartline runs");
    assert!(asked.success());
    let ended = task.child.wait().expect("it can be waited for");
    assert_eq!(ended.code(), Some(1), "{:#?}", task.said());
    wait_until("the report arrives", SOON, || !master.calls().is_empty());
    let call = format!("fatalError {ATTEMPT} heartline: kill-task: by an operator false");
    assert_eq!(master.calls(), [call]);
}

#[test]
fn the_own_mapper_says_it_too_before_it_ends() {
    let _machine = crate::support::part_of_machine();
    let master = Master::start(21, "authentication", "WRITABLE", &[]);
    let zookeeper = ZooKeeper::start();
    let address = format!("--zookeeper {}", zookeeper.address());
    for (number, heartbeat) in (1..).zip(["--no-heartbeat", &address]) {
        let script = format!("yes | \"$0\" {heartbeat} --line-delay 1000s; exit $?");
        let mut task = master.below_java(ATTEMPT, &script, env!("CARGO_BIN_EXE_wc-mapper"));
        let ended = task.child.wait().expect("it can be waited for");
        assert_eq!(ended.code(), Some(1), "{heartbeat}: {:#?}", task.said());
        let begin = format!("fatalError {ATTEMPT} heartline: stalled: blocked for ");
        // Its answer to us may come before its word to the test.
        wait_until(heartbeat, SOON, || master.calls().len() >= number);
        let calls = master.calls();
        assert!(
            calls.len() == number && calls.iter().all(|call| call.starts_with(&begin)),
            "{heartbeat}: {calls:?}"
        );
    }
}

#[test]
fn every_protection_carries_the_reason_and_privacy_hides_it() {
    let _machine = crate::support::part_of_machine();
    // An older version is found at the third call, with the third number.
    for (version, protection, format) in [
        (21, "authentication", "PROTOBUF"),
        (19, "integrity", "WRITABLE"),
        (21, "privacy", "PROTOBUF"),
        (19, "privacy", "WRITABLE"),
        (21, "authentication,integrity,privacy", "WRITABLE"),
    ] {
        let mut master = Master::start(version, protection, format, &[]);
        let tap = Tap::before(master.port);
        master.port = tap.port;
        let (code, waited, said) = master.hung_task(ATTEMPT).end();
        assert_eq!(code, Some(1), "{protection}: {said:#?}");
        assert!(waited < LONGEST_WAIT, "{protection}: {said:#?}");
        wait_until("the report arrives", SOON, || !master.calls().is_empty());
        let calls = master.calls();
        let begin = format!("fatalError {ATTEMPT} heartline: stalled: blocked for ");
        assert!(
            calls.len() == 1 && calls[0].starts_with(&begin),
            "{protection}: {calls:?}"
        );
        assert!(!said.iter().any(|line| line.starts_with(NOT_REPORTED)));
        let passed = tap.passed();
        let is_seen = passed.windows(8).any(|part| part == b"stalled:");
        let is_private = protection.contains("privacy");
        assert_eq!(is_seen, !is_private, "{protection}");
        let quality = match protection {
            "authentication" => "qop=auth,",
            "integrity" => "qop=auth-int",
            _ => "qop=auth-conf",
        };
        let passed = String::from_utf8_lossy(&passed);
        assert!(passed.contains(quality), "{protection}: {passed}");
    }
}

#[test]
fn a_job_with_another_protection_than_its_master_reports_no_less_protected() {
    let _machine = crate::support::part_of_machine();
    for (offered, asked, why) in [
        (
            "authentication",
            "integrity",
            "hadoop.rpc.protection=integrity",
        ),
        (
            "integrity,authentication",
            "privacy",
            "hadoop.rpc.protection=privacy",
        ),
        ("privacy", "secret", "hadoop.rpc.protection is 'secret'"),
    ] {
        let mut master = Master::start(21, offered, "WRITABLE", &[]);
        asked.clone_into(&mut master.asked);
        let task = master.hung_task(ATTEMPT);
        let said = task.wait_for(NOT_REPORTED);
        assert!(said.contains(why), "{said}");
        assert_eq!(task.cut_short(), Some(1));
        assert_eq!(master.calls(), [""; 0]);
    }
}

#[test]
fn an_answer_that_was_changed_on_its_way_is_found_out_where_messages_are_signed() {
    let _machine = crate::support::part_of_machine();
    for (protection, why) in [
        // In the clear the changed text is believed.
        (
            "authentication",
            "it refuses: org.apache.hadoop.ipc.RPC$versionMismatch",
        ),
        (
            "integrity",
            "a message was changed, repeated or left out on its way",
        ),
    ] {
        let mut master = Master::start(20, protection, "WRITABLE", &[]);
        let proxy = Proxy::before(&format!("127.0.0.1:{}", master.port));
        proxy.rewrite("RPC$VersionMismatch", "RPC$versionMismatch");
        let port = proxy.address();
        let port = port.rsplit(':').next().and_then(|port| port.parse().ok());
        master.port = port.expect("a port");
        let task = master.hung_task(ATTEMPT);
        let said = task.wait_for(NOT_REPORTED);
        assert!(said.contains(why), "{protection}: {said}");
        assert_eq!(task.cut_short(), Some(1));
        assert_eq!(master.calls(), [""; 0]);
    }
}

#[test]
fn a_token_that_is_not_the_masters_is_refused_and_the_status_is_waited_for_as_ever() {
    let _machine = crate::support::part_of_machine();
    let master = Master::start(21, "authentication", "PROTOBUF", &["wrong"]);
    let task = master.hung_task(ATTEMPT);
    let said = task.wait_for(NOT_REPORTED);
    assert!(said.contains("it refuses: "), "{said}");
    assert_eq!(task.cut_short(), Some(1));
    assert_eq!(master.calls(), [""; 0]);

    fs::write(master.tokens(), "nothing").expect("a file");
    let task = master.hung_task(ATTEMPT);
    let said = task.wait_for(NOT_REPORTED);
    assert!(said.contains("is not a token file"), "{said}");
    assert_eq!(task.cut_short(), Some(1));

    // A named pipe that nobody writes to is not waited for.
    fs::remove_file(master.tokens()).expect("a file");
    mknodat(CWD, master.tokens(), FileType::Fifo, 0o600.into(), 0).expect("a pipe");
    let task = master.hung_task(ATTEMPT);
    let said = task.wait_for(NOT_REPORTED);
    assert!(said.contains("it is a named pipe"), "{said}");
    assert_eq!(task.cut_short(), Some(1));
}

#[test]
fn nothing_is_said_of_success_of_other_failures_and_below_another_attempts_java() {
    let _machine = crate::support::part_of_machine();
    let master = Master::start(21, "authentication", "WRITABLE", &[]);
    for (command, code) in [("true", 0), ("false", 1), ("sh -c 'exit 3'", 3)] {
        let mut task = master.task(ATTEMPT, command);
        let ended = task.child.wait().expect("it can be waited for");
        assert_eq!(ended.code(), Some(code), "{command}: {:#?}", task.said());
    }
    let task = master.hung_task("attempt_1795260688574_0001_m_000002_1");
    assert_eq!(task.cut_short(), Some(1));
    assert_eq!(master.calls(), [""; 0]);
}
