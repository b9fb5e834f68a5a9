//! `wc-reducer`: sums a sorted stream of `key<TAB>count`.

use std::process::ExitCode;

use clap::Parser;
use heartline::cli;
use heartline::member::Work;
use heartline::say::say;
use heartline::streaming::{Task, reduce};

const EXAMPLE: &str = "Example: cat book.txt | wc-mapper | LC_ALL=C sort | wc-reducer";

/// Sum a sorted stream of "key<TAB>count" lines to one line a key, as the reducer (or the combiner)
/// of a word count in Hadoop Streaming
///
/// Lines without a tab, or whose count is not an integer, are ignored; how many there were is said on
/// stderr at the end. Sums may be of any size.
#[derive(Parser)]
#[command(name = "wc-reducer", version, after_help = EXAMPLE)]
struct Options {}

fn main() -> ExitCode {
    let Options {} = cli::parse();
    let work = Work::new("wc-reducer", Task::of_process(), None, false);
    work.run(|input, output, progress| {
        let skipped = reduce(input, output, progress)?;
        if skipped.total() > 0 {
            say("wc-reducer", skipped);
        }
        Ok(())
    })
}
