//! Styles: the sixteen colours of the terminal's own theme, or none. A colour never says anything alone. Pure.

use ratatui::style::{Color, Modifier, Style};

/// How things look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Palette {
    /// Whether colours may be used; without them there are bold, dim and reversed texts.
    pub(super) is_coloured: bool,
}

impl Palette {
    /// What matters less.
    pub(super) const QUIET: Style = Style::new().add_modifier(Modifier::DIM);
    /// What is read first.
    pub(super) const STRONG: Style = Style::new().add_modifier(Modifier::BOLD);
    /// The chosen row and the table's heading.
    pub(super) const REVERSED: Style = Style::new().add_modifier(Modifier::REVERSED);

    /// The style of a state's letter, word and strip.
    pub(super) fn state(self, code: char) -> Style {
        let plain = Style::new();
        if !self.is_coloured {
            return match code {
                'd' | 'x' | 'e' => plain.add_modifier(Modifier::BOLD | Modifier::UNDERLINED),
                'l' | 'p' | 'k' | 'u' => plain.add_modifier(Modifier::BOLD),
                'f' | '-' => plain.add_modifier(Modifier::DIM),
                _ => plain,
            };
        }
        match code {
            'd' => plain.fg(Color::LightRed).add_modifier(Modifier::BOLD),
            'x' => plain.fg(Color::LightMagenta).add_modifier(Modifier::BOLD),
            'e' => plain.fg(Color::Red),
            'l' | 'u' => plain.fg(Color::Yellow),
            'p' | 'k' => plain.fg(Color::Magenta),
            'b' | 's' => plain.fg(Color::Cyan),
            'r' => plain.fg(Color::LightBlue),
            'a' | 'w' => plain.fg(Color::Green),
            _ => plain.fg(Color::DarkGray),
        }
    }

    /// A name of a key in the last line.
    pub(super) fn key(self) -> Style {
        if self.is_coloured {
            Style::new().fg(Color::Cyan).add_modifier(Modifier::BOLD)
        } else {
            Palette::STRONG
        }
    }

    /// What needs an answer or a look.
    pub(super) fn warning(self) -> Style {
        let style = Palette::REVERSED.add_modifier(Modifier::BOLD);
        if self.is_coloured {
            style.fg(Color::LightRed)
        } else {
            style
        }
    }
}
