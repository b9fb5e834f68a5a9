//! Everything that `heartline status` reads, for the fuzz targets and the tests of the corpus.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::gather::{Look, Node};
use super::overview::Overview;
use super::{GroupSummary, details, json, table};
use heartline_core::protocol::claim::in_order;
use heartline_zookeeper::{Stat, Value};

/// Shows a namespace whose znodes hold these bytes, in parts separated by a zero byte: first the master's
/// report, then the members' instructions, then for each member or claim its name, a newline and its value.
pub fn overview(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == 0);
    let report = parts.next().map(|value| node("", value, 1));
    let control = parts.next().map(|value| node("", value, 2));
    let (mut members, mut claims) = (Vec::new(), Vec::new());
    for (part, number) in parts.take(64).zip(3..) {
        let end = part.iter().position(|byte| *byte == b'\n');
        let (name, value) = part.split_at(end.unwrap_or(part.len()));
        let name = String::from_utf8_lossy(name);
        let node = node(&name, value.get(1..).unwrap_or_default(), number);
        if name.contains("-lock-") {
            claims.push(node);
        } else {
            members.push(node);
        }
    }
    let names: Vec<String> = claims.iter().map(|claim| claim.name.clone()).collect();
    let line = in_order(&names).into_iter();
    let line = line.filter_map(|name| claims.iter().find(|claim| claim.name == *name));
    let second = Look {
        line: line.cloned().collect(),
        members,
        report,
        control,
        has_private_claims: false,
        unreadable: Vec::new(),
        began: Duration::from_secs(1),
        ended: Duration::from_secs(2),
    };
    let mut first = second.clone();
    for node in first.members.iter_mut().chain(&mut first.line) {
        node.value.stat.version -= 1;
        node.read = Duration::ZERO;
    }
    show(
        &Overview::of(&first, &second, start()),
        second.report.as_ref(),
    );
}

/// Shows it in every format. No line may control a terminal, except by the table's own colours.
fn show(overview: &Overview, snapshot: Option<&Node>) {
    for line in table::lines(overview, "/jobs") {
        let text = anstream::adapter::strip_str(&line).to_string();
        assert!(!text.contains(char::is_control), "{text:?}");
    }
    assert!(json::line(overview).is_ok_and(|line| !line.contains('\n')));
    let _ = GroupSummary::of(overview);
    for row in &overview.rows {
        for line in details::lines(row, snapshot) {
            let steers = |c: char| c.is_control() && c != '\t';
            assert!(!line.contains(steers), "{line:?}");
        }
        let line = json::details(overview.now, Some(row), snapshot);
        assert!(line.is_ok_and(|line| !line.contains('\n')));
    }
}

fn start() -> DateTime<Utc> {
    DateTime::default() + TimeDelta::days(18_000)
}

fn node(name: &str, value: &[u8], number: i32) -> Node {
    Node {
        name: name.to_owned(),
        value: Value {
            bytes: value.to_vec(),
            stat: Stat {
                acl_version: 0,
                created: number.into(),
                modified: number.into(),
                version: number,
                owner: 1,
                children: 0,
                children_changed: 0,
                made: start(),
                written: start() + TimeDelta::milliseconds(number.into()),
            },
        },
        problem: None,
        read: Duration::from_secs(1),
    }
}
