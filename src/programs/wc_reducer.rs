//! `wc-reducer`: sums a sorted stream of `key<TAB>count`.

#![allow(rustdoc::invalid_html_tags, reason = "the text of --help")]

use std::process::ExitCode;

use clap::builder::FalseyValueParser;
use clap::{CommandFactory, Parser};

use crate::cli::{self, MemberOptions};
use crate::member::Work;
use crate::protocol::Phase;
use crate::say::say;
use crate::streaming::{Task, reduce};

const EXAMPLE: &str = "Example: cat book.txt | wc-mapper | LC_ALL=C sort | wc-reducer";

/// Sum a sorted stream of "key<TAB>count" lines to one line per key, as the reducer (or the combiner)
/// of a word count in Hadoop Streaming
///
/// Lines without a tab, or whose count is not an integer, are ignored; their number is printed on
/// stderr at the end. Sums may be of any size.
#[derive(Parser)]
#[command(name = "wc-reducer", version, after_help = EXAMPLE)]
pub struct WcReducerArgs {
    /// Send heartbeats outside a reduce task of Hadoop too: by default, a combiner or a reducer in a pipeline does not
    #[arg(long, env = "HEARTLINE_HEARTBEAT", value_parser = FalseyValueParser::new())]
    heartbeat: bool,
    #[command(flatten)]
    member: MemberOptions,
}

impl WcReducerArgs {
    /// Runs the program to its end.
    pub fn run(self) -> ExitCode {
        cli::start_log();
        let task = Task::of_process();
        let beats = self.heartbeat || task.phase == Some(Phase::Reduce);
        let config = self.member.config(&mut WcReducerArgs::command(), &task);
        let work = Work::new(
            "wc-reducer",
            task,
            config.filter(|_| beats),
            beats && self.member.require_zookeeper,
            self.member.stall.stall_policy(),
        );
        work.run(|input, output, progress| {
            let skipped = reduce(input, output, progress)?;
            if skipped.total() > 0 {
                say("wc-reducer", skipped);
            }
            Ok(())
        })
    }
}
