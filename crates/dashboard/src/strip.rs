//! The heartbeat strip of a member: one cell for each reading of its znode. Pure.

use std::collections::VecDeque;
use std::time::Duration;

use heartline_core::condition::Condition;
use heartline_core::protocol::Ending;
use heartline_observe::status::{MemberVerdict, Row};

/// Maximum number of cells of a strip: a minute of readings four times a second.
pub(crate) const CELLS: usize = 240;

/// A beat that is older than this many intervals is missing.
const MISSING: f64 = 3.0;

/// What one reading shows of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    /// The state of the member; see [`STATES`].
    pub(crate) state: char,
    /// The share of its beats that came since the reading before, `0` to `9`: `9` if all did, `0` if none did.
    pub(crate) beats: char,
}

impl Cell {
    /// A member that was not there.
    pub(crate) const ABSENT: Self = Self {
        state: '-',
        beats: '0',
    };

    /// What a reading shows; `interval` is the one of the job, and `since` the time since the reading before.
    pub(crate) fn of(row: &Row, interval: Option<Duration>, since: Duration) -> Self {
        Self {
            state: state(row.verdict),
            beats: beats(row, interval, since),
        }
    }
}

/// A member that was declared dead.
pub(crate) const DEAD: char = 'd';
/// A member that has finished its work.
pub(crate) const FINISHED: char = 'f';
/// A member that has reported that it could not finish.
pub(crate) const FAILED: char = 'e';

/// All states: the character, and the name.
pub(crate) const STATES: [(char, &str); 13] = [
    ('w', "working"),
    ('s', "starved"),
    ('b', "back-pressured"),
    ('p', "spinning"),
    ('k', "blocked"),
    ('a', "alive"),
    ('x', "stalled"),
    ('l', "late"),
    (DEAD, "dead"),
    (FINISHED, "finished"),
    (FAILED, "failed"),
    ('r', "returned"),
    ('u', "unreadable"),
];

/// The state of a member as one character of [`STATES`]; `-` stands for a member that is not there.
pub(crate) fn state(verdict: MemberVerdict) -> char {
    match verdict {
        MemberVerdict::Dead => DEAD,
        MemberVerdict::Stalled(_) => 'x',
        MemberVerdict::Late => 'l',
        MemberVerdict::Ended(Ending::Finished) => FINISHED,
        MemberVerdict::Ended(Ending::Failed) => FAILED,
        MemberVerdict::Returned(_) => 'r',
        MemberVerdict::Doing(Condition::Working) => 'w',
        MemberVerdict::Doing(Condition::Starved) => 's',
        MemberVerdict::Doing(Condition::BackPressured) => 'b',
        MemberVerdict::Doing(Condition::Spinning) => 'p',
        MemberVerdict::Doing(Condition::Blocked) => 'k',
        MemberVerdict::Alive => 'a',
        MemberVerdict::Unreadable => 'u',
    }
}

/// The share of the beats that came, in nine steps.
fn beats(row: &Row, interval: Option<Duration>, since: Duration) -> char {
    let own = row.status().map(|status| status.interval);
    // With direct connections the znode is written more rarely than the member beats.
    let own = own.filter(|own| !own.is_zero());
    let interval = own.into_iter().chain(interval).max();
    let Some(interval) = interval.filter(|interval| !interval.is_zero()) else {
        return '0';
    };
    let expected = since.as_secs_f64() / interval.as_secs_f64();
    let share = match row.beats_per_second {
        // Of few beats, one more or less says nothing: their age does.
        _ if expected < MISSING => {
            let age = row
                .known_age()
                .map_or(f64::INFINITY, |age| age.as_secs_f64());
            f64::from(u8::from(age < interval.as_secs_f64() * MISSING))
        }
        Some(rate) => rate * interval.as_secs_f64(),
        None => 0.0,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "from 0 to 9"
    )]
    let step = (share * 9.0).round().clamp(0.0, 9.0) as u8;
    char::from(b'0' + step)
}

/// The last cells of one member, oldest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strip {
    cells: VecDeque<Cell>,
}

impl Strip {
    /// Adds a cell, and forgets the oldest if there are too many.
    pub(crate) fn push(&mut self, cell: Cell) {
        if self.cells.len() == CELLS {
            self.cells.pop_front();
        }
        self.cells.push_back(cell);
    }

    /// The states, one character each.
    pub(crate) fn states(&self) -> String {
        self.cells.iter().map(|cell| cell.state).collect()
    }

    /// The shares of beats, one digit each.
    pub(crate) fn beats(&self) -> String {
        self.cells.iter().map(|cell| cell.beats).collect()
    }

    /// The cells, oldest first. The last one is of the last reading of the job.
    pub(crate) fn cells(&self) -> impl DoubleEndedIterator<Item = Cell> {
        self.cells.iter().copied()
    }

    /// The newest cell.
    pub(crate) fn last(&self) -> Option<Cell> {
        self.cells.back().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strip_holds_the_last_minute() {
        let mut strip = Strip::default();
        for number in 0..CELLS + 3 {
            let state = if number < 3 { 'a' } else { 'w' };
            strip.push(Cell { state, beats: '9' });
        }
        assert_eq!(strip.states(), "w".repeat(CELLS));
        assert_eq!(strip.beats(), "9".repeat(CELLS));
        assert_eq!(strip.last().map(|cell| cell.state), Some('w'));
    }
}
