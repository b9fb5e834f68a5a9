//! The `wc-mapper` program: words from stdin, `word<TAB>1` to stdout.

use clap::Parser;
use heartline::streaming::{Progress, StreamError, WordArgs, exit, raw_stdin, raw_stdout};
use std::process::ExitCode;
use std::sync::Arc;

const EXAMPLE: &str = "Example: cat book.txt | wc-mapper | LC_ALL=C sort | wc-reducer";

/// Write `word<TAB>1` for every word of stdin, as the mapper of a word count in Hadoop Streaming
///
/// Words are separated by blanks, tabs, line ends (CR too), vertical tabs and form feeds. All other bytes pass
/// through untouched; the text need not be UTF-8.
#[derive(Parser)]
#[command(version, after_help = EXAMPLE)]
struct Args {
    #[command(flatten)]
    words: WordArgs,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let progress = Arc::new(Progress::new());
    exit("wc-mapper", run(&args, &progress))
}

fn run(args: &Args, progress: &Progress) -> Result<(), StreamError> {
    let mut input = raw_stdin().map_err(StreamError::Read)?;
    let mut output = raw_stdout().map_err(StreamError::Write)?;
    args.words.run(&mut input, &mut output, progress)
}
