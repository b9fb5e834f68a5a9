//! Tests of the master's instructions to its followers.

use super::*;
use crate::protocol::control::{Action, Order};
use crate::protocol::request::Request;

/// The next instruction, written at once: its control value, and the answer to a request.
fn next_command(
    master_state: &mut MasterState,
    ms: u64,
) -> Option<(Control, Option<(String, String)>)> {
    for _ in 0..2 {
        let write = master_state.next_write(at(ms))?;
        master_state.written(at(ms), Outcome::Done);
        if let Write::Command { control, answer } = write {
            return Some((Control::parse(control.as_bytes()), answer));
        }
    }
    None
}

fn ask(master_state: &mut MasterState, ms: u64, request: &str) -> (Control, String) {
    let name = "request-0000000001";
    master_state.asked(name.to_owned(), request.parse().unwrap());
    let (control, answer) = next_command(master_state, ms).unwrap();
    let (target, answer) = answer.unwrap();
    assert_eq!(target, name);
    (control, answer)
}

fn member(job: &str, attempt: &str) -> FollowerReading {
    let mut reading = reading(7);
    reading.beat.identity.job = Some(job.to_owned());
    reading.beat.identity.attempt = Some(attempt.to_owned());
    reading
}

#[test]
fn an_epoch_begins_with_what_holds_in_it() {
    let mut master_state = begin(inherited(Report::default()));
    let Some(Write::TakeOver { control, .. }) = master_state.next_write(at(0)) else {
        panic!("an epoch begins with a claim");
    };
    let control = Control::parse(control.as_bytes());
    assert_eq!(control.epoch, Some(40));
    assert_eq!(control.interval, Some(PACE.interval));
}

/// The requester got the answer that nobody has the order.
#[test]
fn a_refused_order_is_never_carried_out() {
    let mut master_state = settled();
    master_state.heard(
        at(0),
        "map2.0",
        &member("job_1_0001", "attempt_1_0001_m_000002_0"),
    );
    let refused = || Outcome::ControlRefused("not authorized".to_owned());
    for request in ["kill job_1_0001", "kill map2.0", "interval 20ms"] {
        master_state.asked(
            request.to_owned(),
            request.replace("20ms", "20000us").parse().unwrap(),
        );
        for ms in [5, 10] {
            let write = master_state.next_write(at(ms)).unwrap();
            let is_command = matches!(write, Write::Command { .. });
            let outcome = if is_command { refused() } else { Outcome::Done };
            master_state.written(at(ms), outcome);
        }
    }
    assert_eq!(master_state.take_answered(), 3);
    // The control is tried again after a pause, and holds nothing of it.
    assert_eq!(next_command(&mut master_state, 9000), None);
    let (control, answer) = next_command(&mut master_state, 10_020).unwrap();
    assert!(
        control.orders.is_empty() && control.asked.is_none(),
        "{control:?}"
    );
    assert_eq!(answer, None);
    assert_eq!(next_command(&mut master_state, 10_030), None);
    let back = FollowerReading {
        created: 4,
        ..member("job_1_0001", "attempt_1_0001_m_000002_0")
    };
    master_state.heard(at(10_035), "map2.0", &back);
    let (control, answer) = ask(&mut master_state, 10_040, "kill map2.0");
    assert_eq!(answer, "done: map2.0");
    assert_eq!(control.orders.len(), 1, "{control:?}");
}

/// By its name alone, the order would end whoever has that name later.
#[test]
fn nobody_is_ordered_without_a_session() {
    let mut master_state = settled();
    let foreign = FollowerReading {
        owner: 0,
        ..member("job_1_0001", "attempt_1_0001_m_000002_0")
    };
    master_state.heard(at(0), "map2.0", &foreign);
    master_state.listed(at(0), &names(&["map2.0", "map3.0"]), LISTED);
    for target in ["map2.0", "map3.0"] {
        let (control, answer) = ask(&mut master_state, 5, &format!("kill {target}"));
        assert!(
            answer.starts_with("refused: map") && answer.ends_with("ask again"),
            "{answer}"
        );
        assert!(control.orders.is_empty(), "{control:?}");
    }
    // It holds up no order to the others.
    master_state.heard(
        at(5),
        "map4.0",
        &member("job_1_0001", "attempt_1_0001_m_000002_0"),
    );
    let (control, answer) = ask(&mut master_state, 10, "kill task_1_0001_m_000002");
    assert_eq!(answer, "done: map4.0");
    assert_eq!(control.orders.len(), 1, "{control:?}");
}

#[test]
fn a_kill_is_ordered_by_node_attempt_or_task() {
    for target in [
        "map2.0",
        "attempt_1_0001_m_000002_0",
        "task_1_0001_m_000002",
    ] {
        let mut master_state = settled();
        master_state.heard(
            at(0),
            "map2.0",
            &member("job_1_0001", "attempt_1_0001_m_000002_0"),
        );
        let (control, answer) = ask(&mut master_state, 5, &format!("kill {target}"));
        assert_eq!(answer, "done: map2.0");
        let [Order { action, target, .. }] = &control.orders[..] else {
            panic!("{control:?}");
        };
        assert_eq!((*action, target.as_str()), (Action::KillTask, "map2.0"));
        assert_eq!(control.epoch, Some(40));
    }
}

