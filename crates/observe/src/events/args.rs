//! The options of `heartline events`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

use super::publish::{PROGRAM, PublishOptions, publish};
use super::target::Target;
use heartline_cli::{self as cli, ZooKeeperOptions, duration};

/// Publish events of the members of a job as JSON lines: to stdout, a file or Kafka
///
/// Each event is one object, as in the output of watch-master --json: time, event, node, epoch. The program runs until
/// it is stopped, also while ZooKeeper or Kafka is unavailable.
///
/// Each event is delivered at least once, and the events of one node arrive in order; in Kafka the node is the key.
/// After a restart or a retry, events may be repeated: epoch and sequence identify them. A file is continued after its
/// last event. If the lines cannot be delivered and the buffer is full, the oldest events are lost; an event "lost"
/// with node and count marks their position.
#[derive(Args, Clone, Debug)]
pub struct EventsArgs {
    #[arg(
        long,
        value_name = "TARGET",
        default_value = "-",
        help = "Destination: kafka://HOST[:PORT][,HOST[:PORT]…]/TOPIC; file:PATH or just PATH, which is appended to \
                and may be renamed at any time; or - for stdout"
    )]
    to: Target,

    /// Also publish an event "alive" for each live follower in each report of the master
    #[arg(long)]
    alive: bool,

    /// Maximum number of events to keep while they cannot be delivered
    #[arg(
        long,
        value_name = "EVENTS",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=10_000_000)
    )]
    buffer: u32,

    /// Time to deliver the remaining events after a signal to stop
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    linger: Duration,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

impl EventsArgs {
    /// Publishes until a signal asks it to stop.
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
