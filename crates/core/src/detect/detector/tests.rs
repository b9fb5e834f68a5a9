//! Tests of the `detector` module.

use super::*;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn detector(rule: Rule) -> Detector {
    let mut detector = Detector::new(DetectorConfig {
        rule,
        timeout: ms(20),
        longest_gap: ms(10),
    });
    detector.echo(ms(0));
    detector
}

fn overdue(detector: &Detector) -> String {
    detector.overdue().collect()
}

/// Echoes every 5 ms, the last at `until`.
fn echoes(detector: &mut Detector, from: u64, until: u64) {
    for at in (from..=until).step_by(5) {
        detector.echo(ms(at));
    }
}

#[test]
fn silence_of_a_timeout_is_overdue() {
    let mut detector = detector(Rule::Fixed);
    echoes(&mut detector, 5, 10);
    detector.heard(ms(10), "a");
    echoes(&mut detector, 15, 25);
    assert_eq!(overdue(&detector), "");
    echoes(&mut detector, 30, 30);
    assert_eq!(overdue(&detector), "a");
}

#[test]
fn silence_begins_between_two_echoes() {
    let mut detector = detector(Rule::Fixed);
    echoes(&mut detector, 5, 10);
    detector.heard(ms(12), "a");
    echoes(&mut detector, 15, 30);
    assert_eq!(overdue(&detector), "");
    echoes(&mut detector, 35, 35);
    assert_eq!(overdue(&detector), "a");
}

#[test]
fn a_beat_ends_the_silence() {
    let mut detector = detector(Rule::Fixed);
    detector.heard(ms(0), "a");
    detector.heard(ms(0), "b");
    echoes(&mut detector, 5, 15);
    detector.heard(ms(15), "a");
    echoes(&mut detector, 20, 30);
    assert_eq!(overdue(&detector), "b");
}

#[test]
fn nobody_is_overdue_when_the_listener_was_deaf() {
    for rule in [Rule::Fixed, Rule::Adaptive] {
        let mut detector = detector(rule);
        detector.heard(ms(0), "a");
        detector.echo(ms(30_000));
        assert_eq!(overdue(&detector), "");
    }
}

#[test]
fn those_who_fall_silent_together_have_longer() {
    let mut detector = detector(Rule::Adaptive);
    for member in ["a", "b", "c"] {
        detector.heard(ms(0), member);
    }
    echoes(&mut detector, 5, 55);
    assert_eq!(overdue(&detector), "");
    // One of the three beats again: the other two may be silent for 40 ms each.
    detector.heard(ms(55), "c");
    assert_eq!(overdue(&detector), "ab");
    detector.left(ms(55), "a");
    detector.heard(ms(55), "b");
    echoes(&mut detector, 60, 65);
    detector.heard(ms(65), "c");
    echoes(&mut detector, 70, 70);
    assert_eq!(overdue(&detector), "");
    echoes(&mut detector, 75, 75);
    // By now the other is in doubt too.
    assert_eq!(overdue(&detector), "");
    detector.heard(ms(75), "c");
    assert_eq!(overdue(&detector), "b");
}

#[test]
fn a_crowd_that_is_gone_is_overdue_at_last() {
    let mut detector = detector(Rule::Adaptive);
    for member in 0..16 {
        detector.heard(ms(0), &format!("map{member}"));
    }
    echoes(&mut detector, 5, 195);
    assert_eq!(detector.overdue().count(), 0);
    echoes(&mut detector, 200, 200);
    assert_eq!(detector.overdue().count(), 16);
}

#[test]
fn who_beats_less_often_may_be_silent_for_longer() {
    for rule in [Rule::Fixed, Rule::Adaptive] {
        let mut detector = detector(rule);
        detector.heard(ms(0), "a");
        detector.expect(ms(0), "a", ms(30));
        echoes(&mut detector, 5, 45);
        assert_eq!(overdue(&detector), "");
        echoes(&mut detector, 50, 50);
        assert_eq!(overdue(&detector), "a");
    }
}

#[test]
fn no_time_counts_while_a_value_is_read() {
    let mut detector = detector(Rule::Fixed);
    detector.heard(ms(0), "a");
    detector.reading(ms(0), "a");
    echoes(&mut detector, 5, 100);
    assert_eq!(overdue(&detector), "");
    detector.heard(ms(100), "a");
    echoes(&mut detector, 105, 120);
    assert_eq!(overdue(&detector), "a");
}

