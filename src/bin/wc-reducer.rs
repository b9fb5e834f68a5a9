//! The `wc-reducer` program: sums a sorted stream of `key<TAB>count`.

use clap::Parser;
use heartline::streaming::{Progress, StreamError, exit, raw_stdin, raw_stdout, reduce};
use std::process::ExitCode;

const EXAMPLE: &str = "Example: cat book.txt | wc-mapper | LC_ALL=C sort | wc-reducer";

/// Sum a sorted stream of `key<TAB>count` lines to one line a key, as the reducer (or the combiner) of a word
/// count in Hadoop Streaming
///
/// Lines without a tab, or whose count is not an integer, are ignored; how many there were is said on stderr
/// at the end. Sums may be of any size.
#[derive(Parser)]
#[command(version, after_help = EXAMPLE)]
struct Args {}

fn main() -> ExitCode {
    let Args {} = Args::parse();
    exit("wc-reducer", run())
}

fn run() -> Result<(), StreamError> {
    let mut input = raw_stdin().map_err(StreamError::Read)?;
    let mut output = raw_stdout().map_err(StreamError::Write)?;
    let skipped = reduce(&mut input, &mut output, &Progress::new())?;
    if skipped.total() > 0 {
        eprintln!(
            "wc-reducer: ignored {} lines: {} without a tab, {} whose count is not an integer",
            skipped.total(),
            skipped.without_tab,
            skipped.not_integer
        );
    }
    Ok(())
}
