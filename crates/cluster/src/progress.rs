//! Progress lines on stderr.

use std::fmt::Display;
use std::io::{self, Write};

use heartline_core::text;

/// Prints a progress line.
pub(super) fn progress(what: impl Display) {
    // The line is written in one call, because servers start in parallel.
    let what = text::lines(&what.to_string()) + "\n";
    let _ = io::stderr().write_all(what.as_bytes());
}
