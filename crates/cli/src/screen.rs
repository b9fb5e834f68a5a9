//! Where the tables go: coloured on a terminal, plain in a pipe, and with `--watch` always in the same place of
//! the terminal.

use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};

use rustix::termios::tcgetwinsize;

use heartline_process::stdio;

/// Moves the cursor to the upper left corner; lines are then cut at the right edge instead of wrapped.
const BEGIN: &str = "\u{1b}[H\u{1b}[?7l";
/// Clears the rest of the line.
const END_OF_LINE: &str = "\u{1b}[K\n";
/// Clears the rest of the screen, and wraps lines again.
const END: &str = "\u{1b}[J\u{1b}[?7h";
/// Clears the whole screen.
const CLEAR: &str = "\u{1b}[2J";

/// Stdout as a screen.
#[derive(Debug)]
pub struct Screen {
    in_place: bool,
    /// How many times something was shown.
    shown: u64,
}

impl Screen {
    /// Creates the screen; on a terminal each table replaces the last one, if `in_place`.
    pub fn new(in_place: bool) -> Self {
        Self {
            in_place: in_place && io::stdout().is_terminal() && !is_dumb(),
            shown: 0,
        }
    }

    /// Shows a table or a message.
    pub fn show(&mut self, lines: &[String]) -> io::Result<()> {
        let first = self.shown == 0;
        self.shown += 1;
        let choice = anstream::AutoStream::choice(&io::stdout());
        let lines: Vec<String> = match choice {
            anstream::ColorChoice::Never => {
                let plain = lines.iter().map(|line| anstream::adapter::strip_str(line));
                plain.map(|line| line.to_string()).collect()
            }
            _ => lines.to_vec(),
        };
        let text = if self.in_place {
            let height = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_row));
            let frame = frame(&lines, height);
            if first {
                format!("{CLEAR}{frame}")
            } else {
                frame
            }
        } else {
            let gap = if first { "" } else { "\n" };
            format!("{gap}{}\n", lines.join("\n"))
        };
        write(&text)
    }
}

/// Whether the terminal has no cursor control.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|term| term == "dumb")
}

/// Writes one line, such as JSON.
pub fn write_line(line: &str) -> io::Result<()> {
    write(&format!("{line}\n"))
}

/// Writes without buffering, because somebody may be watching.
fn write(text: &str) -> io::Result<()> {
    stdio::out().write_all(text.as_bytes())
}

/// The text that draws these lines over the previous ones, on a terminal of `height` lines; 0 means unknown.
fn frame(lines: &[String], height: usize) -> String {
    // The cursor is below the last line.
    let room = match height {
        0 => usize::MAX,
        height => height.saturating_sub(1).max(1),
    };
    let shown = if lines.len() > room {
        room - 1
    } else {
        lines.len()
    };
    let mut frame = BEGIN.to_owned();
    for line in &lines[..shown] {
        frame.push_str(line);
        frame.push_str(END_OF_LINE);
    }
    if shown < lines.len() {
        let _ = write!(frame, "… and {} more{END_OF_LINE}", lines.len() - shown);
    }
    frame.push_str(END);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_no_higher_than_the_terminal() {
        let lines = ["a", "b", "c", "d"].map(str::to_owned);
        let count = |height| frame(&lines, height).matches('\n').count();
        assert_eq!((count(0), count(24), count(5), count(4)), (4, 4, 4, 3));
        assert!(frame(&lines, 4).contains("b\u{1b}[K\n… and 2 more"));
        assert!(frame(&lines, 1).contains("… and 4 more"));
    }
}
