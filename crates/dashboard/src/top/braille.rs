//! A strip in characters: two columns of four dots each, the height is the share of beats that came. Pure.

use crate::strip::Cell;

use super::states::{is_ended, letter, rank};

/// The dots of a column, from the lowest: left and right.
const DOTS: [[u32; 4]; 2] = [[0x40, 0x04, 0x02, 0x01], [0x80, 0x20, 0x10, 0x08]];
const EMPTY: u32 = 0x2800;

/// One character of a strip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StripMark {
    pub(super) glyph: char,
    /// The worst state of its time.
    pub(super) state: char,
}

/// What several readings in one column show together.
#[derive(Clone, Copy)]
struct Slot {
    state: char,
    level: usize,
}

/// Which readings a strip shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StripSpan {
    /// Number of all readings until now.
    pub(super) readings: usize,
    /// Number of readings that are shown.
    pub(super) shown: usize,
    /// Number of characters.
    pub(super) width: usize,
}

/// The characters of a strip, the newest at the right. Readings that share a column are those that shared one before, so
/// that a strip moves and does not flicker. The letter of a state stands where a member comes into one that needs a look,
/// or ends.
pub(super) fn marks(
    cells: impl DoubleEndedIterator<Item = Cell>,
    span: StripSpan,
) -> Vec<StripMark> {
    let slots = slots(cells, span);
    let mut marks = Vec::with_capacity(span.width);
    let mut before: Option<char> = None;
    for pair in slots.chunks(2) {
        let states = pair.iter().flatten().map(|slot| slot.state);
        let Some(state) = states.min_by_key(|state| rank(*state)) else {
            marks.push(StripMark {
                glyph: ' ',
                state: '-',
            });
            continue;
        };
        let is_new = before != Some(state);
        let is_told = match state {
            'd' | 'e' | 'f' => before.is_some(),
            'x' | 'l' | 'p' | 'k' | 'u' | 'r' => true,
            _ => false,
        };
        let glyph = if is_new && is_told {
            letter(state)
        } else {
            dots(pair)
        };
        before = Some(state);
        marks.push(StripMark { glyph, state });
    }
    marks
}

/// The columns, oldest first: two for each character. `None` where nothing is known.
fn slots(cells: impl DoubleEndedIterator<Item = Cell>, span: StripSpan) -> Vec<Option<Slot>> {
    let count = span.width * 2;
    let mut slots: Vec<Option<Slot>> = vec![None; count];
    if count == 0 || span.readings == 0 {
        return slots;
    }
    let each = span.shown.div_ceil(count).max(1);
    let newest = (span.readings - 1) / each;
    for (age, cell) in cells.rev().enumerate().take(span.shown.min(span.readings)) {
        let place = newest - (span.readings - 1 - age) / each;
        let Some(slot) = slots.get_mut((count - 1).wrapping_sub(place)) else {
            break;
        };
        let level = level(cell);
        *slot = Some(match *slot {
            None => Slot {
                state: cell.state,
                level,
            },
            Some(known) => Slot {
                state: [known.state, cell.state]
                    .into_iter()
                    .min_by_key(|state| rank(*state))
                    .unwrap_or(known.state),
                level: known.level.min(level),
            },
        });
    }
    slots
}

/// Number of dots, 0 to 4.
fn level(cell: Cell) -> usize {
    if is_ended(cell.state) {
        return 0;
    }
    let share = cell.beats.to_digit(10).unwrap_or(0);
    usize::try_from((share * 4).div_ceil(9)).unwrap_or(0)
}

fn dots(pair: &[Option<Slot>]) -> char {
    let bits = pair.iter().zip(DOTS).map(|(slot, column)| {
        let level = slot.map_or(0, |slot| slot.level);
        column.iter().take(level).sum::<u32>()
    });
    match bits.sum() {
        0 => ' ',
        bits => char::from_u32(EMPTY + bits).unwrap_or(' '),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(states: &str, beats: &str, span: StripSpan) -> String {
        let cells = states.chars().zip(beats.chars());
        let cells: Vec<Cell> = cells.map(|(state, beats)| Cell { state, beats }).collect();
        let marks = marks(cells.into_iter(), span);
        assert_eq!(marks.len(), span.width);
        marks.iter().map(|mark| mark.glyph).collect()
    }

    fn span(readings: usize, shown: usize, width: usize) -> StripSpan {
        StripSpan {
            readings,
            shown,
            width,
        }
    }

    #[test]
    fn the_height_is_the_share_of_beats() {
        assert_eq!(drawn("wwwwwwww", "99753100", span(8, 8, 4)), "⣿⣷⣄ ");
        // The newest is at the right, and what is not known is blank.
        assert_eq!(drawn("ww", "99", span(2, 8, 4)), "   ⣿");
        assert_eq!(drawn("", "", span(0, 8, 2)), "  ");
        assert_eq!(drawn("ww", "99", span(2, 8, 0)), "");
    }

    #[test]
    fn a_state_that_needs_a_look_is_told_by_its_letter() {
        assert_eq!(drawn("wwwwxxxxww", "9999999999", span(10, 10, 5)), "⣿⣿X⣿⣿");
        assert_eq!(drawn("wwwwdddd", "99990000", span(8, 8, 4)), "⣿⣿D ");
        assert_eq!(drawn("ffff", "0000", span(4, 4, 2)), "  ");
        assert_eq!(drawn("pppp", "9999", span(4, 4, 2)), "P⣿");
    }

    #[test]
    fn readings_that_share_a_column_stay_together() {
        // Four readings a column; a gap in the third group.
        let beats = "999999999099999999999999";
        let states = "w".repeat(24);
        let first = drawn(&states[..20], &beats[..20], span(20, 24, 3));
        let later = drawn(&states, beats, span(24, 24, 3));
        let gaps = |text: &str| text.chars().filter(|c| *c != '⣿' && *c != ' ').count();
        assert_eq!((gaps(&first), gaps(&later)), (2, 1), "{first:?} {later:?}");
        // Fewer readings than columns.
        assert_eq!(drawn("www", "999", span(300, 240, 120)).trim(), "⢸⣿");
    }
}
