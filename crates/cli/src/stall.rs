//! The options of programs that watch their work for a stall.

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};

use heartline_core::condition::StallTimeout;
use heartline_member::StallPolicy;

/// What to do with work that stalls by its own fault.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, strum::Display, ValueEnum)]
#[strum(serialize_all = "lowercase")]
pub enum OnStall {
    /// Report it, and keep a snapshot of the work
    #[default]
    Report,
    /// End the work as failed: Hadoop retries it at once
    Kill,
}

/// How to watch the work.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Stalls")]
pub struct StallOptions {
    /// How long the work may compute or block without reading or writing a byte; waits for its input or its
    /// reader do not count. 0 means forever; auto learns the time from the pauses of this work
    #[arg(
        long,
        value_name = "DURATION|auto",
        env = "HEARTLINE_STALL_TIMEOUT",
        default_value_t
    )]
    pub stall_timeout: StallTimeout,

    /// What to do when the work stalls for longer
    #[arg(long, value_name = "WHAT", env = "HEARTLINE_ON_STALL", default_value_t)]
    pub on_stall: OnStall,

    /// Run gdb, py-spy or eu-stack to show the stacks of a stalled command, which stops it for a moment;
    /// with --on-stall kill this always happens before the end
    #[arg(long, env = "HEARTLINE_STACKS", value_parser = FalseyValueParser::new())]
    pub stacks: bool,

    /// Report to Hadoop each minute that work without progress is alive, unless it is stalled: Hadoop ends a
    /// task that reports nothing for mapreduce.task.timeout
    #[arg(long, env = "HEARTLINE_KEEP_ALIVE", value_parser = FalseyValueParser::new())]
    pub keep_alive: bool,
}

impl StallOptions {
    /// Converts the options to a stall policy.
    pub fn stall_policy(&self) -> StallPolicy {
        StallPolicy {
            stall_timeout: self.stall_timeout,
            kills: self.on_stall == OnStall::Kill,
            stacks: self.stacks || self.on_stall == OnStall::Kill,
            keep_alive: self.keep_alive,
        }
    }
}
