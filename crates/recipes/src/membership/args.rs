//! The command line of `heartline member`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::{Args, Command, Subcommand};

use super::PROGRAM;
use super::activation::ExitCause;
use super::plan::{Events, HostPort, MemberPlan, Znode};
use super::session_loop;
use heartline_cli::{ZooKeeperOptions, duration, start_log};
use heartline_member::Name;
use heartline_process::files::append_to_any;
use heartline_process::say::say;
use heartline_process::stdio;
use heartline_streaming::{die_of_broken_pipe, die_of_signal};
use heartline_zookeeper::{GROUP_MASTER, GROUP_WORKERS};

/// The options of `heartline member`.
#[derive(Args, Debug)]
pub struct MemberArgs {
    #[command(subcommand)]
    part: Part,
}

#[derive(Subcommand, Debug)]
enum Part {
    /// Run as the active master, or as a backup that takes over
    ///
    /// Creates the ephemeral znode --path with the value --address. The member that succeeds is active; all others are
    /// backups, which watch the znode and try again as soon as it is gone. The active member watches the workers and
    /// reports which join and leave. zkCli.sh and other programs that do the same with plain znodes can take part.
    #[command(after_long_help = EXAMPLES_MASTER)]
    Master(MasterArgs),
    /// Register as a worker
    ///
    /// Creates the ephemeral znode NAME below --workers with the value --address, and creates it again whenever it is
    /// lost, until stopped. While another member holds the name, this one waits as a backup.
    #[command(after_long_help = EXAMPLES_WORKER)]
    Worker(WorkerArgs),
}

const EXAMPLES_MASTER: &str = "\
Examples:
  heartline member master --address m1:2223 -- ./serve --port 2223
      runs ./serve only while this one is the active master
  heartline member master --address m1:2223 --hook 'jq -c .workers >> workers.log'
      runs only a shell command for each event

Each event is a line of JSON: time, event (active, backup, inactive, worker-joined,
worker-left), node, address. An active event adds the epoch, a backup event the active
member, a worker event the list of all workers.";

const EXAMPLES_WORKER: &str = "\
Example:
  heartline member worker --address w1:2224 -- ./work --port 2224
      /workers/w1 has the value w1:2224 while ./work runs; ./work runs only while the znode exists";

#[derive(Args, Debug)]
struct MasterArgs {
    /// Znode that names the active master
    #[arg(long, value_name = "PATH", default_value = GROUP_MASTER)]
    path: Znode,

    /// Parent znode of the workers' znodes
    #[arg(long, value_name = "PATH", default_value = GROUP_WORKERS)]
    workers: Znode,

    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args, Debug)]
struct WorkerArgs {
    /// Parent znode of the workers' znodes
    #[arg(long, value_name = "PATH", default_value = GROUP_WORKERS)]
    workers: Znode,

    /// Name of this worker's znode [default: the host of --address]
    #[arg(long, value_name = "NAME")]
    name: Option<Name>,

    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Args, Debug)]
struct CommonArgs {
    /// Command to run while this member is active. It is stopped before another member is active. When it ends
    /// on its own, the member leaves and exits with its status
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<OsString>,

    /// Address of this member: the value of its znode
    #[arg(long, value_name = "HOST:PORT")]
    address: HostPort,

    #[arg(
        long,
        value_name = "COMMAND",
        help = "Shell command to run for each event, with the event's JSON on stdin and HEARTLINE_EVENT, \
                HEARTLINE_NODE and HEARTLINE_ADDRESS in its environment. Only one runs at a time; of the events \
                during a run, only the newest is kept for the next run"
    )]
    hook: Option<String>,

    /// Destination of the events: a file, '-' for stdout, or 'stderr' [default: stdout; stderr with COMMAND, which has
    /// stdout for itself]
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,

    /// Time COMMAND has to end after SIGTERM before it is killed; at most a quarter of the session timeout when
    /// ZooKeeper is lost
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    stop_grace: Duration,

    /// Exit with status 1 if ZooKeeper is not reachable at the start, instead of waiting for it
    #[arg(
        long,
        env = "HEARTLINE_REQUIRE_ZOOKEEPER",
        value_parser = FalseyValueParser::new()
    )]
    require_zookeeper: bool,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

