//! Never two at once: whatever happens to the active member, its command and all processes that this has started are
//! gone before another member's command begins.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Ticks, Watcher, ZooKeeper, group_member, wait_until};
use rustix::process::{Pid, Signal, kill_process};

/// The session of four seconds, the server's rounding up to its next tick, and a margin for a busy machine.
const EXPIRED: Duration = Duration::from_secs(15);

/// Two members with the same command; the first is active.
struct Pair {
    zookeeper: ZooKeeper,
    ticks: Ticks,
    first: Watcher,
    second: Watcher,
}

impl Pair {
    fn start(command: impl Fn(&Ticks) -> Vec<String>) -> Self {
        let zookeeper = ZooKeeper::with_settings(&["tickTime=500"]);
        let ticks = Ticks::new();
        let command = command(&ticks);
        let command: Vec<&str> = command.iter().map(String::as_str).collect();
        // The grace of 60 s is never used up: the session expires first.
        let member = |address: &str| {
            let options = format!("master --stop-grace 60s --address {address}");
            group_member(&zookeeper, &options, &command)
        };
        let first = member("m1:2223");
        first.wait_for_event("active", "master");
        let second = member("m2:2223");
        second.wait_for_event("backup", "master");
        wait_until("the first command runs", EXPIRED, || {
            !ticks.runs().is_empty()
        });
        Self {
            zookeeper,
            ticks,
            first,
            second,
        }
    }

    /// Waits until the command of a second claim has run for a while, and checks that of the first.
    fn assert_succeeded(&self, by: &[&str]) {
        let end = Instant::now() + EXPIRED;
        while self.ticks.runs().len() < 2 {
            let lines = [self.first.lines(), self.second.lines()];
            assert!(Instant::now() < end, "no second run; lines: {lines:#?}");
            sleep(Duration::from_millis(20));
        }
        sleep(Duration::from_millis(500));
        let runs = self.ticks.assert_one_at_a_time();
        assert_eq!(runs[0].who, by, "{runs:?}");
    }
}

fn gentle(ticks: &Ticks) -> Vec<String> {
    ticks.command()
}

fn stubborn(ticks: &Ticks) -> Vec<String> {
    ticks.stubborn_command()
}

/// The supervisor of a member, and the command below it.
fn below(member: &Watcher) -> (Pid, Pid) {
    let child = |parent: Pid| {
        let parent = parent.as_raw_nonzero();
        let children = format!("/proc/{parent}/task/{parent}/children");
        let children = std::fs::read_to_string(children).expect("it runs");
        let first = children.split(' ').next().expect("it has a child");
        Pid::from_raw(first.parse().expect("a pid")).expect("a pid")
    };
    let supervisor = child(member.pid());
    (supervisor, child(supervisor))
}

#[test]
fn who_is_asked_to_leave_stops_its_command_first() {
    let pair = Pair::start(gentle);
    pair.first.signal(Signal::TERM);
    pair.assert_succeeded(&["main", "stop"]);
    pair.first.wait_for_event("inactive", "master");
    pair.second.wait_for_event("active", "master");
}

#[test]
fn a_killed_member_leaves_no_command_behind() {
    let pair = Pair::start(gentle);
    pair.first.signal(Signal::KILL);
    pair.assert_succeeded(&["main", "stop"]);
}

#[test]
fn nor_what_the_command_has_started_and_does_not_listen() {
    let pair = Pair::start(stubborn);
    wait_until("there is a child too", EXPIRED, || {
        pair.ticks.runs()[0].who.len() == 2
    });
    pair.first.signal(Signal::KILL);
    pair.assert_succeeded(&["child", "main"]);
}

#[test]
fn a_paused_member_is_stopped_by_its_supervisor() {
    let pair = Pair::start(gentle);
    pair.first.signal(Signal::STOP);
    pair.second.wait_for_event("active", "master");
    pair.assert_succeeded(&["main", "stop"]);
    pair.first.signal(Signal::CONT);
    // When it wakes, it finds that it is the backup of the second.
    pair.first.wait_for_event("backup", "master");
    pair.ticks.assert_one_at_a_time();
}

#[test]
fn a_paused_member_whose_command_does_not_listen_is_killed_by_its_supervisor() {
    let pair = Pair::start(stubborn);
    wait_until("there is a child too", EXPIRED, || {
        pair.ticks.runs()[0].who.len() == 2
    });
    pair.first.signal(Signal::STOP);
    pair.assert_succeeded(&["child", "main"]);
}

#[test]
fn a_killed_keeper_takes_its_command_with_it() {
    let pair = Pair::start(gentle);
    let (supervisor, _) = below(&pair.first);
    kill_process(supervisor, Signal::KILL).expect("it runs");
    // Treated like the command's own death: the member leaves.
    pair.first.wait_for_event("inactive", "master");
    pair.assert_succeeded(&["main"]);
}

#[test]
fn a_command_outlives_neither_when_both_are_killed() {
    let pair = Pair::start(gentle);
    let (supervisor, _) = below(&pair.first);
    pair.first.signal(Signal::STOP);
    kill_process(supervisor, Signal::KILL).expect("it runs");
    pair.first.signal(Signal::KILL);
    pair.assert_succeeded(&["main"]);
}

#[test]
fn a_paused_keeper_is_replaced_by_the_member_itself() {
    let pair = Pair::start(stubborn);
    wait_until("there is a child too", EXPIRED, || {
        pair.ticks.runs()[0].who.len() == 2
    });
    let (supervisor, _) = below(&pair.first);
    kill_process(supervisor, Signal::STOP).expect("it runs");
    pair.zookeeper.pause();
    pair.first.wait_for_event("inactive", "master");
    pair.zookeeper.resume();
    pair.assert_succeeded(&["child", "main"]);
}

#[test]
fn a_server_that_does_not_answer_stops_the_command_in_time() {
    let pair = Pair::start(stubborn);
    wait_until("there is a child too", EXPIRED, || {
        pair.ticks.runs()[0].who.len() == 2
    });
    pair.zookeeper.pause();
    pair.first.wait_for_event("inactive", "master");
    let end = pair.ticks.runs()[0].last;
    // No member is active while no server answers.
    sleep(Duration::from_secs(3));
    assert_eq!(pair.ticks.runs()[0].last.to_bits(), end.to_bits());
    pair.zookeeper.resume();
    pair.assert_succeeded(&["child", "main"]);
}

#[test]
fn a_server_that_is_away_for_a_moment_stops_nothing() {
    let mut pair = Pair::start(gentle);
    let before = pair.ticks.runs()[0].last;
    pair.zookeeper.pause();
    sleep(Duration::from_millis(200));
    pair.zookeeper.resume();
    sleep(Duration::from_secs(2));
    let runs = pair.ticks.runs();
    assert_eq!(
        (runs.len(), &runs[0].who[..]),
        (1, &["main".to_owned()][..])
    );
    assert!(runs[0].last > before + 1.5, "{runs:?}");
    // And for longer: killed and started again, with all the sessions that it knew.
    pair.zookeeper.kill();
    sleep(Duration::from_secs(4));
    pair.zookeeper.restart();
    pair.assert_succeeded(&["main", "stop"]);
}
