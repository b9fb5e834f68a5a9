//! Why a command makes no progress, tested with real processes: each verdict is produced on purpose, and wrong
//! ones must not occur.

mod rig;

use std::io::{Read, pipe};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

use crate::support::wait_until;
use heartline::condition::{Condition, InputFill, StallTimeout, Waiting};
use heartline::vitals::{
    CommandFlow, Ends, FileIdentity, Monitor, MonitorEvent, MonitorSettings, SampleTarget, Sampler,
};
use rig::{Counted, Drain, Fed, Feed, Rig};
use rustix::process::Signal;

const LIMIT: Duration = Duration::from_secs(30);

/// Python scripts that read stdin, in every way of Python's standard library.
const READ: &str = "import os; os.read(0, 100)";
const SELECT: &str = "import select; select.select([0], [], [])";
const POLL: &str = "import select; p = select.poll(); p.register(0, select.POLLIN); p.poll()";
const EPOLL: &str = "import select; p = select.epoll(); p.register(0, select.EPOLLIN); p.poll()";
const THREAD: &str = "import sys, threading
threading.Thread(target=sys.stdin.readline).start()
threading.Event().wait()";

/// Scripts that wait for something else while the input is open and empty.
const SLEEP: &str = "import time; time.sleep(600)";
const OTHER_PIPE: &str = "import os; r, w = os.pipe(); os.read(r, 1)";
const OTHER_SELECT: &str = "import os, select; r, w = os.pipe(); select.select([r], [], [])";
const OTHER_POLL: &str = "import os, select; r, w = os.pipe(); p = select.poll()
p.register(r, select.POLLIN); p.poll()";
const OTHER_EPOLL: &str = "import os, select; r, w = os.pipe(); p = select.epoll()
p.register(r, select.EPOLLIN); p.poll()";
const DEADLOCK: &str = "import threading
lock = threading.Lock(); lock.acquire()
for n in range(3): threading.Thread(target=lock.acquire).start()
print('ready', flush=True); lock.acquire()";

/// Scripts that compute.
const BUSY: &str = "while True: pass";
const BUSY_THREADS: &str = "import threading
def burn():
    while True: pass
for n in range(3): threading.Thread(target=burn).start()
threading.Event().wait()";

/// Computes for some seconds of CPU time on each line of its input.
const BETWEEN: &str = "import os, time
while os.read(0, 7):
    end = time.process_time() + 2
    while time.process_time() < end: pass
    os.write(1, b'x')
    time.sleep(0.2)";

fn python(script: &'static str) -> [&'static str; 3] {
    ["python3", "-c", script]
}

fn shell(script: &'static str) -> [&'static str; 3] {
    ["sh", "-c", script]
}

#[test]
fn who_waits_for_input_is_starved_and_never_stalled() {
    let all = [
        shell("exec cat"),
        shell("cat | sort"),
        shell("read -r line"),
        shell("sleep 600 & cat"),
        python(READ),
        python(SELECT),
        python(POLL),
        python(EPOLL),
        python(THREAD),
    ];
    for words in &all {
        let mut rig = Rig::new(words, Feed::Nothing, Drain::Reads);
        rig.comes_to(Condition::Starved);
        assert_eq!(rig.reading.waiting, Waiting::Input, "{words:?}");
        assert_eq!(rig.reading.input, InputFill::Empty, "{words:?}");
        rig.stays(&[Condition::Starved]);
    }
}

#[test]
fn a_slow_producer_makes_its_reader_starved_or_working() {
    let pause = Duration::from_millis(2500);
    let mut rig = Rig::new(&["cat"], Feed::Slowly(pause), Drain::Reads);
    rig.comes_to(Condition::Starved);
    rig.stays(&[Condition::Starved, Condition::Working]);
    rig.comes_to(Condition::Working);
}

#[test]
fn who_waits_for_its_reader_is_back_pressured_and_never_stalled() {
    let all = [
        shell("exec cat"),
        shell("cat | cat"),
        shell("cat | sed s/a/b/"),
        shell("yes"),
        python(
            "import sys, select
while True: select.select([], [1], []); sys.stdout.write('x' * 4096)",
        ),
    ];
    for words in &all {
        let mut rig = Rig::new(words, Feed::Plenty, Drain::Rests);
        rig.comes_to(Condition::BackPressured);
        assert_eq!(rig.reading.waiting, Waiting::Output, "{words:?}");
        rig.stays(&[Condition::BackPressured]);
        rig.fed.pipes.rests.store(false, Relaxed);
        rig.comes_to(Condition::Working);
    }
}

