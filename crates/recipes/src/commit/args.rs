//! The command-line options that say what to commit, and how.

use std::env;
use std::ffi::OsString;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Command};

use super::attempt::Commit;
use super::plan::CommitPlan;
use heartline_cli::duration;
use heartline_core::protocol::Identity;
use heartline_core::template::Template;
use heartline_member::{Config, Name};
use heartline_zookeeper::Settings;

/// The variables in which Hadoop passes the ids of task attempt and job.
const VARIABLES: &str = "mapreduce_task_attempt_id and mapreduce_job_id";

/// The options for a command that runs once per task, however many of its attempts finish.
#[derive(Args, Clone, Debug)]
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

    #[command(flatten)]
    target: CommitTarget,
}

/// The options that say what is committed, and how long that may take.
#[derive(Args, Clone, Debug)]
pub(super) struct CommitTarget {
    /// Name of the task, outside of Hadoop: the same for all attempts of one task [default: none; Hadoop names its tasks]
    #[arg(long, value_name = "NAME", env = "HEARTLINE_TASK")]
    task: Option<Name>,

    /// Name of what is committed once [default: the task of Hadoop's task attempt, or --task]
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

/// Who commits: an attempt, and how it reaches ZooKeeper.
#[derive(Clone, Copy, Debug)]
pub(super) struct Committer<'a> {
    /// The name of the program in its messages.
    pub(super) program: &'static str,
    pub(super) settings: &'a Settings,
    pub(super) identity: &'a Identity,
    /// The name of the attempt, where Hadoop gives none.
    pub(super) name: &'a Name,
    /// How long the command may take to end after it was asked to.
    pub(super) grace: Duration,
}

impl CommitOptions {
    /// The name of the task that the user gave, if Hadoop gives none.
    pub fn task(&self, identity: &Identity) -> Option<&Name> {
        self.target.task(identity)
    }

    /// The commit for a member of this configuration, whose command gets `grace` to end; `None` if no commit command is
    /// given. Exits the process if the options are inconsistent.
    pub fn commit(
        &self,
        program: &'static str,
        line: &mut Command,
        config: Option<&Config>,
        grace: Duration,
    ) -> Option<Commit> {
        let mut fail = |reason: &str| line.error(ErrorKind::ValueValidation, reason).exit();
        let Some(template) = &self.commit_command else {
            if self.target.commit_task.is_some() && is_typed(env::args_os()) {
                fail("--commit-task requires --commit-command COMMAND");
            }
            return None;
        };
        let Some(config) = config else {
            fail("--commit-command and --no-heartbeat exclude each other: a commit needs ZooKeeper")
        };
        let committer = Committer {
            program,
            settings: &config.settings,
            identity: &config.identity,
            name: &self.target.attempt(&config.identity, &config.name),
            grace,
        };
        let plan = self.target.plan(committer, template);
        Some(Commit::new(plan.unwrap_or_else(|reason| fail(&reason))))
    }
}

impl CommitTarget {
    fn task(&self, identity: &Identity) -> Option<&Name> {
        self.task.as_ref().filter(|_| identity.attempt.is_none())
    }

    /// The name of this attempt for a member of the name `member`: one of its own where the member's is that of the task,
    /// which all its tries have.
    fn attempt(&self, identity: &Identity, member: &Name) -> Name {
        match self.task(identity) {
            Some(task) if task.as_ref() == member.as_ref() => Name::of_new_mapper(),
            _ => member.clone(),
        }
    }

