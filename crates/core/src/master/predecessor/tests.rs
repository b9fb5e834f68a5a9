//! Tests of the `predecessor` module.

use super::*;
use crate::detect::Rule;

const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

const TERMS: DetectorConfig = DetectorConfig {
    rule: Rule::Fixed,
    timeout: ms(20),
    longest_gap: ms(10),
};

fn predecessor_watch(lately_back: bool) -> PredecessorWatch {
    let mut predecessor_watch = PredecessorWatch::begin(3, "before".to_owned(), TERMS, lately_back);
    predecessor_watch.echo(ms(0));
    predecessor_watch
}

fn sight(version: i32) -> ClaimView {
    ClaimView {
        version,
        member: None,
        is_ours: true,
        is_beat: version > 0,
    }
}

fn echoes(predecessor_watch: &mut PredecessorWatch, from: u64, until: u64) {
    for at in (from..=until).step_by(5) {
        predecessor_watch.echo(ms(at));
    }
}

/// The next silent claim, which is dealt with.
fn next(predecessor_watch: &mut PredecessorWatch) -> Option<Silent> {
    let silent = predecessor_watch.silent()?;
    predecessor_watch.said(silent.0.clone());
    Some(silent.0)
}

fn before(version: i32) -> Silent {
    ("before".to_owned(), version)
}

#[test]
fn the_last_beat_is_remembered_and_what_is_no_beat_is_not() {
    let mut predecessor_watch = predecessor_watch(false);
    predecessor_watch.seen(ms(0), sight(0));
    assert_eq!(predecessor_watch.last_beat(), None);
    predecessor_watch.seen(ms(5), sight(1));
    predecessor_watch.changed(ms(9));
    predecessor_watch.gone();
    assert_eq!(predecessor_watch.last_beat(), Some(ms(5)));
}

#[test]
fn one_that_beat_and_fell_silent_is_deposed_once() {
    let mut predecessor_watch = predecessor_watch(false);
    predecessor_watch.seen(ms(0), sight(0));
    predecessor_watch.echo(ms(5));
    predecessor_watch.changed(ms(5));
    predecessor_watch.seen(ms(5), sight(1));
    echoes(&mut predecessor_watch, 10, 20);
    assert_eq!(next(&mut predecessor_watch), None);
    predecessor_watch.echo(ms(25));
    assert_eq!(next(&mut predecessor_watch), Some(before(1)));
    assert_eq!(next(&mut predecessor_watch), None);
    // It beats at this moment and is spared; then it falls silent again.
    predecessor_watch.seen(ms(26), sight(2));
    echoes(&mut predecessor_watch, 30, 50);
    assert_eq!(next(&mut predecessor_watch), Some(before(2)));
}

#[test]
fn one_that_has_beaten_before_is_judged_from_the_first_look_on() {
    let mut predecessor_watch = predecessor_watch(false);
    predecessor_watch.seen(ms(0), sight(17));
    assert!(predecessor_watch.is_listening());
    echoes(&mut predecessor_watch, 5, 20);
    assert_eq!(next(&mut predecessor_watch), Some(before(17)));
}

#[test]
fn after_an_outage_the_master_may_be_back_later() {
    let mut predecessor_watch = predecessor_watch(true);
    predecessor_watch.seen(ms(0), sight(17));
    echoes(&mut predecessor_watch, 5, 10_000);
    assert_eq!(next(&mut predecessor_watch), None);
    predecessor_watch.seen(ms(10_000), sight(18));
    echoes(&mut predecessor_watch, 10_005, 10_020);
    assert_eq!(next(&mut predecessor_watch), Some(before(18)));
}

#[test]
fn who_only_stands_in_line_does_not_beat() {
    let mut predecessor_watch = predecessor_watch(false);
    predecessor_watch.seen(ms(0), sight(0));
    echoes(&mut predecessor_watch, 5, 10_000);
    assert_eq!(next(&mut predecessor_watch), None);
    assert!(!predecessor_watch.is_listening());
}

