//! The command-line options that say what to commit, and how.

use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Command};

use super::attempt::Commit;
use super::plan::CommitPlan;
use heartline_cli::duration;
use heartline_core::template::Template;
use heartline_member::{Config, Name};

/// The variables in which Hadoop passes the ids of task attempt and job.
const VARIABLES: &str = "mapreduce_task_attempt_id and mapreduce_job_id";

/// The options for a command that runs once per task, however many of its attempts finish.
#[derive(Args, Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "they are the options' names")]
pub struct CommitOptions {
    /// Command to run after COMMAND has succeeded, by exactly one attempt of a task; its status becomes the exit
    /// status. Words are split like in a shell, but no shell runs; {attempt}, {task} and {job} stand for the ids, which
    /// consist of letters, digits, '.', '-' and '_'. Its stdout goes to stderr
    #[arg(
        long,
        value_name = "COMMAND",
        env = "HEARTLINE_COMMIT_COMMAND",
        help_heading = "Commit"
    )]
    commit_command: Option<Template>,

    /// Name of what is committed once [default: the task of Hadoop's task attempt]
    #[arg(
        long,
        value_name = "NAME",
        env = "HEARTLINE_COMMIT_TASK",
        help_heading = "Commit"
    )]
    commit_task: Option<Name>,

    /// Run that the task is committed in; a task that was committed in another run is committed again [default: with
    /// --commit-task, the id of Hadoop's job; the ids of Hadoop's own tasks contain it]
    #[arg(
        long,
        value_name = "ID",
        env = "HEARTLINE_COMMIT_RUN",
        help_heading = "Commit"
    )]
    commit_run: Option<Name>,

    /// Time to wait for ZooKeeper, and for another attempt that is committing, before exiting with status 1
    #[arg(
        long,
        value_name = "DURATION",
        env = "HEARTLINE_COMMIT_TIMEOUT",
        default_value = "10m",
        value_parser = duration,
        help_heading = "Commit"
    )]
    commit_timeout: Duration,
}

impl CommitOptions {
    /// The commit for a member of this configuration, whose command gets `grace` to end; `None` if no commit command is
    /// given. Exits the process if the options are inconsistent.
    #[expect(clippy::too_many_lines, reason = "one check for each option")]
    pub fn commit(
        &self,
        program: &'static str,
        line: &mut Command,
        config: Option<&Config>,
        grace: Duration,
    ) -> Option<Commit> {
        let mut fail = |reason: &str| line.error(ErrorKind::ValueValidation, reason).exit();
        let Some(template) = &self.commit_command else {
            if self.commit_task.is_some() {
                fail("--commit-task requires --commit-command COMMAND");
            }
            return None;
        };
        let Some(config) = config else {
            fail("--commit-command and --no-heartbeat exclude each other: a commit needs ZooKeeper")
        };
        let identity = &config.identity;
        let task = match (&self.commit_task, identity.task()) {
            (Some(name), _) => name.to_string(),
            (None, Some(task)) if task.parse::<Name>().is_ok() => task,
            (None, Some(task)) => fail(&format!(
                "the task's id '{task}' may have only letters, digits, '.', '-' and '_'; give --commit-task NAME"
            )),
            (None, None) => fail(
                "--commit-command needs the name of the task: there is no Hadoop attempt id in the \
                 environment; give --commit-task NAME, the same for all attempts of one task",
            ),
        };
        let attempt = match &identity.attempt {
            Some(attempt) if attempt.parse::<Name>().is_err() => fail(&format!(
                "the attempt's id '{attempt}' may have only letters, digits, '.', '-' and '_'; check {VARIABLES}"
            )),
            Some(attempt) => attempt.clone(),
            None => config.name.to_string(),
        };
        let run = match (&self.commit_run, &self.commit_task, &identity.job) {
            (Some(run), ..) => Some(run.to_string()),
            (None, Some(_), Some(job)) if job.parse::<Name>().is_err() => fail(&format!(
                "the job's id '{job}' may have only letters, digits, '.', '-' and '_'; give --commit-run ID"
            )),
            (None, Some(_), job) => job.clone(),
            // The task's id contains the id of its job.
            (None, None, _) => None,
        };
        if identity.job.is_none() && template.has("job") {
            fail(&format!(
                "--commit-command contains {{job}}, but the environment has no job id: {VARIABLES} are not set"
            ));
        }
        let values = [
            ("attempt", attempt.as_str()),
            ("task", &task),
            ("job", identity.job.as_deref().unwrap_or_default()),
        ];
        let command = match template.fill(&values) {
            Ok(command) => command,
            Err(unfit) => fail(&format!("--commit-command: {unfit}")),
        };
        Some(Commit::new(CommitPlan {
            program,
            settings: config.settings.clone(),
            command,
            task,
            run,
            attempt,
            timeout: self.commit_timeout,
            grace,
        }))
    }
}
