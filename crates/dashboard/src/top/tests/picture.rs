//! What stands on the screen.

use ratatui::style::{Color, Modifier};

use super::sample::*;
use crate::top::keys::Key;
use heartline_core::condition::Condition;
use heartline_core::protocol::EventKind;
use heartline_core::text::is_steering;
use heartline_observe::status::MemberVerdict;

#[test]
fn a_usual_terminal_shows_the_job() {
    let mut state = mixed();
    let expected = "\
heartline top /jobs/one                                                 12:18:49
master map1 since 12:15:19 (3m 30s), epoch 9; before it map0: dead (closed)
5 members  D 1 dead  X 1 stalled  L 1 late  B 1 back-pressured  W 1 working
800 beats/s  3003 records/s  5ms interval
STATE▾      NAME      LAG   RECS  BEATS HOST     AGE LAST MINUTE
D dead      map3      4ms      -      - -      10.0s
X stalled   map4      4ms   1000    200 hd1    10.0s                        X⣿⣿⣿
L late      map10    1.5s    3.0    200 hd1    10.0s                        L⣿⣿⣿
B back-pr…  map2      4ms   1000    200 hd1    10.0s                        ⣿⣿⣿⣿
W working  *map1      4ms   1000    200 hd1    10.0s                        ⣿⣿⣿⣿













F1 Help / Filter s Sort I Invert ⏎ Member e Events p Pause K Kill q Quit     1/5";
    assert_eq!(picture(&mut state, 80, 24).join("\n"), expected);
}

#[test]
fn a_narrow_terminal_has_fewer_columns_and_a_tiny_one_says_so() {
    let mut state = mixed();
    let picture_40 = picture(&mut state, 40, 8);
    assert_eq!(picture_40[0], "heartline top /jobs/one         12:18:49");
    assert!(
        picture_40[2].starts_with("STATE▾     NAME      LAG"),
        "{picture_40:#?}"
    );
    assert!(!picture_40[2].contains("HOST"), "{picture_40:#?}");
    assert!(picture_40[3].starts_with("D dead"), "{picture_40:#?}");
    assert!(picture_40.iter().all(|line| line.chars().count() <= 40));
    let tiny = picture(&mut state, 39, 24);
    assert_eq!(tiny[0], "the terminal is too small: it needs 40x");
    assert_eq!(
        picture(&mut state, 80, 7)[0],
        "the terminal is too small: it needs 40x8"
    );
    for (width, height) in [(1, 1), (40, 9), (60, 13), (99, 14), (300, 100)] {
        picture(&mut state, width, height);
    }
    let wide = picture(&mut state, 200, 24);
    assert!(wide[4].contains("AGE"), "{}", wide[4]);
}

#[test]
fn names_of_strangers_are_data_and_columns_stay() {
    let hostile = "a\u{1b}[2J\u{9b}31m\u{202e}\u{200b}x\u{301}";
    let mut state = job(&[
        row(hostile, WORKING),
        row("日本語の長い名前のノードです", WORKING),
        row("plain", WORKING),
    ]);
    let lines = picture(&mut state, 80, 24);
    assert!(!lines.iter().any(|line| line.chars().any(is_steering)));
    let members: Vec<&String> = lines.iter().filter(|line| line.starts_with("W ")).collect();
    assert_eq!(members.len(), 3);
    let columns = |line: &str| crate::top::text::width(&line[..line.find("4ms").unwrap()]);
    assert_eq!(columns(members[0]), columns(members[1]), "{members:#?}");
    assert_eq!(columns(members[0]), columns(members[2]), "{members:#?}");
    for keys in [
        vec![Key::Enter],
        vec![Key::Char('K')],
        vec![Key::Escape, Key::Char('e')],
    ] {
        press(&mut state, &keys);
        state.event(ms(LAST), &event(EventKind::Died, hostile));
        let lines = picture(&mut state, 80, 24);
        assert!(
            !lines.iter().any(|line| line.chars().any(is_steering)),
            "{lines:#?}"
        );
    }
    state.say(at(LAST), hostile.to_owned());
    state.unavailable(utc(0), hostile.to_owned());
    let lines = picture(&mut state, 80, 24);
    assert!(
        !lines.iter().any(|line| line.chars().any(is_steering)),
        "{lines:#?}"
    );
}

#[test]
fn without_colour_nothing_is_lost() {
    let mut state = mixed();
    let plain = buffer(&mut state, 80, 24, false);
    let coloured = buffer(&mut state, 80, 24, true);
    let has_colour =
        |cell: &ratatui::buffer::Cell| cell.fg != Color::Reset || cell.bg != Color::Reset;
    assert!(!plain.content().iter().any(has_colour));
    assert!(coloured.content().iter().any(has_colour));
    let text = |of: &ratatui::buffer::Buffer| {
        let cells = of.content().iter();
        cells
            .map(|cell| cell.symbol().to_owned())
            .collect::<String>()
    };
    assert_eq!(text(&plain), text(&coloured));
    // The chosen row is reversed.
    assert!(plain[(0, 5)].modifier.contains(Modifier::REVERSED));
    assert!(!plain[(0, 6)].modifier.contains(Modifier::REVERSED));
}