#[test]
fn who_moves_bytes_works() {
    let mut rig = Rig::new(&["cat"], Feed::Plenty, Drain::Reads);
    rig.comes_to(Condition::Working);
    rig.stays(&[Condition::Working]);
}

#[test]
fn who_computes_and_moves_nothing_spins_and_stalls() {
    for words in [
        shell("while :; do :; done"),
        python(BUSY),
        python(BUSY_THREADS),
    ] {
        for feed in [Feed::Nothing, Feed::Plenty, Feed::End] {
            let mut rig = Rig::new(&words, feed, Drain::Reads);
            rig.stalls(Condition::Spinning);
            assert_ne!(rig.reading.waiting, Waiting::Input);
        }
    }
}

#[test]
fn who_waits_for_something_else_is_blocked_and_stalls() {
    let all = [
        shell("exec sleep 600"),
        shell("sleep 600; cat"),
        shell("sleep 600 | cat"),
        python(SLEEP),
        python(OTHER_PIPE),
        python(OTHER_SELECT),
        python(OTHER_POLL),
        python(OTHER_EPOLL),
        python(DEADLOCK),
    ];
    for words in &all {
        let mut rig = Rig::new(words, Feed::Nothing, Drain::Reads);
        rig.stalls(Condition::Blocked);
        assert_eq!(rig.reading.waiting, Waiting::Other, "{words:?}");
    }
}

#[test]
fn who_is_stopped_is_blocked_also_if_it_was_reading() {
    let mut rig = Rig::new(&["cat"], Feed::Nothing, Drain::Reads);
    rig.comes_to(Condition::Starved);
    rig.fed.child.signal(Signal::STOP);
    rig.stalls(Condition::Blocked);
    rig.fed.child.signal(Signal::CONT);
    rig.comes_to(Condition::Starved);
    rig.stays(&[Condition::Starved]);
}

#[test]
fn who_computes_between_reads_spins_and_works_in_turn() {
    let pause = Duration::ZERO;
    let mut rig = Rig::new(&python(BETWEEN), Feed::Slowly(pause), Drain::Reads);
    for _ in 0..2 {
        rig.comes_to(Condition::Spinning);
        rig.comes_to(Condition::Working);
    }
}

#[test]
fn cpu_time_of_children_that_have_ended_counts() {
    let script = "sh -c 'n=0; while [ $n -lt 1000000 ]; do n=$((n+1)); done'; read -r line";
    let mut rig = Rig::new(&shell(script), Feed::Nothing, Drain::Reads);
    rig.look();
    let mut last = rig.reading.cpu;
    wait_until("the inner shell has ended", LIMIT, || {
        rig.look();
        assert!(rig.reading.cpu >= last);
        last = rig.reading.cpu;
        rig.reading.waiting == Waiting::Input
    });
    assert_eq!(rig.reading.processes, 1);
    assert!(rig.reading.memory > 0);
    let (one, _) = (rig.reading.cpu, rig.look());
    assert!(one >= Duration::from_millis(50), "{one:?}");
    assert!(rig.reading.cpu < one + Duration::from_millis(50));
}

#[test]
fn a_thread_of_this_process_is_looked_at_by_itself() {
    let (mut reader, writer) = pipe().unwrap();
    let ends = Ends {
        input: FileIdentity::of(&reader),
        output: None,
    };
    let (sender, receiver) = channel();
    let thread = thread::spawn(move || {
        sender.send(rustix::thread::gettid()).unwrap();
        reader.read_to_end(&mut Vec::new()).unwrap()
    });
    let tid = receiver
        .recv()
        .unwrap()
        .as_raw_nonzero()
        .get()
        .unsigned_abs();
    let mut sampler = Sampler::new(SampleTarget::OwnThread(tid), ends);
    wait_until("the thread waits for its input", LIMIT, || {
        sampler.look(&CommandFlow::default()).waiting == Waiting::Input
    });
    drop(writer);
    assert_eq!(thread.join().unwrap(), 0);
    wait_until("the thread is gone", LIMIT, || {
        sampler.look(&CommandFlow::default()).processes == 0
    });
}

