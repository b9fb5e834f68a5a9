//! Looks and members for the tests of this module.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::gather::{Look, Node};
use super::overview::Overview;
use heartline_zookeeper::{Stat, Value};

/// The time at which all samples begin, on the server's clock.
pub(super) fn start() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(1_609_240_719_000).unwrap()
}

/// A znode with this version, which was written and read this many milliseconds after the start.
pub(super) fn node(name: &str, value: &str, version: i32, written: i64, read: u64) -> Node {
    Node {
        name: name.to_owned(),
        value: Value {
            bytes: value.into(),
            stat: Stat {
                acl_version: 0,
                created: 7,
                modified: 8,
                version,
                owner: 1,
                children: 0,
                children_changed: 0,
                made: start(),
                written: start() + TimeDelta::milliseconds(written),
            },
        },
        read: Duration::from_millis(read),
        problem: None,
    }
}

/// A look at these znodes that took no time.
pub(super) fn look(members: Vec<Node>, line: Vec<Node>, at: u64) -> Look {
    Look {
        members,
        line,
        report: None,
        control: None,
        has_private_claims: false,
        unreadable: Vec::new(),
        began: Duration::from_millis(at),
        ended: Duration::from_millis(at),
    }
}

/// A report of a master with this claim, which has led since 200 s before the start, and of a member that died one
/// minute before.
pub(super) fn report(claim: &str) -> String {
    let time = |seconds| (start() - TimeDelta::seconds(seconds)).to_rfc3339();
    let (since, died) = (time(200), time(60));
    format!(
        "epoch: 9\nmaster: map1\nclaim: {claim}\nsince: {since}\nsequence: 4\n\
         dead map3 {died} attempt_1 closed\n"
    )
}

/// The beat of a working member with this number of records.
pub(super) fn beat(host: &str, records: u64) -> String {
    format!(
        "alive at 1.5!\nhost: {host}\npid: 42\ninterval: 5000us\nrecords-in: {records}\n\
         progress: 41.5\ncondition: working\nmemory: 12897485\n"
    )
}

/// A working master, a late follower, and a dead one.
pub(super) fn overview() -> Overview {
    let claim = "_c_a-lock-0000000001";
    let of_master = |records| format!("map1\n{}", beat("hd1", records));
    let late = "alive at 1.5!\nhost: hd2\ninterval: 5000us\n";
    let mut first = look(
        vec![node("map2", late, 5, -700, 0)],
        vec![node(claim, &of_master(200), 100, -500, 0)],
        0,
    );
    let mut second = look(
        vec![node("map2", late, 5, -700, 500)],
        vec![node(claim, &of_master(700), 200, -4, 500)],
        500,
    );
    first.ended = Duration::ZERO;
    second.report = Some(node("", &report(claim), 9, 0, 500));
    second.control = Some(node("", "epoch: 9\ninterval: 5000us\n", 0, -9000, 500));
    Overview::of(&first, &second, start())
}
