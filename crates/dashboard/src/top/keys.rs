//! Keys of a terminal, as far as they mean something here.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

/// A key, or a combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Char(char),
    Ctrl(char),
    F(u8),
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    Backspace,
}

impl Key {
    /// The keys of an event; none for those without a meaning here. Esc and a letter that arrive together, as over a slow
    /// connection, look like Alt and the letter: both are meant.
    pub(super) fn of(event: KeyEvent) -> Vec<Self> {
        let is_alt = event.modifiers.contains(KeyModifiers::ALT);
        match Self::single(event) {
            Some(key @ Self::Char(_)) if is_alt => vec![Self::Escape, key],
            Some(key) => vec![key],
            None => Vec::new(),
        }
    }

    fn single(event: KeyEvent) -> Option<Self> {
        if event.kind == KeyEventKind::Release {
            return None;
        }
        Some(match event.code {
            KeyCode::Char(c) if event.modifiers.contains(KeyModifiers::CONTROL) => Self::Ctrl(c),
            KeyCode::Char(c) => Self::Char(c),
            KeyCode::F(number) => Self::F(number),
            KeyCode::Up => Self::Up,
            KeyCode::Down => Self::Down,
            KeyCode::PageUp => Self::PageUp,
            KeyCode::PageDown => Self::PageDown,
            KeyCode::Home => Self::Home,
            KeyCode::End => Self::End,
            KeyCode::Enter => Self::Enter,
            KeyCode::Esc => Self::Escape,
            KeyCode::Backspace => Self::Backspace,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn esc_and_a_letter_at_once_are_two_keys() {
        let key = |code, modifiers| Key::of(KeyEvent::new(code, modifiers));
        let alt = key(KeyCode::Char('q'), KeyModifiers::ALT);
        assert_eq!(alt, [Key::Escape, Key::Char('q')]);
        assert_eq!(
            key(KeyCode::Char('z'), KeyModifiers::CONTROL),
            [Key::Ctrl('z')]
        );
        assert_eq!(
            key(KeyCode::Char('K'), KeyModifiers::SHIFT),
            [Key::Char('K')]
        );
        assert_eq!(key(KeyCode::Insert, KeyModifiers::NONE), []);
    }
}
