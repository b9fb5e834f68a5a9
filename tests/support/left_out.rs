//! Tests that are left out on this machine, and why.
//!
//! The test harness has no skip at run time: it reports a test that returns early as `ok`, and swallows what the test
//! prints. So such a test ends by [`leave_out!`], and `scripts/test` counts it as skipped, by name and with the reason.
//! The unit tests of the library use the same file.

use std::env;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// The environment variable with the file that `scripts/test` reads; one line for each test that is left out.
const LEFT_OUT: &str = "HEARTLINE_LEFT_OUT";

/// Ends the running test, and takes the reason in the form of `format!` arguments. A reason that only root can
/// remove begins with `needs root`.
macro_rules! leave_out {
    ($($why:tt)+) => {{
        // Names the test. The thread does not: with one test thread, it is `main`.
        fn here() {}
        left_out::note(std::any::type_name_of_val(&here), &format!($($why)+));
        return;
    }};
}
pub(crate) use leave_out;

/// Records that the test around `here` is left out.
///
/// # Panics
/// If this cannot be recorded: the test would count as passed.
pub(crate) fn note(here: &str, why: &str) {
    let noted = match env::var_os(LEFT_OUT) {
        Some(path) => append(Path::new(&path), &line(here, why)),
        // Not `eprintln!`, which the harness swallows.
        None => io::stderr()
            .write_all(format!("left out: {}: {}\n", name(here), one_line(why)).as_bytes()),
    };
    noted.unwrap_or_else(|error| panic!("{LEFT_OUT}: a test left out cannot be noted: {error}"));
}

/// The line that `scripts/lib/test-summary.sh` reads.
fn line(here: &str, why: &str) -> String {
    format!("test\t{}\t{}\n", name(here), one_line(why))
}

/// The test's path, taken from that of a function in it.
fn name(here: &str) -> &str {
    let name = here.strip_suffix("::here").unwrap_or(here);
    name.trim_end_matches("::{{closure}}")
}

fn one_line(why: &str) -> String {
    why.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Appends in one write: tests in several processes may do so at once.
fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = File::options().create(true).append(true).open(path)?;
    file.write_all(line.as_bytes())
}
