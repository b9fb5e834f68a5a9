//! Every name that ZooKeeper accepts stays one name in every value that heartline writes.

use chrono::{DateTime, Utc};
use heartline::detect::DeathCause;
use heartline::protocol::beat::{self, Beat, Identity};
use heartline::protocol::control::{Action, Control, Order, Process};
use heartline::protocol::report::{Draft, Others, Report, fingerprint};
use heartline::protocol::request::{Request, Response};
use heartline::protocol::{
    Dead, EndReason, Ending, Event, EventKind, MasterInfo, PreviousMaster, Split, Status, claim,
};
use proptest::prelude::*;

/// As in ZooKeeper's `PathUtils`: no slash, no control character, neither `.` nor `..`.
fn is_name(text: &str) -> bool {
    let is_taken = |c: char| !matches!(c, '/' | '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{f000}'..='\u{f8ff}' | '\u{fff0}'..='\u{ffff}');
    !text.is_empty() && !matches!(text, "." | "..") && text.chars().all(is_taken)
}

fn name() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "m2 x",
        " ",
        "- -",
        "-",
        "a: b",
        "\u{a0}",
        "\u{2028}x",
        "\\u{20}",
        "\\",
        "x still alive",
        ": follower y",
        "dead",
        "event 1 2",
        "7@host",
        "session=5 x",
        "this is a master map!",
        "%20",
    ]);
    prop_oneof![
        odd.prop_map(str::to_owned),
        "[a-z0-9 :@=\\\\{}%.-]{1,40}",
        any::<String>(),
    ]
    .prop_filter("ZooKeeper takes it", |text| is_name(text))
}

fn at() -> DateTime<Utc> {
    DateTime::from_timestamp_micros(1_609_240_719_574_485).expect("a time")
}

fn event(kind: EventKind, node: &str, sequence: u64) -> Event {
    Event {
        sequence: Some(sequence),
        ..Event::of(at(), kind, node, Some(9))
    }
}

proptest! {
    #[test]
    fn a_beat_says_who_its_member_is(name in name(), other in name(), text in any::<String>()) {
        let identity = Identity {
            attempt: Some(name.clone()),
            job: Some(other.clone()),
            split: Some(Split { file: text.clone(), start: 1, length: 2 }),
            host: text,
            pid: 7,
            claim: Some("_c_a-lock-0000000001".to_owned()),
            ..Identity::default()
        };
        let status = Status::default();
        for value in [
            beat::joined(&identity),
            beat::alive(at(), &identity, &status),
            beat::ended(at(), &identity, &status, Ending::Failed),
        ] {
            prop_assert_eq!(&Beat::parse(value.as_bytes()).identity, &identity);
        }
        let value = claim::value(&name, &beat::alive(at(), &identity, &status), Some("10.0.0.7:4711 00"));
        prop_assert_eq!(claim::holder(value.as_bytes()), name);
        prop_assert!(claim::is_beat(value.as_bytes()));
    }

    #[test]
    fn a_report_names_whom_it_means(one in name(), two in name(), three in name()) {
        prop_assume!(one != two && two != three && one != three);
        let master_info = MasterInfo {
            node: one.clone(),
            claim: "_c_a-lock-0000000001".to_owned(),
            since: at(),
            beat_budget: None,
            previous: Some(PreviousMaster {
                node: two.clone(),
                epoch: 4,
                went: EndReason::Dead,
                cause: Some(DeathCause::Refused),
                silence: None,
            }),
        };
        let claimed = Event { previous: master_info.previous.clone(), ..event(EventKind::Claimed, &one, 1) };
        let events = [claimed, event(EventKind::Died, &two, 2), event(EventKind::Joined, &three, 3)];
        let dead = Dead { node: two.clone(), time: at(), attempt: Some(three.clone()), cause: Some(DeathCause::Closed) };
        let value = Draft {
            at: at(),
            epoch: 9,
            master_info: &master_info,
            sequence: 3,
            fresh: &events,
            recent: events.iter().collect(),
            alive: vec![&one, &three],
            followers: vec![&one, &two, &three],
            fingerprints: vec![fingerprint(&two)],
            others: Some(Others { count: 3, created: 9 }),
            dead: vec![&dead],
            more_dead: 0,
        }
        .compose();
        let report = Report::parse(value.as_bytes());
        prop_assert_eq!(&report.events, &events);
        prop_assert_eq!(report.alive().collect::<Vec<_>>(), [one.clone(), three.clone()]);
        prop_assert_eq!(report.master_info, Some(master_info));
        prop_assert_eq!(report.dead, [dead]);
        prop_assert_eq!(report.known, [one, two.clone(), three]);
        prop_assert!(report.fingerprints.contains(&fingerprint(&two)));
        prop_assert_eq!(report.others, Some(Others { count: 3, created: 9 }));
    }

    #[test]
    fn an_order_is_for_whom_it_names(target in name(), host in name(), reason in any::<String>(), session in any::<i64>()) {
        let identity = Identity { host, pid: 7, ..Identity::default() };
        let order = |process: Option<Process>, session| Order {
            number: 3,
            action: Action::KillTask,
            target: target.clone(),
            process,
            session,
            reason: reason.clone(),
        };
        let orders = vec![order(Process::of(&identity), Some(session)), order(None, Some(session)), order(Process::of(&identity), None)];
        let control = Control { epoch: Some(9), number: 3, orders, ..Control::default() };
        let read = Control::parse(control.to_string().as_bytes());
        prop_assert_eq!(&read, &control);
        prop_assert!(read.orders.iter().all(|order| order.is_for(&target, &identity, &[session])));
    }

    #[test]
    fn a_request_and_its_answer_are_read_back(target in name(), text in any::<String>()) {
        for request in [Request::Kill(target.clone()), Request::Reinit(target.clone())] {
            prop_assert_eq!(request.to_string().parse(), Ok(request));
        }
        for response in [Response::Done(text.clone()), Response::Refused(text.clone())] {
            prop_assert_eq!(response.to_string().parse(), Ok(response));
        }
    }
}