#[test]
fn an_outage_keeps_the_last_picture_and_says_since_when() {
    let mut state = mixed();
    state.unavailable(
        utc(LAST),
        "no session with ZooKeeper at zk1:2181: refused".to_owned(),
    );
    state.unavailable(utc(LAST + 5000), "still".to_owned());
    let lines = picture(&mut state, 80, 24);
    assert!(
        lines[3].contains("ZooKeeper away since 12:18:49: still"),
        "{}",
        lines[3]
    );
    assert!(lines[6].starts_with("X stalled"), "{}", lines[6]);
    assert!(picture(&mut state, 60, 10)[1].contains("away since"));
    let dimmed = buffer(&mut state, 80, 24, false);
    assert!(dimmed[(0, 9)].modifier.contains(Modifier::DIM));
    let rows = vec![row("map1", WORKING)];
    state.take(ms(10), ms(10_250), &overview(10_250, rows));
    assert!(!picture(&mut state, 80, 24)[3].contains("away"));
}

#[test]
fn before_the_first_reading_it_says_what_it_does() {
    let mut state = job(&[]);
    let lines = picture(&mut state, 80, 24);
    assert!(lines[5].starts_with("no members"), "{lines:#?}");
    assert_eq!(lines[3], "0 beats/s  5ms interval");
    state = crate::top::state::TopState::new(
        "/".to_owned(),
        ms(250),
        crate::top::listing::Wish::default(),
    );
    let lines = picture(&mut state, 80, 24);
    assert_eq!(lines[1], "connecting to ZooKeeper …");
    assert_eq!(lines[5], "nothing has been read yet");
}

#[test]
fn details_show_facts_attempts_events_and_stacks() {
    let id = |number: u8| format!("attempt_1_0001_m_000003_{number}");
    let blocked = MemberVerdict::Stalled(Some(Condition::Blocked));
    let mut state = job(&[attempt("b", &id(1), blocked), attempt("a", &id(0), WORKING)]);
    state.event(ms(LAST), &event(EventKind::Stalled, "b"));
    state.event(ms(LAST), &event(EventKind::Joined, "a"));
    press(&mut state, &[Key::Enter]);
    state.snapshot("b", Ok(Some("stack:\n\tmain \u{1b}[2J\n".to_owned())));
    let lines = picture(&mut state, 80, 48);
    let has = |part: &str| lines.iter().any(|line| line.contains(part));
    for part in [
        "state             X stalled (stalled: blocked)",
        "last beat         2020-12-29 12:18:39, 4ms ago",
        "host              hd1",
        "process           42",
        "attempt           attempt_1_0001_m_000003_1",
        "W working         attempt_1_0001_m_000003_0  a",
        "12-29 12:18:49.000  stalled      b",
        "    main \u{fffd}[2J",
    ] {
        assert!(has(part), "{part}: {lines:#?}");
    }
    assert!(!has("joined       a"), "{lines:#?}");
    // It scrolls, and stops at the end.
    press(&mut state, &[Key::End]);
    let lines = picture(&mut state, 80, 16);
    assert!(lines[14].starts_with("    main "), "{lines:#?}");
    press(&mut state, &[Key::Char('K')]);
    let asked = picture(&mut state, 80, 16).pop().unwrap();
    assert_eq!(asked, " Kill attempt attempt_1_0001_m_000003_1 of b? y/N");
}

#[test]
fn events_are_newest_first_and_the_help_has_all_keys() {
    let mut state = mixed();
    state.event(ms(LAST), &event(EventKind::Joined, "map2"));
    state.event(ms(LAST), &event(EventKind::Died, "map3"));
    press(&mut state, &[Key::Char('e')]);
    let lines = picture(&mut state, 80, 24);
    assert!(lines[5].contains("died         map3"), "{lines:#?}");
    assert!(lines[6].contains("joined       map2"), "{lines:#?}");
    press(&mut state, &[Key::Char('?')]);
    let lines = picture(&mut state, 80, 60);
    for part in [
        "PgUp PgDn",
        "Ctrl-Z",
        "D dead",
        "declared dead by the master",
    ] {
        assert!(
            lines.iter().any(|line| line.contains(part)),
            "{part}: {lines:#?}"
        );
    }
    press(&mut state, &[Key::Char('q')]);
    assert!(
        picture(&mut state, 80, 24)[6].contains("joined"),
        "q closes the help only"
    );
}
