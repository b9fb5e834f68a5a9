//! Values of znodes. A parsed value stays the same when it is written and parsed again, since the next master continues
//! with it.

use chrono::{DateTime, Datelike, Utc};
use heartline::protocol::beat::{alive, ended, joined};
use heartline::protocol::claim::{
    endpoint, holder, in_order, is_beat, is_ours, is_standing, sequence, value,
};
use heartline::protocol::control::{Control, Process};
use heartline::protocol::report::Draft;
use heartline::protocol::request::{Request, Response};
use heartline::protocol::{Beat, Ending, Event, MasterInfo, Report};

pub(super) fn beat(bytes: &[u8]) {
    let beat = Beat::parse(bytes);
    let _ = (beat.identity.task(), Process::of(&beat.identity));
    let at = DateTime::default();
    let write = |beat: &Beat| {
        let Beat {
            identity, status, ..
        } = beat;
        assert!(serde_json::to_string(&(identity, status)).is_ok());
        let parts = [
            joined(identity),
            alive(at, identity, status),
            ended(at, identity, status, Ending::Failed),
        ];
        parts.map(|text| (Beat::parse(text.as_bytes()), text))
    };
    let written = write(&beat);
    for (again, _) in &written {
        assert_eq!(again.identity, beat.identity);
    }
    let [_, (again, text), _] = written;
    // A percentage is written with one decimal.
    assert_eq!(write(&again)[1].1, text);
}

pub(super) fn claim(bytes: &[u8]) {
    let holder = holder(bytes);
    // A holder's name may hold a line break, which its value escapes.
    assert_eq!(value(&holder, "", None).lines().count(), 1);
    assert!(!is_beat(bytes) || is_ours(bytes));
    let again = value(&holder, "alive at 1.5!\n", endpoint(bytes));
    assert_eq!(endpoint(again.as_bytes()), endpoint(bytes));
    assert_eq!(heartline::protocol::claim::holder(again.as_bytes()), holder);
    assert!(is_beat(again.as_bytes()));
    let names: Vec<String> = String::from_utf8_lossy(bytes)
        .lines()
        .map(str::to_owned)
        .collect();
    let line = in_order(&names);
    let claims = names.iter().filter(|name| sequence(name).is_some());
    assert_eq!(line.len(), claims.count());
    let key = |name: &str| (!is_standing(name), sequence(name));
    assert!(line.is_sorted_by_key(|name| key(name)));
}

pub(super) fn control(bytes: &[u8]) {
    let control = Control::parse(bytes);
    let identity = Beat::parse(bytes).identity;
    for order in &control.orders {
        let _ = order.is_for("map1.5", &identity, &[7]);
    }
    assert_eq!(Control::parse(control.to_string().as_bytes()), control);
}

pub(super) fn request(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(request) = text.parse::<Request>() {
        assert_eq!(request.to_string().parse(), Ok(request));
    }
    if let Ok(response) = text.parse::<Response>() {
        assert_eq!(response.to_string().parse(), Ok(response));
    }
}

pub(super) fn report(bytes: &[u8]) {
    let report = Report::parse(bytes);
    let _ = report.is_free();
    for event in &report.events {
        let message = event.message().unwrap_or_default();
        assert!(message.is_empty() || message.ends_with('\n'));
        let json = serde_json::to_string(event);
        assert!(json.is_ok_and(|json| !json.contains('\n')));
    }
    assert!(report.followers().count() >= report.alive().count());
    if is_of_our_time(&report) {
        let text = compose(&report);
        let again = Report::parse(text.as_bytes());
        assert_eq!(again.epoch, Some(9));
        assert_eq!(again.events.len(), report.events.len(), "{text}");
        assert_eq!(again.dead.len(), report.dead.len(), "{text}");
        // Fractions of a microsecond are not written.
        assert_eq!(compose(&again), text);
    }
}

/// The next master's report, with the same events and dead followers.
fn compose(report: &Report) -> String {
    let master_info = report.master_info.clone().unwrap_or_else(|| MasterInfo {
        node: "map1.5".to_owned(),
        claim: "_c_a-lock-0000000001".to_owned(),
        since: DateTime::default(),
        beat_budget: None,
        previous: None,
    });
    Draft {
        at: DateTime::default(),
        epoch: 9,
        master_info: &master_info,
        sequence: report.sequence,
        fresh: &[],
        recent: report.events.iter().collect::<Vec<&Event>>(),
        alive: Vec::new(),
        followers: report.known.iter().map(String::as_str).collect(),
        fingerprints: report.fingerprints.iter().copied().collect(),
        others: report.others,
        more_dead: report.more_dead.try_into().unwrap_or(usize::MAX),
        dead: report.dead.iter().collect(),
    }
    .compose()
}

/// Years with another number of digits are parsed, but written in another form.
fn is_of_our_time(report: &Report) -> bool {
    let is_usual = |at: DateTime<Utc>| (0..=9999).contains(&at.year());
    report.events.iter().all(|event| is_usual(event.time))
        && report.dead.iter().all(|dead| is_usual(dead.time))
        && report
            .master_info
            .iter()
            .all(|master_info| is_usual(master_info.since))
}
