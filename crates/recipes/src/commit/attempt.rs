//! One attempt's part in the commit of its task, from the end of its work to its exit status.

use std::io;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use super::command::Run;
use super::permission::{Held, Permission};
use super::plan::{CommitPlan, CommitStop, Limits};
use super::rules::State;
use heartline_process::supervisor::listen;
use heartline_process::wrapped::{ChildEvent, CommandOutcome, Order};
use heartline_zookeeper::Session;

/// How long reporting a failure may take; without a report, the next attempt waits until this session has expired.
const RECORD_FAILURE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long closing the session may take.
const CLOSE: Duration = Duration::from_secs(1);

/// A commit to run after the work.
#[derive(Debug)]
pub struct Commit {
    plan: CommitPlan,
    orders: Order,
    happenings: UnboundedReceiver<ChildEvent>,
}

impl Commit {
    pub(super) fn new(plan: CommitPlan) -> Self {
        let (orders, happenings) = unbounded_channel();
        Self {
            plan,
            orders,
            happenings,
        }
    }

    /// The channel for orders to stop.
    pub fn orders(&self) -> Order {
        self.orders.clone()
    }

    /// Commits, if the work has succeeded and the task is not committed yet. Returns how the program must exit.
    pub fn follow(self, work: io::Result<CommandOutcome>) -> io::Result<CommandOutcome> {
        if !work.as_ref().is_ok_and(|outcome| outcome.is_success()) {
            return work;
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(runtime.block_on(self.carry_out()))
    }

    async fn carry_out(self) -> CommandOutcome {
        listen(&self.orders, ChildEvent::Signal);
        let plan = &self.plan;
        let mut limits = Limits {
            happenings: self.happenings,
            deadline: Instant::now() + plan.timeout,
        };
        let mut permission = Permission::new(plan);
        let (outcome, session) = match permission.wait(&mut limits).await {
            Ok(Some(held)) => commit(plan, held, &mut limits).await,
            Ok(None) => (CommandOutcome::Status(0), permission.take_session()),
            Err(stop) => {
                let late = format!(
                    "no permission to commit {} within {}: {}",
                    plan.task,
                    humantime::format_duration(plan.timeout),
                    permission.waits_for()
                );
                (plan.stopped(stop, &late), permission.take_session())
            }
        };
        if let Some(session) = session {
            // Without an answer, the session ends by its timeout.
            let _ = session.close(CLOSE).await;
        }
        outcome
    }
}

impl CommitPlan {
    /// The outcome after a wait was given up.
    fn stopped(&self, stop: CommitStop, late: &str) -> CommandOutcome {
        match stop {
            CommitStop::Ordered(ChildEvent::Signal(signal)) => {
                return CommandOutcome::Signal(signal);
            }
            CommitStop::Ordered(ChildEvent::Kill(reason)) | CommitStop::Failed(reason) => {
                self.say(reason);
            }
            CommitStop::Ordered(ChildEvent::Started(_) | ChildEvent::Ended(_)) => {}
            CommitStop::Late => self.say(late),
        }
        CommandOutcome::Status(1)
    }
}

/// Runs the command under a claim, and reports how it ended.
async fn commit(
    plan: &CommitPlan,
    held: Held,
    limits: &mut Limits,
) -> (CommandOutcome, Option<Session>) {
    let version = held.version;
    let session = held.znodes.session.clone();
    let run = Run::start(plan, held);
    let outcome = match run {
        Ok(run) => run.wait(limits).await,
        Err(error) => {
            plan.say(format_args!("cannot start the commit command: {error}"));
            CommandOutcome::Status(1)
        }
    };
    let is_success = outcome.is_success();
    let (state, limit) = if is_success {
        (State::Committed, plan.timeout)
    } else {
        (State::Failed, RECORD_FAILURE_TIMEOUT)
    };
    limits.deadline = Instant::now() + limit;
    let mut permission = Permission::with_session(plan, session);
    let recorded = permission
        .record_outcome(version, &plan.record(state), limits)
        .await;
    let session = permission.take_session();
    let outcome = match recorded {
        // The command's failure matters more than the failure to report it.
        _ if !is_success => outcome,
        Ok(None) => outcome,
        Ok(Some(other)) => {
            plan.say(format_args!(
                "the commit command of {} has succeeded, but ZooKeeper now says '{other}'",
                plan.task
            ));
            CommandOutcome::Status(1)
        }
        Err(stop) => {
            let late = format!(
                "the commit command of {} has succeeded, but this could not be recorded: {}",
                plan.task,
                permission.waits_for()
            );
            plan.stopped(stop, &late)
        }
    };
    (outcome, session)
}
