//! What keys do, and what stays chosen.

use super::sample::*;
use crate::history::MOST_MEMBERS;
use crate::top::keys::Key;
use crate::top::listing::TopSort;
use crate::top::state::{Dialog, StallSnapshot, TopAction, View};
use heartline_core::protocol::EventKind;
use heartline_observe::status::MemberVerdict;

#[test]
fn the_worst_are_first_and_each_order_can_be_inverted() {
    let mut state = mixed();
    assert_eq!(names(&mut state), ["map3", "map4", "map10", "map2", "map1"]);
    press(&mut state, &[Key::Char('I')]);
    assert_eq!(names(&mut state), ["map1", "map2", "map10", "map4", "map3"]);
    press(&mut state, &[Key::Char('I'), Key::Char('s')]);
    assert_eq!(state.wish.sort, TopSort::Lag);
    // The dead have no lag: they are last in both directions.
    assert_eq!(names(&mut state)[0], "map10");
    press(&mut state, &[Key::Char('I')]);
    assert_eq!(names(&mut state)[4], "map3");
    press(&mut state, &[Key::Char('I'), Key::Char('>')]);
    assert_eq!(
        (state.wish.sort, names(&mut state)[0].as_str()),
        (TopSort::Records, "map10")
    );
    press(&mut state, &[Key::F(6), Key::F(6)]);
    assert_eq!(state.wish.sort, TopSort::Name);
    assert_eq!(names(&mut state), ["map1", "map2", "map3", "map4", "map10"]);
    press(&mut state, &[Key::Char('<'); 4]);
    assert_eq!(state.wish.sort, TopSort::State);
    press(&mut state, &[Key::Char('<')]);
    assert_eq!(state.wish.sort, TopSort::Age);
}

#[test]
fn a_filter_shows_what_matches_all_its_words() {
    let mut state = mixed();
    press(&mut state, &[Key::Char('/')]);
    write(&mut state, "MAP -dead hd1 -late");
    assert_eq!(names(&mut state), ["map4", "map2", "map1"]);
    press(&mut state, &[Key::Enter]);
    assert_eq!(state.dialog, None);
    // Esc undoes what was written since, and outside the filter all of it.
    press(&mut state, &[Key::F(4)]);
    write(&mut state, " stalled");
    assert_eq!(names(&mut state), ["map4"]);
    press(&mut state, &[Key::Escape]);
    assert_eq!(state.wish.filter, "MAP -dead hd1 -late");
    press(&mut state, &[Key::Escape]);
    assert_eq!(names(&mut state).len(), 5);
    // A long text has a bound, and a letter of it is no command.
    press(&mut state, &[Key::Char('/')]);
    state.pasted(&"q\n".repeat(5000));
    assert_eq!(state.wish.filter, "q".repeat(100));
    assert_eq!(press(&mut state, &[Key::Char('q')]), None);
    press(&mut state, &[Key::Ctrl('u'), Key::Backspace]);
    assert_eq!(state.wish.filter, "");
}

#[test]
fn the_choice_follows_the_member_and_not_the_row() {
    let mut state = job(&[row("a", WORKING), row("b", WORKING), row("c", WORKING)]);
    press(&mut state, &[Key::Down]);
    assert_eq!(state.chosen_member().unwrap().name(), "b");
    let rows = vec![
        row("a", WORKING),
        row("b", WORKING),
        row("c", MemberVerdict::Late),
    ];
    state.take(ms(10), ms(10_250), &overview(10_250, rows));
    assert_eq!(names(&mut state), ["c", "a", "b"]);
    assert_eq!(state.chosen_member().unwrap().name(), "b");
    assert_eq!(state.place, 2);
    press(
        &mut state,
        &[Key::Char('k'), Key::Char('k'), Key::Char('k')],
    );
    assert_eq!(state.chosen_member().unwrap().name(), "c");
    press(&mut state, &[Key::End]);
    assert_eq!(state.place, 2);
    press(&mut state, &[Key::PageUp, Key::Home, Key::PageDown]);
    // Nobody is left.
    press(&mut state, &[Key::Char('/')]);
    write(&mut state, "nobody");
    assert!(state.chosen_member().is_none());
    assert_eq!(press(&mut state, &[Key::Enter, Key::Enter]), None);
    press(&mut state, &[Key::Char('K')]);
    assert_eq!(state.notice(at(LAST)), Some("choose a member first"));
}