#[test]
fn who_was_about_to_lead_and_was_overtaken_does_not_beat() {
    let mut predecessor_watch = predecessor_watch(false);
    let touched = ClaimView {
        is_beat: false,
        ..sight(1)
    };
    predecessor_watch.seen(ms(0), touched);
    echoes(&mut predecessor_watch, 5, 10_000);
    assert_eq!(next(&mut predecessor_watch), None);
}

#[test]
fn the_first_in_line_is_deposed_when_whoever_should_has_died_too() {
    let mut predecessor_watch = predecessor_watch(false);
    predecessor_watch.seen(ms(0), sight(0));
    predecessor_watch.looked(ms(0), vec![("first".to_owned(), sight(7))]);
    echoes(&mut predecessor_watch, 5, 300);
    predecessor_watch.looked(ms(300), vec![("first".to_owned(), sight(9))]);
    echoes(&mut predecessor_watch, 305, 795);
    predecessor_watch.looked(ms(795), vec![("first".to_owned(), sight(9))]);
    assert_eq!(next(&mut predecessor_watch), None);
    predecessor_watch.echo(ms(800));
    assert_eq!(next(&mut predecessor_watch), Some(("first".to_owned(), 9)));
    assert_eq!(next(&mut predecessor_watch), None);
}

fn waits(member: i32) -> ClaimView {
    ClaimView {
        member: Some(member),
        ..sight(0)
    }
}

fn look(predecessor_watch: &mut PredecessorWatch, at: u64, seen: &[(&str, ClaimView)]) {
    let seen = seen
        .iter()
        .map(|(claim, view)| ((*claim).to_owned(), *view));
    predecessor_watch.looked(ms(at), seen.collect());
}

fn all_silent(predecessor_watch: &mut PredecessorWatch) -> Vec<String> {
    std::iter::from_fn(|| next(predecessor_watch).map(|(claim, _)| claim)).collect()
}

#[test]
fn all_who_died_with_the_first_in_line_are_deposed_together() {
    let mut predecessor_watch = predecessor_watch(false);
    let line = |third| {
        [
            ("a", sight(7)),
            ("b", waits(1)),
            ("c", waits(1)),
            ("d", waits(third)),
            ("e", waits(1)),
        ]
    };
    look(&mut predecessor_watch, 0, &line(0));
    for at in (250..1000).step_by(250) {
        echoes(&mut predecessor_watch, at - 245, at);
        look(
            &mut predecessor_watch,
            at,
            &line(i32::try_from(at).expect("small")),
        );
    }
    echoes(&mut predecessor_watch, 755, 755);
    // Whoever stands behind one who lives is that one's matter.
    assert_eq!(all_silent(&mut predecessor_watch), ["a", "b", "c"]);
    assert_eq!(all_silent(&mut predecessor_watch), Vec::<String>::new());
    // Another predecessor changes nothing of that.
    let after = PredecessorWatch::begin(4, "e".to_owned(), TERMS, false);
    let mut predecessor_watch = after.continuing(ms(756), predecessor_watch);
    // The one who lives is first now, and has as long to lead as any other.
    look(
        &mut predecessor_watch,
        760,
        &[("d", waits(751)), ("e", waits(1))],
    );
    echoes(&mut predecessor_watch, 760, 1200);
    assert_eq!(all_silent(&mut predecessor_watch), Vec::<String>::new());
    echoes(&mut predecessor_watch, 1205, 1260);
    assert_eq!(all_silent(&mut predecessor_watch), ["d", "e"]);
}

#[test]
fn a_follower_ahead_that_beats_seldom_is_not_silent() {
    let mut predecessor_watch = predecessor_watch(false);
    predecessor_watch.beat_every(ms(1000));
    let line = [("a", sight(7)), ("b", waits(1))];
    look(&mut predecessor_watch, 0, &line);
    echoes(&mut predecessor_watch, 5, 3995);
    look(&mut predecessor_watch, 3995, &line);
    assert_eq!(all_silent(&mut predecessor_watch), ["a"]);
    echoes(&mut predecessor_watch, 4000, 4000);
    assert_eq!(all_silent(&mut predecessor_watch), ["b"]);
}

