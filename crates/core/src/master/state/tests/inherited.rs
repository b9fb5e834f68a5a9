//! Whatever stands in the znodes that a new master inherits, its own writes stay within the server's limit.

use proptest::prelude::*;

use super::*;
use crate::master::state::limits::DEFAULT;

/// All writes of a new master's first second, which all fit.
fn writes_fit(prior: PriorState) -> usize {
    let limit = prior.request_limit.unwrap_or(DEFAULT);
    let mut master_state = begin(prior);
    let mut writes = 0;
    for tick in 0..200 {
        let now = at(5 * tick);
        let Some(write) = master_state.next_write(now) else {
            continue;
        };
        writes += 1;
        let weight = write.weight().unwrap_or_default();
        assert!(weight <= limit, "{weight} bytes");
        master_state.written(now, Outcome::Done);
    }
    master_state.asked("r1".to_owned(), "kill m".parse().unwrap());
    let write = master_state.next_write(at(1000)).unwrap();
    assert!(write.weight().unwrap_or_default() <= limit);
    writes
}

fn of(report: &str, control: &str) -> PriorState {
    PriorState {
        control: Control::parse(control.as_bytes()),
        ..inherited(Report::parse(report.as_bytes()))
    }
}

#[test]
fn values_that_grow_when_they_are_escaped_again() {
    let slashes = "\\".repeat(180_000);
    let event = format!("event 1 1 2026-01-01T00:00:00Z died {slashes}\n");
    let short = "\\".repeat(250);
    let events: String = (1..3000)
        .map(|n| format!("event {n} 1 2026-01-01T00:00:00Z died {short}\n"))
        .collect::<Vec<_>>()
        .concat();
    let orders: String = (1..300)
        .map(|n| format!("order {n} kill-task {short} 7@{short} {short}\n"))
        .collect::<Vec<_>>()
        .concat();
    let rejoins = "order 1 reinit m by\n".repeat(250);
    for (report, control) in [
        (event.as_str(), String::new()),
        (events.as_str(), String::new()),
        (
            &format!("master: {slashes}\nclaim: _c_a-lock-0000000009\nepoch: 7\n"),
            String::new(),
        ),
        (
            &format!("followers: {slashes}\ndead {slashes} 2026-01-01T00:00:00Z -\n"),
            String::new(),
        ),
        (
            "",
            format!("order 1 kill-task {slashes} by\norder 2 kill-task m {slashes}\n"),
        ),
        // Small orders that are dropped, before large ones.
        ("", format!("{rejoins}{orders}")),
        (events.as_str(), orders),
    ] {
        assert!(writes_fit(of(report, &control)) > 10);
    }
}

#[test]
fn the_newest_events_are_carried_over() {
    let events: String = (1..9000)
        .map(|n| {
            format!(
                "event {n} 1 2026-01-01T00:00:00Z died {}\n",
                "m".repeat(200)
            )
        })
        .collect::<Vec<_>>()
        .concat();
    let mut master_state = begin(of(&format!("sequence: 8999\n{events}"), ""));
    let Some(Write::TakeOver { report, .. }) = master_state.next_write(at(0)) else {
        panic!("it takes over");
    };
    let events = Report::parse(report.as_bytes()).events;
    assert!((1000..8999).contains(&events.len()), "{}", events.len());
    assert!(events.iter().any(|event| event.sequence == Some(8999)));
}

proptest! {
    #[test]
    fn any_lines(
        lines in prop::collection::vec(
            ("(event 1 1 2026-01-01T00:00:00Z died |followers: |dead |master: |order 1 kill-task )", "[\\\\ a\u{7f}]{0,300}", 1_usize..400),
            0..6,
        ),
        request_limit in prop::sample::select(vec![None, Some(16 * 1024), Some(100_000)]),
    ) {
        let lines: Vec<String> = lines.iter().map(|(key, word, times)| format!("{key}{}\n", word.repeat(*times))).collect(); let text = lines.concat();
        writes_fit(PriorState { request_limit, ..of(&text, &text) });
    }
}
