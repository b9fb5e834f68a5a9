//! The states of a member as the terminal shows them: letter, word, meaning, and how bad each is. Pure.

/// A state that a cell of a strip can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct StateKind {
    /// Its character in a cell.
    pub(super) code: char,
    /// Its word in the table.
    pub(super) word: &'static str,
    /// What it means, for the help.
    pub(super) meaning: &'static str,
}

const fn kind(code: char, word: &'static str, meaning: &'static str) -> StateKind {
    StateKind {
        code,
        word,
        meaning,
    }
}

/// All states, the worst first: the order of the page.
pub(super) const KINDS: [StateKind; 14] = [
    kind('d', "dead", "declared dead by the master"),
    kind('x', "stalled", "stands still by its own fault"),
    kind('e', "failed", "ended without success"),
    kind('l', "late", "its beat is overdue"),
    kind('p', "spinning", "uses the processor without progress"),
    kind('k', "blocked", "waits for something else"),
    kind('b', "back-pressured", "waits until its output is taken"),
    kind('s', "starved", "waits for input"),
    kind('u', "unreadable", "its beat cannot be read"),
    kind('r', "returned", "was declared dead, and lives"),
    kind('a', "alive", "beats, and tells no condition"),
    kind('w', "working", "its records advance"),
    kind('f', "finished", "used up its input"),
    GONE,
];

/// A member that is not there any more.
const GONE: StateKind = kind('-', "gone", "not there any more");

/// The place of a state in [`KINDS`]: smaller is worse.
pub(super) fn rank(code: char) -> usize {
    let place = KINDS.iter().position(|kind| kind.code == code);
    place.unwrap_or(KINDS.len() - 1)
}

/// The state with this character.
pub(super) fn kind_of(code: char) -> StateKind {
    KINDS[rank(code)]
}

/// The letter of a state, as on the page.
pub(super) fn letter(code: char) -> char {
    code.to_ascii_uppercase()
}

/// Whether a member in this state beats no more.
pub(super) fn is_ended(code: char) -> bool {
    matches!(code, '-' | 'd' | 'f' | 'e')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::strip::STATES;

    #[test]
    fn every_state_of_a_cell_is_known_here() {
        for (code, word) in STATES {
            assert_eq!((kind_of(code).code, kind_of(code).word), (code, word));
        }
        assert_eq!(KINDS.len(), STATES.len() + 1);
        assert_eq!(kind_of('?').word, "gone");
        assert!(rank('d') < rank('x') && rank('x') < rank('w'));
    }
}