    /// What to commit: `command` with its places filled. The error says which options or variables do not fit.
    pub(super) fn plan(
        &self,
        committer: Committer<'_>,
        command: &Template,
    ) -> Result<CommitPlan, String> {
        let identity = committer.identity;
        let attempt = match &identity.attempt {
            Some(attempt) if attempt.parse::<Name>().is_err() => {
                return Err(format!(
                    "the attempt's id '{attempt}' may have only letters, digits, '.', '-' and '_'; check {VARIABLES}"
                ));
            }
            Some(attempt) => attempt.clone(),
            None => committer.name.to_string(),
        };
        let task = self.task_to_commit(identity)?;
        let run = self.run_to_commit_in(identity)?;
        if identity.job.is_none() && command.has("job") {
            return Err(format!(
                "the commit command contains {{job}}, but the environment has no job id: {VARIABLES} are not set"
            ));
        }
        let values = [
            ("attempt", attempt.as_str()),
            ("task", &task),
            ("job", identity.job.as_deref().unwrap_or_default()),
        ];
        let command = command
            .fill(&values)
            .map_err(|unfit| format!("the commit command: {unfit}"))?;
        Ok(CommitPlan {
            program: committer.program,
            settings: committer.settings.clone(),
            command,
            task,
            run,
            attempt,
            timeout: self.commit_timeout,
            grace: committer.grace,
        })
    }

    fn task_to_commit(&self, identity: &Identity) -> Result<String, String> {
        let own = self.commit_task.as_ref().or(self.task(identity));
        match (own, identity.task()) {
            (Some(name), _) => Ok(name.to_string()),
            (None, Some(task)) if task.parse::<Name>().is_ok() => Ok(task),
            (None, Some(task)) => Err(format!(
                "the task's id '{task}' may have only letters, digits, '.', '-' and '_'; give --commit-task NAME"
            )),
            (None, None) => Err(
                "a commit needs the name of the task: there is no Hadoop attempt id in the environment; give \
                 --commit-task NAME, the same for all attempts of one task"
                    .to_owned(),
            ),
        }
    }

    fn run_to_commit_in(&self, identity: &Identity) -> Result<Option<String>, String> {
        match (&self.commit_run, &self.commit_task, &identity.job) {
            (Some(run), ..) => Ok(Some(run.to_string())),
            (None, Some(_), Some(job)) if job.parse::<Name>().is_err() => Err(format!(
                "the job's id '{job}' may have only letters, digits, '.', '-' and '_'; give --commit-run ID"
            )),
            (None, Some(_), job) => Ok(job.clone()),
            // The task's id contains the id of its job.
            (None, None, _) => Ok(None),
        }
    }
}

/// Whether `--commit-task` stands on the command line. Elsewhere it may be meant for a `heartline commit` in COMMAND.
fn is_typed(words: impl IntoIterator<Item = OsString>) -> bool {
    let mut options = words.into_iter().take_while(|word| word != "--");
    options.any(|word| {
        let word = word.to_string_lossy();
        word == "--commit-task" || word.starts_with("--commit-task=")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(task: &str) -> CommitTarget {
        CommitTarget {
            task: Some(task.parse().unwrap()),
            commit_task: None,
            commit_run: None,
            commit_timeout: Duration::from_secs(1),
        }
    }

    #[test]
    fn each_try_of_a_named_task_is_an_attempt_of_its_own() {
        let identity = Identity::default();
        let target = target("nightly");
        let task = target.task(&identity).unwrap();
        let [first, second] = [(); 2].map(|()| target.attempt(&identity, task));
        assert_ne!(first.as_ref(), "nightly");
        assert_ne!(first, second);
        assert_eq!(target.task_to_commit(&identity).unwrap(), "nightly");
        let own: Name = "try-2".parse().unwrap();
        assert_eq!(target.attempt(&identity, &own), own);
    }

    #[test]
    fn only_the_words_before_the_command_are_options() {
        let is_typed = |line: &str| is_typed(line.split(' ').map(OsString::from));
        assert!(is_typed("run --commit-task a -- true"));
        assert!(is_typed("run --commit-task=a -- true"));
        assert!(!is_typed("run -- heartline commit --commit-task a -- true"));
        assert!(!is_typed("run --commit-tasks -- true"));
    }
}