#[test]
fn nobody_is_ended_without_a_yes() {
    let mut state = mixed();
    press(&mut state, &[Key::Char('K')]);
    assert_eq!(state.notice(at(LAST)), Some("map3 has ended already"));
    press(&mut state, &[Key::Down, Key::F(9)]);
    assert_eq!(state.dialog, Some(Dialog::Kill("map4".to_owned())));
    for no in [
        Key::Enter,
        Key::Escape,
        Key::Char('n'),
        Key::Char('q'),
        Key::Char('K'),
    ] {
        assert_eq!(press(&mut state, &[no]), None);
        assert_eq!(
            (state.dialog.clone(), state.notice(at(LAST))),
            (None, Some("map4 was not ended"))
        );
        press(&mut state, &[Key::Char('K')]);
    }
    // What is pasted is no answer, and the question is about the member that was chosen then.
    state.pasted("y");
    let rows = vec![row("map4", WORKING), row("map1", MemberVerdict::Late)];
    state.take(ms(10), ms(10_250), &overview(10_250, rows));
    let asked = press(&mut state, &[Key::Char('y')]);
    assert_eq!(asked, Some(TopAction::Kill("map4".to_owned())));
    assert_eq!(
        state.notice(at(LAST)),
        Some("asking the master to end map4 …")
    );
    assert_eq!(state.notice(at(LAST + 60_000)), None);
}

#[test]
fn a_paused_picture_stands_still_and_misses_nothing() {
    let mut state = job(&[row("a", WORKING)]);
    press(&mut state, &[Key::Char('p')]);
    let rows = vec![row("a", MemberVerdict::Late), row("b", WORKING)];
    state.take(ms(10), ms(10_250), &overview(10_250, rows));
    state.event(ms(10_260), &event(EventKind::Joined, "b"));
    assert_eq!(names(&mut state), ["a"]);
    assert!(state.is_paused() && state.model().log.newest() == 0);
    state.unavailable(utc(10_300), "gone".to_owned());
    assert!(state.away().is_some(), "an outage is told nevertheless");
    press(&mut state, &[Key::Char(' ')]);
    assert_eq!(names(&mut state), ["a", "b"]);
    assert_eq!(
        (state.model().readings, state.model().log.newest()),
        (41, 1)
    );
}

#[test]
fn details_ask_for_the_snapshot_and_again_when_there_is_a_new_one() {
    let mut state = mixed();
    let snapshot = Some(TopAction::Snapshot("map4".to_owned()));
    assert_eq!(press(&mut state, &[Key::Down, Key::Enter]), snapshot);
    assert_eq!(state.view, View::Details("map4".to_owned()));
    state.snapshot("map9", Ok(Some("of another".to_owned())));
    assert_eq!(state.snapshot, StallSnapshot::Asked);
    state.snapshot("map4", Ok(Some("main".to_owned())));
    assert_eq!(state.snapshot, StallSnapshot::Text("main".to_owned()));
    assert_eq!(
        state.event(ms(LAST), &event(EventKind::Snapshot, "map4")),
        snapshot
    );
    assert_eq!(
        state.event(ms(LAST), &event(EventKind::Snapshot, "map2")),
        None
    );
    press(&mut state, &[Key::Escape]);
    assert_eq!(state.view, View::Table);
    assert_eq!(press(&mut state, &[Key::Char('q')]), Some(TopAction::Quit));
    assert_eq!(press(&mut state, &[Key::Ctrl('c')]), Some(TopAction::Quit));
    assert_eq!(
        press(&mut state, &[Key::Ctrl('z')]),
        Some(TopAction::Suspend)
    );
}

#[test]
fn very_many_members_are_bounded_and_shown() {
    let rows: Vec<_> = (0..MOST_MEMBERS + 7)
        .map(|n| row(&format!("map{n}"), WORKING))
        .collect();
    let mut state = mixed();
    state.take(ms(10), ms(10_250), &overview(10_250, rows));
    assert_eq!(names(&mut state).len(), MOST_MEMBERS);
    press(&mut state, &[Key::End]);
    let picture = picture(&mut state, 80, 24);
    assert!(picture[3].contains("7 more members"), "{}", picture[3]);
    assert!(picture[23].ends_with("20000/20000"), "{}", picture[23]);
}
