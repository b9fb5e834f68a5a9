//! `wc-mapper`: writes `word<TAB>1` for every word on stdin, with a heartbeat beside it.

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use heartline::cli::{self, MemberOptions};
use heartline::member::Work;
use heartline::streaming::{Task, WordArgs};

/// The mapper of a word count for Hadoop Streaming, with a heartbeat through ZooKeeper.
///
/// Reads text on stdin and writes "word<TAB>1" for every word on stdout. Beside that it is a member
/// of the job's heartbeat: the first mapper becomes master and listens, all others beat. The words
/// never depend on it: whatever ZooKeeper does, records and exit status are right.
#[derive(Parser)]
#[command(name = "wc-mapper", version, about)]
struct Options {
    #[command(flatten)]
    words: WordArgs,
    #[command(flatten)]
    member: MemberOptions,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    cli::start_log();
    let task = Task::of_process();
    let config = options.member.config(&mut Options::command(), &task);
    let work = Work::new("wc-mapper", task, config, options.member.require_zookeeper);
    work.run(|input, output, progress| options.words.run(input, output, progress))
}
