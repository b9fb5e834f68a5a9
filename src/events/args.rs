//! `heartline events`: its options.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::publish::{PublishOptions, publish};
use super::target::Target;
use crate::cli::{self, ZooKeeperOptions, duration};

pub(super) const PROGRAM: &str = "heartline events";

/// Publish what happens to the members of a job as JSON lines: to stdout, a file or Kafka
///
/// One object for each event, the same as watch-master --json writes: time, event, node, epoch. Runs until it is
/// stopped, also while ZooKeeper or Kafka is away.
///
/// Each event is delivered at least once, and the events of one node arrive in their order; for Kafka the node is the
/// key. After a restart or a retry, events may come again: epoch and sequence tell which. A file goes on after its
/// last event. What the buffer cannot hold while the lines cannot be delivered is lost, the oldest first; an event
/// "lost" with node and count stands where they are missing.
#[derive(Args, Clone, Debug)]
pub struct EventsArgs {
    #[arg(
        long,
        value_name = "TARGET",
        default_value = "-",
        help = "Where to: kafka://HOST[:PORT][,HOST[:PORT]…]/TOPIC; file:PATH or just PATH, which is appended to and \
                may be renamed at any time; or - for stdout"
    )]
    to: Target,

    /// Also tell of each follower in each report that it is alive
    #[arg(long)]
    alive: bool,

    /// How many events to keep while they cannot be delivered
    #[arg(
        long,
        value_name = "EVENTS",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=10_000_000)
    )]
    buffer: u32,

    /// How long, once told to end, to try to deliver what is left
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    linger: Duration,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

impl EventsArgs {
    /// Publishes until it is told to end.
    pub fn run(self) -> ExitCode {
        let terms = PublishOptions {
            target: self.to,
            alive: self.alive,
            buffer: usize::try_from(self.buffer).unwrap_or(usize::MAX),
            linger: self.linger,
        };
        cli::run(PROGRAM, publish(self.zookeeper.settings(), terms))
    }
}
