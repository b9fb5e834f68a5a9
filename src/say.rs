//! The one way in which programs speak to people: a line on stderr that begins with their name.
//!
//! Much of what is said contains words of others: names, reasons, errors of servers. So all of it is cleaned here.

use std::fmt::Display;
use std::io::Write;

use crate::{stdio, text};

/// Says `what`, usually in one line. A stderr that cannot be written is no reason to fail: nobody is there.
pub fn say(program: &str, what: impl Display) {
    // In one write: a command beside it may write to the same stderr.
    let _ = stdio::err().write_all(said(program, &what.to_string()).as_bytes());
}

/// What is written. Further lines are indented: none is taken for the beginning of another message, or for a word to
/// Hadoop (`reporter:…`).
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
