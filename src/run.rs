//! `heartline run`: any command as a mapper or reducer, with a heartbeat.

mod seen;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::{Args, Command};
use tokio::sync::mpsc::unbounded_channel;

use self::seen::Seen;
use crate::cli::{GraceOptions, MemberOptions, start_log};
use crate::commit::{Commit, CommitOptions};
use crate::member::{Kill, Reporter, Reporting};
use crate::progress::Progress;
use crate::protocol::Ending;
use crate::say::say;
use crate::stdio;
use crate::streaming::{Task, die_of_broken_pipe, die_of_signal};
use crate::vitals::SampleTarget;
use crate::wrapped::{
    ChildEvent, ChildEvents, ChildObserver, CommandOutcome, UnreadInput, Wrapped,
};

/// The name of this program in messages.
const PROGRAM: &str = "heartline run";

const HELP: &str = "\
Examples:
  hadoop jar hadoop-streaming.jar -files heartline,mapper.py … \\
      -mapper 'heartline run -- ./mapper.py' -reducer 'heartline run -- ./reducer.py'
  heartline run --commit-command 'mv {attempt}.part {task}.out' -- ./export.py
  cat access.log | heartline run --zookeeper zk1:2181 -- grep ERROR | sort

Every option can also be a property of a Hadoop job: -D heartline.zookeeper=zk1:2181

Commit: with --commit-command, ZooKeeper lets one attempt of the task at a time run the command. Once it
has succeeded, other attempts exit with 0 and do not run it. If ZooKeeper is unavailable for most of the
session timeout, the command is ended before another attempt can begin. Then, and when --commit-timeout
is over, the exit status is 1, and Hadoop tries again. COMMAND's output is written before the commit, and
is not undone. If ZooKeeper becomes unavailable at the moment in which a commit succeeds, and stays so for
longer than that, the commit may be run again. Hadoop kills a task that reports nothing for
mapreduce.task.timeout, 10 minutes by default: a commit that takes longer has to write to stderr.
With --commit-task, a commit counts only for its run, which is that of --commit-run or Hadoop's job.
If no run has a name, tasks that an earlier run committed stay committed; stderr reports by target and when.

Exit status: that of COMMAND; 128 or more if a signal ended it; 127 if it does not exist; 126 if it
cannot be run; 1 if stdout is closed, or if the heartbeat is required and unavailable; 2 on wrong usage.
SIGTERM, SIGINT and SIGHUP first end COMMAND and all processes that it has started. If it ends with 0,
processes that it leaves behind may continue for --grace; then they are ended too. None of them survives
a kill -9 of heartline.";

/// The options of `heartline run`.
#[derive(Args, Debug)]
#[command(after_long_help = HELP)]
pub struct RunArgs {
    /// Command and its arguments. It gets the stdin, stdout, stderr and environment that heartline was started
    /// with
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,

    #[command(flatten)]
    grace: GraceOptions,

    /// Once COMMAND has ended with 0, read and discard the rest of stdin: Hadoop fails a task whose
    /// command does not read all of its input
    #[arg(
        long,
        env = "HEARTLINE_DRAIN_INPUT",
        value_parser = FalseyValueParser::new()
    )]
    drain_input: bool,

    #[command(flatten)]
    commit: CommitOptions,

    #[command(flatten)]
    member: MemberOptions,
}

impl RunArgs {
    /// Runs the command. `line` is the clap command, for usage errors.
    #[expect(
        clippy::too_many_lines,
        reason = "one check for each option, then the run"
    )]
    pub fn run(self, line: &mut Command) -> ExitCode {
        start_log();
        let task = Task::of_process();
        let is_task = task.attempt.is_some();
        let mut config = self.member.config(line, &task);
        if let Some(config) = &mut config
            && !config.name.is_given()
            && let Some(name) = self.commit.task(&config.identity)
        {
            config.name = name.clone();
        }
        let reporter = Reporter {
            program: PROGRAM,
            config,
            task,
            required: self.member.require_zookeeper,
            stall_policy: self.member.stall.stall_policy(),
        };
        let progress = Arc::new(Progress::default());
        let config = reporter.config.as_ref();
        let commit = self.commit.commit(PROGRAM, line, config, self.grace.grace);
        if !stdio::has_stdout() {
            return fail(format!("cannot write stdout: {}", stdio::closed()));
        }
        // Until the command runs there is nothing to end first: signals have their usual effect.
        let (orders, happenings) = unbounded_channel();
        let kills = [Some(orders.clone()), commit.as_ref().map(Commit::orders)];
        let kill: Kill = Arc::new(move |reason| {
            for kill in kills.iter().flatten() {
                // A command that has ended needs no order.
                let _ = kill.send(ChildEvent::Kill(reason.clone()));
            }
        });
        let mut reporting = match reporter.start(Arc::clone(&progress), Some(kill)) {
            Ok(reporting) => reporting,
            Err(reason) => return fail(reason),
        };
        let unread_input = if self.drain_input {
            UnreadInput::Drain
        } else if is_task {
            UnreadInput::CloseAndReport
        } else {
            UnreadInput::Close
        };
        let outcome = run(
            self.command,
            self.grace.grace,
            &progress,
            unread_input,
            (orders, happenings),
            &mut reporting,
        );
        reporting.watch_no_more();
        let outcome = match commit {
            Some(commit) => commit.follow(outcome),
            None => outcome,
        };
        let is_success = outcome.as_ref().is_ok_and(|outcome| outcome.is_success());
        reporting.end(if is_success {
            Ending::Finished
        } else {
            Ending::Failed
        });
        match outcome {
            Ok(CommandOutcome::Status(status)) => ExitCode::from(status),
            Ok(CommandOutcome::BrokenPipe) => die_of_broken_pipe(),
            Ok(CommandOutcome::Signal(signal)) => die_of_signal(signal),
            Err(error) => fail(format!("cannot start the command: {error}")),
        }
    }
}

fn run(
    command: Vec<OsString>,
    grace: Duration,
    progress: &Arc<Progress>,
    unread_input: UnreadInput,
    orders: ChildEvents,
    reporting: &mut Reporting,
) -> std::io::Result<CommandOutcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let wrapped = Wrapped::start(PROGRAM, command, grace, progress, unread_input, orders)?;
        let mut observer = Observer {
            seen: Seen(wrapped.streams()),
            reporting,
        };
        Ok(wrapped.wait(&mut observer).await)
    })
}

/// Monitors the command while it runs.
struct Observer<'a> {
    seen: Seen,
    reporting: &'a mut Reporting,
}

impl ChildObserver for Observer<'_> {
    fn started(&mut self, pid: u32) {
        let (ends, seen) = (self.seen.ends(), self.seen.clone());
        self.reporting.watch(SampleTarget::Tree(pid), ends, seen);
    }

    fn ended(&mut self) {
        self.reporting.watch_no_more();
    }

    fn killed(&mut self) {
        self.reporting.on_failure()();
    }
}

fn fail(reason: String) -> ExitCode {
    say(PROGRAM, reason);
    ExitCode::FAILURE
}