/// Watches a command that has written something.
fn watch(fed: &Fed) -> (Monitor, Receiver<MonitorEvent>) {
    wait_until("the command has begun", LIMIT, || fed.pipes.has_given());
    let (sender, receiver) = channel();
    let settings = MonitorSettings {
        target: SampleTarget::Tree(fed.child.id()),
        ends: fed.ends,
        stall_timeout: StallTimeout::After(Duration::from_secs(2)),
        interval: Duration::from_millis(50),
        debuggers: true,
    };
    let send = move |event| sender.send(event).unwrap();
    let monitor = Monitor::start(settings, Counted(Arc::clone(&fed.pipes)), send).unwrap();
    (monitor, receiver)
}

#[test]
fn a_stall_is_reported_with_a_snapshot_and_so_is_its_end() {
    let fed = Fed::start(&shell("cat | cat"), Feed::Plenty, Drain::Reads);
    let (monitor, receiver) = watch(&fed);
    let vitals = monitor.vitals();
    wait_until("a sample is taken", LIMIT, || vitals.processes() == 3);
    assert_eq!(vitals.stalled(), None);
    assert!(vitals.memory() > 0);
    fed.signal_children("STOP");
    let MonitorEvent::Stalled { condition, still } = receiver.recv_timeout(LIMIT).unwrap() else {
        panic!("no stall");
    };
    assert_eq!(condition, Condition::Blocked);
    assert!(still >= Duration::from_secs(2));
    assert!(vitals.stalled().is_some());
    let MonitorEvent::Snapshot(text) = receiver.recv_timeout(LIMIT * 2).unwrap() else {
        panic!("no snapshot");
    };
    assert!(
        text.starts_with("blocked, and no byte has moved for "),
        "{text}"
    );
    assert!(text.contains(r#"last record: "a line\n""#), "{text}");
    assert!(text.contains("sh -c cat | cat"), "{text}");
    assert_eq!(text.matches("state T (stopped)").count(), 2, "{text}");
    fed.signal_children("CONT");
    assert_eq!(
        receiver.recv_timeout(LIMIT).unwrap(),
        MonitorEvent::Recovered
    );
    wait_until("the bytes move", LIMIT, || vitals.stalled().is_none());
    drop(monitor);
    assert!(receiver.try_recv().is_err());
}

#[test]
fn a_snapshot_shows_the_stacks_and_lets_the_command_go_on() {
    let fed = Fed::start(&python(DEADLOCK), Feed::Nothing, Drain::Reads);
    let (_monitor, receiver) = watch(&fed);
    assert!(matches!(
        receiver.recv_timeout(LIMIT).unwrap(),
        MonitorEvent::Stalled { .. }
    ));
    let MonitorEvent::Snapshot(text) = receiver.recv_timeout(LIMIT * 2).unwrap() else {
        panic!("no snapshot");
    };
    assert_eq!(text.matches("\n  thread ").count(), 4, "{text}");
    assert!(text.len() <= 64 * 1024);
    assert!(
        text.contains("by ") || text.contains("no user stack"),
        "{text}"
    );
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", fed.child.id())).unwrap();
    assert!(stat.contains(") S "), "{stat}");
}

#[test]
fn a_monitor_that_is_dropped_reports_nothing_more() {
    let fed = Fed::start(
        &shell("echo ready; exec sleep 600"),
        Feed::Nothing,
        Drain::Reads,
    );
    let (monitor, receiver) = watch(&fed);
    assert!(matches!(
        receiver.recv_timeout(LIMIT).unwrap(),
        MonitorEvent::Stalled { .. }
    ));
    // While the snapshot is taken.
    drop(monitor);
    let rest: Vec<MonitorEvent> = receiver.iter().collect();
    assert!(
        rest.iter()
            .all(|event| matches!(event, MonitorEvent::Snapshot(_)))
    );
}

#[test]
fn a_command_that_has_ended_is_not_stalled() {
    let fed = Fed::start(&shell("echo ready"), Feed::Nothing, Drain::Reads);
    let (monitor, receiver) = watch(&fed);
    let event = receiver.recv_timeout(Duration::from_secs(4));
    assert_eq!(event, Err(RecvTimeoutError::Timeout));
    assert_eq!(monitor.vitals().stalled(), None);
    assert_eq!(monitor.vitals().processes(), 0);
}
