//! Which events pass once, which are reported as lost, and which are not expected at all.

use super::*;

/// A time, in seconds.
fn at(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_609_240_719 + second, 0).unwrap()
}

fn event(epoch: i64, sequence: u64, event: EventKind) -> Event {
    Event {
        sequence: Some(sequence),
        ..Event::of(at(0), event, "map1.0", Some(epoch))
    }
}

/// A znode's state after the transaction `zxid`.
fn stat(zxid: i64) -> Stat {
    Stat {
        acl_version: 0,
        created: 1,
        modified: zxid,
        version: 0,
        owner: 0,
        children: 0,
        children_changed: 0,
        made: at(0),
        written: at(zxid),
    }
}

/// A report of an epoch that has counted up to `sequence`, and repeats the events with these numbers.
fn report(epoch: i64, sequence: u64, repeated: impl IntoIterator<Item = u64>) -> Report {
    let joined = |sequence| event(epoch, sequence, EventKind::Joined);
    Report {
        epoch: Some(epoch),
        sequence,
        events: repeated.into_iter().map(joined).collect(),
        ..Report::default()
    }
}

/// The numbers of the events passed on, and the counts of lost events as negative numbers.
fn numbers(new: &[Event]) -> Vec<i64> {
    let number = |event: &Event| match event.count {
        Some(count) => -i64::try_from(count).unwrap(),
        None => i64::try_from(event.sequence.unwrap()).unwrap(),
    };
    new.iter().map(number).collect()
}

/// The events that pass as these reports come one after the other.
fn story(history: &mut EventHistory, reports: &[Report]) -> Vec<i64> {
    let mut story = Vec::new();
    for (report, zxid) in reports.iter().zip(10..) {
        story.extend(numbers(&history.new_events(report, &stat(zxid))));
    }
    story
}

#[test]
fn a_forged_epoch_silences_no_later_master() {
    let mut history = EventHistory::default();
    story(&mut history, &[report(5, 3, 3..=3)]);
    // What a watcher reads when it connects: the claim of a master of another epoch.
    assert!(history.is_new_master(&event(i64::MAX, 0, EventKind::Claimed)));
    story(&mut history, &[report(5, 4, 4..=4)]);
    assert!(history.is_new_master(&event(6, 5, EventKind::Claimed)));
    // An event that is later than its report.
    let mut forged = report(6, 5, 5..=5);
    forged.events.push(event(i64::MAX, 9, EventKind::Claimed));
    let claimed = |epoch, sequence| Report {
        events: vec![event(epoch, sequence, EventKind::Claimed)],
        ..report(epoch, sequence, [])
    };
    assert_eq!(
        story(&mut history, &[forged, claimed(7, 6), claimed(8, 7)]),
        [5, 6, 7]
    );
}

#[test]
fn an_event_that_reports_repeat_is_passed_on_once() {
    let mut history = EventHistory::default();
    let reports = [
        report(5, 2, [1, 2]),
        report(5, 3, [1, 2, 3]),
        report(5, 3, [3]),
        report(9, 4, [4]),
    ];
    assert_eq!(story(&mut history, &reports), [1, 2, 3, 4]);
    // A report that lags behind.
    assert!(history.new_events(&report(9, 3, [3]), &stat(2)).is_empty());
}

#[test]
fn a_claim_that_was_found_is_passed_on_once() {
    let mut history = EventHistory::default();
    assert!(history.is_new_master(&event(5, 0, EventKind::Claimed)));
    let mut first = report(5, 2, [2]);
    first.events.insert(0, event(5, 1, EventKind::Claimed));
    assert_eq!(numbers(&history.new_events(&first, &stat(10))), [2]);
}

#[test]
fn a_gap_is_reported_in_its_place() {
    let mut history = EventHistory::default();
    let reports = [report(5, 2, [1, 2]), report(5, 9, [7, 9])];
    assert_eq!(story(&mut history, &reports), [1, 2, -4, 7, -1, 9]);
    let new = history.new_events(&report(5, 20, []), &stat(20));
    let [lost] = &new[..] else { panic!("{new:?}") };
    assert_eq!((lost.event, lost.count), (EventKind::Lost, Some(11)));
    assert_eq!(
        (lost.epoch, lost.sequence, &lost.node),
        (Some(5), Some(20), &None)
    );
    assert_eq!((lost.since, lost.time), (Some(at(0)), at(20)));
}