#[test]
fn who_left_is_not_expected() {
    let mut detector = detector(Rule::Fixed);
    detector.heard(ms(0), "a");
    detector.left(ms(0), "a");
    echoes(&mut detector, 5, 100);
    assert_eq!(overdue(&detector), "");
    // A late read of a member that left does not bring it back.
    detector.reading(ms(100), "a");
    assert_eq!(overdue(&detector), "");
}

fn heard_by_relay(detector: &mut Detector, at: u64, late: &[(&str, u64)]) {
    let late = late
        .iter()
        .map(|(name, silence)| ((*name).to_owned(), ms(*silence)));
    detector.group_heard(ms(at), 7, &late.collect::<Vec<_>>());
}

/// Two members that beat by the relay 7 since 10 ms.
fn related(rule: Rule) -> Detector {
    let mut detector = detector(rule);
    echoes(&mut detector, 5, 10);
    for member in ["a", "b"] {
        detector.heard(ms(10), member);
        detector.set_group(member, Some(7));
    }
    heard_by_relay(&mut detector, 10, &[]);
    detector
}

#[test]
fn a_relay_is_heard_for_all_its_members_but_the_late_ones() {
    let mut detector = related(Rule::Fixed);
    for at in (15..=25).step_by(5) {
        echoes(&mut detector, at, at);
        heard_by_relay(&mut detector, at, &[]);
    }
    echoes(&mut detector, 30, 30);
    heard_by_relay(&mut detector, 30, &[("b", 20)]);
    echoes(&mut detector, 35, 35);
    assert!(detector.may_be_overdue());
    assert_eq!(overdue(&detector), "b");
    assert!(detector.is_heard_by_group("a") && !detector.is_heard_by_group("b"));
    heard_by_relay(&mut detector, 35, &[]);
    assert_eq!(overdue(&detector), "");
    assert!(detector.is_heard_by_group("b"));
}

#[test]
fn a_relay_that_is_silent_silences_its_members() {
    let mut detector = related(Rule::Fixed);
    echoes(&mut detector, 15, 30);
    assert!(detector.may_be_overdue());
    assert_eq!(overdue(&detector), "ab");
}

#[test]
fn without_its_relay_a_member_is_silent_since_the_relays_last_word() {
    let mut detector = related(Rule::Fixed);
    for at in (15..=1000).step_by(5) {
        echoes(&mut detector, at, at);
        heard_by_relay(&mut detector, at, &[]);
    }
    detector.group_left(7);
    detector.heard(ms(1005), "a");
    echoes(&mut detector, 1005, 1015);
    assert_eq!(overdue(&detector), "");
    echoes(&mut detector, 1020, 1020);
    assert_eq!(overdue(&detector), "b");
}

#[test]
fn an_own_beat_after_many_of_the_relay_is_no_long_silence() {
    let mut detector = related(Rule::Adaptive);
    for at in (15..=5000).step_by(5) {
        echoes(&mut detector, at, at);
        heard_by_relay(&mut detector, at, &[]);
        if at % 100 == 0 {
            detector.heard(ms(at), "a");
        }
    }
    assert!(detector.allowance("a") <= Some(ms(20)));
}

#[test]
fn patience_ends_with_the_silence_of_a_relay() {
    let mut detector = related(Rule::Adaptive);
    echoes(&mut detector, 15, 25);
    for member in ["a", "b"] {
        detector.exists(ms(25), member, true);
    }
    echoes(&mut detector, 30, 100);
    assert_eq!(overdue(&detector), "");
    assert!(detector.is_spared("a"));
    heard_by_relay(&mut detector, 100, &[]);
    echoes(&mut detector, 105, 105);
    // For the next silence it must be asked again.
    assert_eq!(detector.allowance("a"), Some(ms(20)));
}

#[test]
fn what_was_told_can_be_told_again() {
    let mut first = detector(Rule::Fixed).recorded();
    first.heard(ms(1), "a");
    echoes(&mut first, 5, 25);
    let record = first.take_record();
    assert_eq!(record.len(), 6);
    assert!(first.take_record().is_empty());
    let mut second = detector(Rule::Fixed);
    for seen in record {
        second.tell(&seen);
    }
    assert_eq!(overdue(&second), overdue(&first));
}
