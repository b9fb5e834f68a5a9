//! The one way in which programs speak to people: a line on stderr that begins with their name.

use std::fmt::Display;
use std::io::{self, Write};

/// Says `what` in one line. A stderr that cannot be written is no reason to fail: nobody is there.
pub fn say(program: &str, what: impl Display) {
    // In one write: a command beside it may write to the same stderr.
    let _ = io::stderr().write_all(format!("{program}: {what}\n").as_bytes());
}