#[test]
fn a_gap_may_span_masters() {
    let mut history = EventHistory::default();
    let reports = [report(5, 2, [1, 2]), report(9, 6, [5, 6])];
    assert_eq!(story(&mut history, &reports), [1, 2, -2, 5, 6]);
}

#[test]
fn nothing_was_promised_to_who_has_just_come() {
    for reports in [
        vec![report(5, 700, [699, 700])],
        vec![report(5, 700, []), report(5, 701, [701])],
    ] {
        let numbers = story(&mut EventHistory::default(), &reports);
        assert!(numbers.iter().all(|number| *number > 0), "{numbers:?}");
    }
}

#[test]
fn who_saw_it_free_misses_what_it_does_not_see_from_the_first() {
    let free = Report::parse(b"this is a master map!");
    let mut history = EventHistory::default();
    assert_eq!(
        story(&mut history, &[free, report(5, 700, [699, 700])]),
        [-698, 699, 700]
    );
    let mut history = EventHistory::default();
    history.begins_anew(at(0));
    assert_eq!(story(&mut history, &[report(5, 2, [1, 2])]), [1, 2]);
}

#[test]
fn a_reset_begins_to_count_anew() {
    let mut history = EventHistory::default();
    let reports = [report(5, 90, [89, 90]), report(9, 2, [1, 2])];
    assert_eq!(story(&mut history, &reports), [89, 90, 1, 2]);
    // Some events were reported since.
    assert_eq!(
        numbers(&history.new_events(&report(12, 2, [2]), &stat(30))),
        [-1, 2]
    );
    // A reset that was seen, and a new master that has reported more events than the one before.
    let free = Report::parse(b"this is a master map!");
    assert!(history.new_events(&free, &stat(31)).is_empty());
    assert_eq!(
        numbers(&history.new_events(&report(15, 7, [7]), &stat(32))),
        [-6, 7]
    );
    // A reset by hand under a living master is not a reset.
    let free = Report::parse(b"this is a master map!");
    assert!(history.new_events(&free, &stat(33)).is_empty());
    assert_eq!(
        numbers(&history.new_events(&report(15, 8, [7, 8]), &stat(34))),
        [8]
    );
}

#[test]
fn one_goes_on_where_another_ended() {
    let mut history = EventHistory::up_to(5, 2, at(0));
    assert!(!history.is_new_master(&event(5, 0, EventKind::Claimed)));
    assert_eq!(story(&mut history, &[report(5, 3, [2, 3])]), [3]);
    let mut history = EventHistory::up_to(5, 2, at(0));
    assert_eq!(story(&mut history, &[report(9, 8, [8])]), [-5, 8]);
}

#[test]
fn a_zookeeper_without_its_data_begins_anew() {
    let mut history = EventHistory::default();
    let reports = [report(50, 9, [9]), report(3, 1, [1])];
    assert_eq!(story(&mut history, &reports), [9, 1]);
}

#[test]
fn numbers_that_are_no_masters_silence_nobody() {
    let mut history = EventHistory::default();
    let forged = report(5, u64::MAX, [u64::MAX]);
    assert_eq!(
        numbers(&history.new_events(&report(5, 3, [3]), &stat(10))),
        [3]
    );
    assert_eq!(history.new_events(&forged, &stat(11)).len(), 2);
    let again = numbers(&history.new_events(&report(5, 4, [3, 4]), &stat(12)));
    assert_eq!(again, [3, 4]);
    let forged = Report::parse(b"epoch: 9223372036854775807\nevent 18446744073709551615 9223372036854775807 2020-12-29T11:18:39Z died x\n");
    history.new_events(&forged, &stat(13));
    assert_eq!(
        numbers(&history.new_events(&report(5, 5, [5]), &stat(14))),
        [5]
    );
}