#[test]
fn a_long_timeout_holds_for_the_first_in_line_too() {
    let terms = DetectorConfig {
        rule: Rule::Fixed,
        timeout: ms(3000),
        longest_gap: ms(2000),
    };
    let mut predecessor_watch = PredecessorWatch::begin(3, "before".to_owned(), terms, false);
    predecessor_watch.echo(ms(0));
    predecessor_watch.looked(ms(900), vec![("first".to_owned(), sight(7))]);
    predecessor_watch.echo(ms(1000));
    predecessor_watch.echo(ms(2000));
    assert_eq!(next(&mut predecessor_watch), None);
    predecessor_watch.echo(ms(4000));
    assert_eq!(next(&mut predecessor_watch), Some(("first".to_owned(), 7)));
}

#[test]
fn who_cannot_hear_deposes_nobody() {
    let mut predecessor_watch = predecessor_watch(false);
    predecessor_watch.seen(ms(0), sight(17));
    predecessor_watch.looked(ms(0), vec![("first".to_owned(), sight(7))]);
    predecessor_watch.echo(ms(30_000));
    assert_eq!(next(&mut predecessor_watch), None);
}

#[test]
fn the_lock_of_another_program_is_left_alone() {
    let mut predecessor_watch = predecessor_watch(false);
    let foreign = ClaimView {
        is_ours: false,
        ..sight(0)
    };
    predecessor_watch.seen(ms(0), foreign);
    predecessor_watch.looked(ms(0), vec![("first".to_owned(), foreign)]);
    echoes(&mut predecessor_watch, 5, 10_000);
    assert_eq!(next(&mut predecessor_watch), None);
}

/// A watch by the adaptive rule whose predecessor has beaten at 0 ms and can be asked.
fn adaptive() -> PredecessorWatch {
    let terms = DetectorConfig {
        rule: Rule::Adaptive,
        ..TERMS
    };
    let mut predecessor_watch = PredecessorWatch::begin(3, "before".to_owned(), terms, false);
    predecessor_watch.echo(ms(0));
    predecessor_watch.seen(ms(0), sight(1));
    predecessor_watch.reachable(Some(&"before".to_owned()));
    predecessor_watch
}

#[test]
fn one_whose_process_exists_may_be_silent_for_longer() {
    let mut predecessor_watch = adaptive();
    predecessor_watch.echo(ms(5));
    assert!(!predecessor_watch.take_question());
    predecessor_watch.echo(ms(10));
    assert!(predecessor_watch.take_question());
    assert!(!predecessor_watch.take_question());
    predecessor_watch.answered(ms(11), "before", true);
    for at in (15..200).step_by(5) {
        predecessor_watch.echo(ms(at));
        if predecessor_watch.take_question() {
            predecessor_watch.answered(ms(at), "before", true);
        }
        assert_eq!(next(&mut predecessor_watch), None, "{at}");
    }
    predecessor_watch.echo(ms(200));
    assert_eq!(next(&mut predecessor_watch), Some(before(1)));
}

#[test]
fn one_whose_host_does_not_answer_is_deposed_after_the_timeout() {
    let mut predecessor_watch = adaptive();
    echoes(&mut predecessor_watch, 5, 15);
    assert!(predecessor_watch.take_question());
    assert_eq!(next(&mut predecessor_watch), None);
    predecessor_watch.echo(ms(20));
    assert_eq!(next(&mut predecessor_watch), Some(before(1)));
}

#[test]
fn an_answer_about_another_claim_says_nothing() {
    let mut predecessor_watch = adaptive();
    echoes(&mut predecessor_watch, 5, 15);
    predecessor_watch.answered(ms(15), "another", true);
    predecessor_watch.echo(ms(20));
    assert_eq!(next(&mut predecessor_watch), Some(before(1)));
}
