//! Members, readings, keys and pictures for the tests.

use std::time::Duration;

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;

use crate::top::draw::draw;
use crate::top::events::LineStyle;
use crate::top::keys::Key;
use crate::top::listing::Wish;
use crate::top::palette::Palette;
use crate::top::state::{TopAction, TopState};
use heartline_core::clock::Now;
use heartline_core::condition::Condition;
use heartline_core::protocol::{
    Beat, EndReason, Event, EventKind, Identity, PreviousMaster, Status,
};
use heartline_observe::status::{
    CurrentMaster, MasterTerm, MemberRole, MemberVerdict, Overview, Row,
};

pub(super) const WORKING: MemberVerdict = MemberVerdict::Doing(Condition::Working);

pub(super) const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A time on both clocks, this many milliseconds after the start.
pub(super) fn at(millis: u64) -> Now {
    let start = DateTime::from_timestamp(1_609_240_719, 0).unwrap();
    Now {
        elapsed: ms(millis),
        wall: start + TimeDelta::from_std(ms(millis)).unwrap(),
    }
}

/// A member on a host; its last beat is 4 ms old.
pub(super) fn row(node: &str, verdict: MemberVerdict) -> Row {
    let identity = Identity {
        host: "hd1".to_owned(),
        pid: 42,
        ..Identity::default()
    };
    let status = Status {
        interval: ms(5),
        records_in: 700,
        ..Status::default()
    };
    Row {
        role: MemberRole::Follower,
        node: node.to_owned(),
        verdict,
        cause: None,
        last: at(0).wall,
        age: ms(4),
        joined: Some(at(0).wall),
        problem: None,
        beat: Some(Beat {
            status,
            identity: identity.clone(),
            ..Beat::parse(b"")
        }),
        identity,
        beats_per_second: Some(200.0),
        records_per_second: Some(1000.0),
    }
}

/// The same with an attempt.
pub(super) fn attempt(node: &str, attempt: &str, verdict: MemberVerdict) -> Row {
    let mut row = row(node, verdict);
    row.identity.attempt = Some(attempt.to_owned());
    if let Some(beat) = &mut row.beat {
        beat.identity = row.identity.clone();
    }
    row
}

/// A reading at this time.
pub(super) fn overview(millis: u64, rows: Vec<Row>) -> Overview {
    let previous = PreviousMaster {
        node: "map0".to_owned(),
        epoch: 8,
        went: EndReason::Dead,
        cause: Some(heartline_core::detect::DeathCause::Closed),
        silence: None,
    };
    let term = MasterTerm {
        since: at(0).wall - TimeDelta::seconds(200),
        epoch: Some(9),
        beat_budget: Some(5000),
        previous: Some(previous),
    };
    Overview {
        has_private_claims: false,
        now: at(millis).wall,
        master: Some(CurrentMaster {
            node: "map1".to_owned(),
            claim: "c".to_owned(),
            term: Some(term),
        }),
        reported: None,
        round_trip: None,
        interval: Some(ms(5)),
        rows,
        unreadable: Vec::new(),
    }
}

/// A job of which these members were read 40 times, four times a second.
pub(super) fn job(rows: &[Row]) -> TopState {
    let mut state = TopState::new("/jobs/one".to_owned(), ms(250), Wish::default());
    for reading in 1..=40 {
        let now = reading * 250;
        state.take(ms(10), ms(now), &overview(now, rows.to_vec()));
    }
    state
}

/// The time of the last reading of [`job`].
pub(super) const LAST: u64 = 10_000;

/// A master, and a member in each of some states.
pub(super) fn mixed() -> TopState {
    let mut master = row("map1", WORKING);
    master.role = MemberRole::Master;
    let mut dead = row("map3", MemberVerdict::Dead);
    dead.beat = None;
    dead.beats_per_second = None;
    dead.records_per_second = None;
    let mut late = row("map10", MemberVerdict::Late);
    late.age = ms(1500);
    late.records_per_second = Some(3.0);
    let stalled = MemberVerdict::Stalled(Some(Condition::Spinning));
    let rows = [
        master,
        row("map2", MemberVerdict::Doing(Condition::BackPressured)),
        dead,
        late,
        row("map4", stalled),
    ];
    job(&rows)
}

pub(super) fn event(kind: EventKind, node: &str) -> Event {
    Event::of(at(LAST).wall, kind, node, Some(9))
}

/// Presses keys; returns what the last one asks for.
pub(super) fn press(state: &mut TopState, keys: &[Key]) -> Option<TopAction> {
    let pressed = keys.iter().map(|key| state.key(at(LAST), *key));
    pressed.last().flatten()
}

/// Writes a text.
pub(super) fn write(state: &mut TopState, text: &str) {
    for letter in text.chars() {
        press(state, &[Key::Char(letter)]);
    }
}

/// The picture on a terminal of this size, without colours.
pub(super) fn buffer(state: &mut TopState, width: u16, height: u16, is_coloured: bool) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let style = LineStyle {
        palette: Palette { is_coloured },
        offset: FixedOffset::east_opt(3600).unwrap(),
    };
    let drawn = terminal.draw(|frame| draw(state, frame.buffer_mut(), at(LAST), style));
    drawn.unwrap();
    terminal.backend().buffer().clone()
}

/// The same as lines of text.
pub(super) fn picture(state: &mut TopState, width: u16, height: u16) -> Vec<String> {
    let buffer = buffer(state, width, height, false);
    let width = usize::from(width);
    let lines = buffer.content().chunks(width).map(|cells| {
        let mut line = String::new();
        // What follows a wide character is part of it.
        let mut skip = 0;
        for cell in cells {
            if skip == 0 {
                line.push_str(cell.symbol());
                skip = crate::top::text::width(cell.symbol()).max(1);
            }
            skip -= 1;
        }
        line.trim_end().to_owned()
    });
    lines.collect()
}

/// The names in the table, from the top, with their marks.
pub(super) fn names(state: &mut TopState) -> Vec<String> {
    let listed = state.listed().to_vec();
    let known = listed
        .iter()
        .filter_map(|index| state.model().history.known(*index));
    known.map(|member| member.name().to_owned()).collect()
}

/// A time as the picture shows it.
pub(super) fn utc(millis: u64) -> DateTime<Utc> {
    at(millis).wall
}