#[test]
fn a_job_is_ended_in_later_epochs_too() {
    let mut master_state = settled();
    master_state.heard(
        at(0),
        "map2.0",
        &member("job_1_0001", "attempt_1_0001_m_000002_0"),
    );
    let (control, _) = ask(&mut master_state, 5, "kill job_1_0001");
    assert_eq!(control.orders[0].action, Action::KillJob);
    let mut later = begin(PriorState {
        control: control.clone(),
        zxid: 90,
        ..inherited(Report::default())
    });
    let Some(Write::TakeOver { control: next, .. }) = later.next_write(at(0)) else {
        panic!("an epoch begins with a claim");
    };
    let next = Control::parse(next.as_bytes());
    assert_eq!((next.epoch, next.orders), (Some(90), control.orders));
}

#[test]
fn an_order_stands_for_some_time_and_its_number_is_not_given_again() {
    let mut master_state = settled();
    master_state.heard(at(0), "map2.0", &reading(7));
    let (control, _) = ask(&mut master_state, 5, "reinit map2.0");
    assert_eq!(control.orders[0].action, Action::Reinit);
    let later = begin(PriorState {
        control: control.clone(),
        zxid: 90,
        ..inherited(Report::default())
    });
    assert!(later.orders.issued.orders.is_empty());
    let (control, answer) = next_command(&mut master_state, 40_000).unwrap();
    assert!(control.orders.is_empty() && answer.is_none());
    master_state.heard(at(40_000), "map2.0", &reading(8));
    let (control, _) = ask(&mut master_state, 40_005, "reinit map2.0");
    assert_eq!(control.orders[0].number, 2);
}

#[test]
fn who_has_not_heard_of_an_order_hears_of_it_from_the_next_master() {
    let mut master_state = settled();
    master_state.heard(at(0), "map2.0", &reading(7));
    let (control, _) = ask(&mut master_state, 5, "kill map2.0");
    let later = begin(PriorState {
        control: control.clone(),
        zxid: 90,
        ..inherited(Report::default())
    });
    assert_eq!(later.orders.issued.orders, control.orders);
    assert_eq!(later.orders.issued.epoch, Some(90));
}

#[test]
fn a_new_master_of_many_begins_with_their_interval() {
    let known: Vec<String> = (0..500).map(|number| format!("map{number}")).collect();
    let report = Report {
        known,
        ..Report::default()
    };
    let master_state = begin(inherited(report));
    assert!(master_state.given_interval() > Duration::from_millis(100));
}

#[test]
fn who_is_not_known_cannot_be_ended() {
    let mut master_state = settled();
    let (control, answer) = ask(&mut master_state, 5, "kill map9");
    assert!(answer.starts_with("refused: no member, attempt, task or job is called map9"));
    assert!(control.orders.is_empty());
    // Each request is answered once.
    assert!(next_command(&mut master_state, 10).is_none());
}

#[test]
fn an_interval_that_is_asked_for_outlives_the_master() {
    let mut master_state = settled();
    let (control, _) = ask(&mut master_state, 5, "interval 20000us");
    assert_eq!(control.interval, Some(Duration::from_millis(20)));
    let mut later = begin(PriorState {
        control,
        ..inherited(Report::default())
    });
    assert_eq!(later.given_interval(), Duration::from_millis(20));
    tick(&mut later, 0);
    let (control, _) = ask(&mut later, 5, "interval auto");
    assert_eq!(
        (control.interval, control.asked),
        (Some(PACE.interval), None)
    );
    for (ms, wrong) in [(10, "interval 3600000000us"), (15, "interval 1000us")] {
        let (_, answer) = ask(&mut later, ms, wrong);
        assert!(answer.starts_with("refused: "), "{answer}");
    }
}

#[test]
fn many_followers_beat_less_often() {
    let mut master_state = settled();
    for follower in 0..100 {
        master_state.heard(at(0), &format!("map{follower}"), &reading(7));
    }
    let (control, _) = next_command(&mut master_state, 5).unwrap();
    assert!(control.interval.unwrap() > Duration::from_millis(20));
}

#[test]
fn who_asks_much_does_not_stop_the_beats() {
    let mut master_state = settled();
    for number in 0..10 {
        let request = Request::Kill(format!("map{number}"));
        master_state.asked(format!("request-{number}"), request);
    }
    let mut beats = 0;
    for ms in 1..=20 {
        if matches!(master_state.next_write(at(ms)), Some(Write::Beat { .. })) {
            beats += 1;
        }
        master_state.written(at(ms), Outcome::Done);
    }
    assert_eq!(beats, 10);
}
