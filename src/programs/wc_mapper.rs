//! `wc-mapper`: writes `word<TAB>1` for every word on stdin, with a heartbeat.

#![allow(rustdoc::invalid_html_tags, reason = "the text of --help")]

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

use crate::cli::WordArgs;
use crate::cli::{self, MemberOptions};
use crate::member::Work;
use crate::streaming::Task;

const EXAMPLE: &str =
    "Every option can also be a property of a Hadoop job: -D heartline.zookeeper=zk1:2181

Example: cat book.txt | wc-mapper | LC_ALL=C sort | wc-reducer";

/// Map text to "word<TAB>1" lines, as the mapper of a word count in Hadoop Streaming, with a
/// heartbeat through ZooKeeper
///
/// The first mapper of a job becomes master and listens; all others send heartbeats, and the master reports which
/// of them are alive, have finished or died. The word count never depends on the heartbeat: without ZooKeeper, output
/// and exit status are the same.
#[derive(Parser)]
#[command(name = "wc-mapper", version, after_help = EXAMPLE)]
pub struct WcMapperArgs {
    #[command(flatten)]
    words: WordArgs,
    #[command(flatten)]
    member: MemberOptions,
}

impl WcMapperArgs {
    /// Runs the program to its end.
    pub fn run(self) -> ExitCode {
        cli::start_log();
        let task = Task::of_process();
        let config = self.member.config(&mut WcMapperArgs::command(), &task);
        let work = Work::new(
            "wc-mapper",
            task,
            config,
            self.member.require_zookeeper,
            self.member.stall.stall_policy(),
        );
        work.run(|input, output, progress| self.words.run(input, output, progress))
    }
}
