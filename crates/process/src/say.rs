//! How programs print messages for people: a line on stderr that begins with the program's name.
//!
//! Many messages contain text from other programs: names, reasons, errors of servers. So all of it is cleaned here.

use std::fmt::Display;
use std::io::Write;

use crate::stdio;
use heartline_core::text;

/// Prints `what`, usually one line. A failed write to stderr is not an error, because stderr then has no reader.
pub fn say(program: &str, what: impl Display) {
    // In one write: a wrapped command may write to the same stderr.
    let _ = stdio::err().write_all(said(program, &what.to_string()).as_bytes());
}

/// The text to write. Further lines are indented, so that none looks like the beginning of another message, or like a
/// message to Hadoop (`reporter:…`).
fn said(program: &str, what: &str) -> String {
    let mut said = format!("{program}: ");
    for (place, line) in text::lines(what).trim_end().lines().enumerate() {
        if place > 0 {
            said.push('\n');
            if !line.is_empty() && !line.starts_with(char::is_whitespace) {
                said.push_str("  ");
            }
        }
        said.push_str(line);
    }
    said.push('\n');
    said
}

#[cfg(test)]
mod tests {
    use super::said;

    #[test]
    fn words_of_others_steer_nothing_and_begin_no_line() {
        assert_eq!(said("p", "all is well"), "p: all is well\n");
        assert_eq!(
            said("p", "a\u{1b}[2J\r\u{9b}"),
            "p: a\u{fffd}[2J\u{fffd}\u{fffd}\n"
        );
        assert_eq!(
            said("p", "no\nreporter:counter:a,b,1\n\tstack\n"),
            "p: no\n  reporter:counter:a,b,1\n\tstack\n"
        );
    }
}
