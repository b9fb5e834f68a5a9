//! `heartline commit`: a command that runs once for a task, from within the task or from a script.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Args, Command};

use super::args::{CommitTarget, Committer};
use super::attempt::Commit;
use heartline_cli::{GraceOptions, ZooKeeperOptions, start_log};
use heartline_core::protocol::Identity;
use heartline_core::template::Template;
use heartline_member::Name;
use heartline_process::say::say;
use heartline_process::wrapped::CommandOutcome;
use heartline_streaming::{Task, die_of_signal};

/// The name of this program in messages.
const PROGRAM: &str = "heartline commit";

const HELP: &str = "\
Exit status: 0 if COMMAND has succeeded, in this attempt or in another; its own status if it failed in this one; 128 or more \
if a signal ended it; 1 if ZooKeeper is unavailable, or --commit-timeout is over; 2 on wrong usage.

Examples:
  heartline commit -- hadoop fs -put -f part.csv /out/{task}.csv
  heartline commit --commit-task import --commit-run 2026-11-30 -- ./import.sh";

/// Run a command by exactly one attempt of a task
///
/// ZooKeeper lets one attempt of the task at a time run COMMAND. Once it has succeeded, other attempts exit with 0 and do not
/// run it; if it fails, or its attempt dies, the next attempt may. It is what --commit-command of heartline run does after
/// its command, for a task that commits itself. It is no member, and sends no heartbeat.
#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub struct CommitArgs {
    /// Command and its arguments; {attempt}, {task} and {job} stand for the ids. Its stdout goes to stderr
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,

    #[command(flatten)]
    target: CommitTarget,

    /// Name of this attempt, outside of Hadoop [default: map and the time of its start]
    #[arg(long, value_name = "NAME", env = "HEARTLINE_NAME")]
    name: Option<Name>,

    #[command(flatten)]
    grace: GraceOptions,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

impl CommitArgs {
    /// Commits. `line` is the clap command, for usage errors.
    pub fn run(self, line: &mut Command) -> ExitCode {
        start_log();
        let commit = self
            .commit()
            .unwrap_or_else(|reason| line.error(ErrorKind::ValueValidation, reason).exit());
        match commit.follow(Ok(CommandOutcome::Status(0))) {
            Ok(CommandOutcome::Status(status)) => ExitCode::from(status),
            Ok(CommandOutcome::Signal(signal)) => die_of_signal(signal),
            // The command's stdout is stderr.
            Ok(CommandOutcome::BrokenPipe) => ExitCode::FAILURE,
            Err(error) => {
                say(PROGRAM, error);
                ExitCode::FAILURE
            }
        }
    }

    fn commit(self) -> Result<Commit, String> {
        let task = Task::of_process();
        let identity = Identity {
            attempt: task.attempt,
            job: task.job,
            ..Identity::default()
        };
        let words = self.command.into_iter().map(OsString::into_string);
        let command = words
            .collect::<Result<Vec<String>, OsString>>()
            .map_err(|word| format!("'{}' is not UTF-8", word.display()))
            .and_then(Template::of_words)
            .map_err(|why| format!("COMMAND: {why}"))?;
        let committer = Committer {
            program: PROGRAM,
            settings: &self.zookeeper.settings(),
            identity: &identity,
            name: &self.name.unwrap_or_else(Name::of_new_mapper),
            grace: self.grace.grace,
        };
        Ok(Commit::new(self.target.plan(committer, &command)?))
    }
}
