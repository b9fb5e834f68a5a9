//! `heartline`: the tools beside those of the word count, a subcommand each.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use heartline::admin::{IntervalArgs, KillArgs, ReinitArgs};
use heartline::cli;
use heartline::cluster::ClusterArgs;
use heartline::dedicated_master::DedicatedMasterArgs;
use heartline::events::EventsArgs;
use heartline::membership::MemberArgs;
use heartline::nodes::NodesArgs;
use heartline::run::RunArgs;
use heartline::status::StatusArgs;
use heartline::supervisor::{ChildExecArgs, SupervisorArgs};
use heartline::zkstats::ZkstatsArgs;

/// Tools beside the heartbeat
#[derive(Parser)]
#[command(name = "heartline", version)]
struct Options {
    #[command(subcommand)]
    tool: Tool,
}

#[derive(Subcommand)]
enum Tool {
    Master(DedicatedMasterArgs),
    /// Make any program a member of a group: one active master with backups, and workers
    Member(MemberArgs),
    Status(StatusArgs),
    Zkstats(ZkstatsArgs),
    /// Configure, start, look at and end ZooKeeper, HDFS, YARN and Kafka by one description
    Cluster(ClusterArgs),
    Events(EventsArgs),
    /// Tell machines of each other: names in /etc/hosts, keys in `authorized_keys`
    Nodes(NodesArgs),
    Kill(KillArgs),
    Reinit(ReinitArgs),
    Interval(IntervalArgs),
    /// Run any command as a mapper or reducer, with a heartbeat through ZooKeeper beside it
    ///
    /// Starts COMMAND, passes its stdin and stdout through untouched, beats while it runs, and exits
    /// with its status. The records never depend on the heartbeat: whatever ZooKeeper does, they and
    /// the exit status are those of COMMAND alone.
    Run(RunArgs),
    /// Keep a command; for heartline itself
    #[command(hide = true)]
    Keep(SupervisorArgs),
    /// Become a command; for heartline itself
    #[command(hide = true)]
    Become(ChildExecArgs),
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    match options.tool {
        Tool::Status(status) => status.run(),
        Tool::Zkstats(zkstats) => zkstats.run(),
        Tool::Cluster(cluster) => cluster.run(),
        Tool::Events(events) => events.run(),
        Tool::Nodes(nodes) => nodes.run(),
        Tool::Kill(kill) => kill.run(),
        Tool::Reinit(reinit) => reinit.run(),
        Tool::Interval(interval) => interval.run(),
        Tool::Master(master) => master.run(&mut Options::command()),
        Tool::Member(member) => member.run(&mut Options::command()),
        Tool::Run(run) => run.run(&mut Options::command()),
        Tool::Keep(keep) => keep.run(),
        Tool::Become(stage) => stage.run(),
    }
}