impl MemberArgs {
    /// Runs the selected subcommand. `command` is the whole command line, for usage errors.
    pub fn run(self, command: &mut Command) -> ExitCode {
        let plan = match self.part {
            Part::Master(master) => master.plan(),
            Part::Worker(worker) => worker.plan(),
        };
        match plan {
            Ok(plan) => live(plan),
            Err(reason) => command.error(ErrorKind::ValueValidation, reason).exit(),
        }
    }
}

impl MasterArgs {
    fn plan(self) -> Result<MemberPlan, String> {
        if self.path.contains(&self.workers) || self.workers.contains(&self.path) {
            return Err(format!(
                "--path {} and --workers {} must not be equal or contain each other; \
                 give them different paths, as in --path /app/master --workers /app/workers",
                self.path.as_str(),
                self.workers.as_str()
            ));
        }
        let workers = Some(self.workers.as_str().to_owned());
        self.common.plan(self.path.as_str().to_owned(), workers)
    }
}

impl WorkerArgs {
    fn plan(self) -> Result<MemberPlan, String> {
        let host = self.common.address.host();
        let name = match &self.name {
            Some(name) => name.clone(),
            None => host.parse().map_err(|why| {
                format!(
                    "--address: '{host}' cannot be the worker's name ({why}); give one with --name"
                )
            })?,
        };
        let path = format!("{}/{name}", self.workers.as_str());
        self.common.plan(path, None)
    }
}

impl CommonArgs {
    fn plan(self, path: String, workers: Option<String>) -> Result<MemberPlan, String> {
        if let Some(program) = self.command.first() {
            find(Path::new(program))?;
        }
        let events = match self.events.as_deref() {
            None if self.command.is_empty() => Events::Stdout,
            None => Events::Stderr,
            Some(path) if path == "-" => Events::Stdout,
            Some(path) if path == "stderr" => Events::Stderr,
            Some(path) => Events::File(append_to_any(path).map_err(|why| {
                format!(
                    "--events {}: {why}; name a file that can be written",
                    path.display()
                )
            })?),
        };
        Ok(MemberPlan {
            settings: self.zookeeper.settings(),
            path,
            workers,
            address: self.address.as_str().to_owned(),
            command: self.command,
            grace: self.stop_grace,
            hook: self.hook,
            events,
            require_zookeeper: self.require_zookeeper,
        })
    }
}

/// Looks the program up as it will be looked up when it runs, so that a fault shows at the start.
fn find(program: &Path) -> Result<(), String> {
    if program.components().count() > 1 || program.is_absolute() {
        if program.is_file() {
            return Ok(());
        }
        return Err(format!("there is no program {}", program.display()));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
        return Ok(());
    }
    Err(format!(
        "there is no program '{0}' on the PATH; write the program's path, or sh -c '{0}' for a shell command",
        program.display()
    ))
}

/// Runs a member's process from start to exit.
fn live(plan: MemberPlan) -> ExitCode {
    start_log();
    // The command writes to stdout too.
    let is_wanted = matches!(plan.events, Events::Stdout) || !plan.command.is_empty();
    if is_wanted && !stdio::has_stdout() {
        say(
            PROGRAM,
            format_args!("cannot write stdout: {}", stdio::closed()),
        );
        return ExitCode::FAILURE;
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            say(PROGRAM, error);
            return ExitCode::FAILURE;
        }
    };
    let (runner, outcome) = runtime.block_on(session_loop::live(plan));
    runner.close();
    match outcome {
        Ok(ExitCause::Status(status)) => ExitCode::from(status),
        Ok(ExitCause::BrokenPipe) => die_of_broken_pipe(),
        Ok(ExitCause::Signal(signal)) => die_of_signal(signal),
        Err(diagnosis) => {
            say(PROGRAM, format_args!("ZooKeeper is required: {diagnosis}"));
            ExitCode::FAILURE
        }
    }
}
