//! `heartline`: heartbeats, leader election and cluster tools, one subcommand each. Called by the name of one of the programs
//! for nodes, it is that program.

use std::env::args_os;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use heartline::admin::{IntervalArgs, KillArgs, ReinitArgs};
use heartline::cli;
use heartline::cli::{ChildExecArgs, ConfigArgs, ReferenceArgs, SupervisorArgs};
use heartline::cluster::ClusterArgs;
use heartline::commit::CommitArgs;
use heartline::dashboard::{ExportArgs, RecordArgs, ServeArgs, TopArgs};
use heartline::dedicated_master::DedicatedMasterArgs;
use heartline::doctor::DoctorArgs;
use heartline::events::EventsArgs;
use heartline::generate::{CompletionsArgs, ManArgs};
use heartline::membership::MemberArgs;
use heartline::nodes::NodesArgs;
use heartline::programs::{
    SetupZookeeperArgs, WatchMasterArgs, WatchSlaveArgs, WcMapperArgs, WcReducerArgs, called_by,
};
use heartline::run::RunArgs;
use heartline::status::StatusArgs;
use heartline::wait::WaitArgs;
use heartline::zkstats::ZkstatsArgs;

/// Heartbeats, leader election and cluster tools for Hadoop Streaming
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
    Wait(WaitArgs),
    Serve(ServeArgs),
    Record(RecordArgs),
    Export(ExportArgs),
    Top(TopArgs),
    Zkstats(ZkstatsArgs),
    /// Configure, start, inspect and stop ZooKeeper, HDFS, YARN and Kafka from one description
    Cluster(ClusterArgs),
    Events(EventsArgs),
    /// Distribute the member list to all machines: names in /etc/hosts, SSH authorized keys
    Nodes(NodesArgs),
    Kill(KillArgs),
    Reinit(ReinitArgs),
    Interval(IntervalArgs),
    /// Run any command as a mapper or reducer, with a heartbeat through ZooKeeper
    ///
    /// Starts COMMAND, passes its stdin and stdout through unchanged, sends heartbeats while it runs, and exits
    /// with its status. The records never depend on the heartbeat: whatever ZooKeeper does, they and
    /// the exit status are those of COMMAND alone.
    Run(RunArgs),
    Commit(CommitArgs),
    WcMapper(WcMapperArgs),
    WcReducer(WcReducerArgs),
    Config(ConfigArgs),
    Doctor(DoctorArgs),
    Completions(CompletionsArgs),
    Man(ManArgs),
    SetupZookeeper(SetupZookeeperArgs),
    WatchMaster(WatchMasterArgs),
    WatchSlave(WatchSlaveArgs),
    #[command(hide = true)]
    Reference(ReferenceArgs),
    /// Supervise a command (internal)
    #[command(hide = true)]
    Keep(SupervisorArgs),
    /// Become a command (internal)
    #[command(hide = true)]
    Become(ChildExecArgs),
}

fn main() -> ExitCode {
    if let Some(program) = args_os().next().and_then(|called| called_by(&called)) {
        return program();
    }
    let options: Options = cli::parse();
    match options.tool {
        Tool::Status(status) => status.run(),
        Tool::Wait(wait) => wait.run(),
        Tool::Serve(serve) => serve.run(&mut Options::command()),
        Tool::Record(record) => record.run(),
        Tool::Export(export) => export.run(),
        Tool::Top(top) => top.run(),
        Tool::Zkstats(zkstats) => zkstats.run(),
        Tool::Cluster(cluster) => cluster.run(),
        Tool::Events(events) => events.run(),
        Tool::Nodes(nodes) => nodes.run(),
        Tool::Kill(kill) => kill.run(),
        Tool::Reinit(reinit) => reinit.run(),
        Tool::Interval(interval) => interval.run(),
        Tool::Master(master) => master.run(&mut Options::command()),
        Tool::Member(member) => member.run(&mut Options::command()),
        Tool::Commit(commit) => commit.run(&mut Options::command()),
        Tool::Run(run) => run.run(&mut Options::command()),
        Tool::WcMapper(mapper) => mapper.run(),
        Tool::WcReducer(reducer) => reducer.run(),
        Tool::Doctor(doctor) => doctor.run(),
        Tool::Config(config) => config.run(Options::command()),
        Tool::Completions(completions) => completions.run(Options::command()),
        Tool::Man(man) => man.run(Options::command()),
        Tool::SetupZookeeper(setup) => setup.run(),
        Tool::WatchMaster(watch) => watch.run(),
        Tool::WatchSlave(watch) => watch.run(),
        Tool::Reference(reference) => reference.run(&Options::command()),
        Tool::Keep(keep) => keep.run(),
        Tool::Become(stage) => stage.run(),
    }
}
