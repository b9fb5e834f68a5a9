//! Waits until this attempt may commit, from session to session, and reports to ZooKeeper how the commit ended.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::time::sleep;

use super::plan::{CommitPlan, CommitStop, Limits};
use super::rules::{Recheck, Record, State, Step, judge, recheck};
use super::znodes::{Made, Znodes};
use crate::membership::lease::LeaseTiming;
use heartline_process::supervisor::{Until, boot_time};
use heartline_zookeeper::{Connector, Failure, Session};

/// The pause before a request that failed is made again.
const PAUSE: Duration = Duration::from_millis(200);

/// A claim that this attempt holds.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) znodes: Znodes,
    /// The version of the task's znode.
    pub(super) version: i32,
    /// How long the claim is certain.
    pub(super) until: Until,
}

/// The connection to ZooKeeper, kept while there is something to wait for or to report.
#[derive(Debug)]
pub(super) struct Permission<'a> {
    plan: &'a CommitPlan,
    connector: Connector,
    session: Option<Session>,
    waits_for: String,
    complained: bool,
}

impl<'a> Permission<'a> {
    pub(super) fn new(plan: &'a CommitPlan) -> Self {
        Self {
            plan,
            connector: Connector::new(plan.settings.clone()),
            session: None,
            waits_for: format!("ZooKeeper at {} gives no session", plan.settings.address),
            complained: false,
        }
    }

    pub(super) fn with_session(plan: &'a CommitPlan, session: Session) -> Self {
        Self {
            session: Some(session),
            waits_for: format!("ZooKeeper at {} gives no answer", plan.settings.address),
            ..Self::new(plan)
        }
    }

    /// What this attempt waits for, in words.
    pub(super) fn waits_for(&self) -> &str {
        &self.waits_for
    }

    pub(super) fn take_session(&mut self) -> Option<Session> {
        self.session.take()
    }

    /// Waits for the claim; returns `None` if the task is already committed.
    pub(super) async fn wait(&mut self, limits: &mut Limits) -> Result<Option<Held>, CommitStop> {
        loop {
            let znodes = self.open(limits).await?;
            match self.ask(&znodes, limits).await? {
                Ok(Step::Run(version)) => {
                    let sent = boot_time();
                    let proof = znodes.clone().prove(version);
                    let made = limits.keep(proof).await?;
                    let until =
                        LeaseTiming::new(znodes.session.timeout(), self.plan.grace).until(sent);
                    // The answer may have waited in this process for longer than it is valid.
                    if made == Ok(Made::Yes) && boot_time() < until.stop_by {
                        self.session = None;
                        return Ok(Some(Held {
                            znodes,
                            version,
                            until,
                        }));
                    }
                }
                Ok(Step::Committed(by)) => {
                    // The time is only for the message: without it, the rest is reported.
                    let when = limits.keep(znodes.written()).await?.ok().flatten();
                    self.plan.say(found(self.plan, &by, when));
                    return Ok(None);
                }
                Ok(Step::Foreign(text)) => {
                    return Err(CommitStop::Failed(format!(
                        "cannot commit: {} says '{text}', which is not a commit state; remove that znode",
                        znodes.session.paths().commit(&self.plan.znode())
                    )));
                }
                Ok(Step::Take(_) | Step::Wait(_)) => {}
                Err(failure) => self.failed(failure, limits).await?,
            }
        }
    }

    /// Reads the znodes, and does what is necessary before the next read.
    async fn ask(
        &mut self,
        znodes: &Znodes,
        limits: &mut Limits,
    ) -> Result<Result<Step, Failure>, CommitStop> {
        let plan = self.plan;
        let (sight, change) = match limits.keep(znodes.look()).await? {
            Ok(seen) => seen,
            Err(failure) => return Ok(Err(failure)),
        };
        let step = judge(&plan.attempt, znodes.session.id(), &sight);
        match &step {
            Step::Take(version) => {
                let record = plan.record(State::Committing);
                let take = znodes.take(*version, &record);
                if let Err(failure) = limits.keep(take).await? {
                    return Ok(Err(failure));
                }
            }
            Step::Wait(other) => {
                let waits_for = format!("{other} is committing {}", plan.task);
                if self.waits_for != waits_for {
                    plan.say(format_args!("waiting: {waits_for}"));
                    self.waits_for = waits_for;
                }
                if let Err(failure) = limits.keep(change).await? {
                    return Ok(Err(failure));
                }
            }
            Step::Run(_) | Step::Committed(_) | Step::Foreign(_) => {}
        }
        Ok(Ok(step))
    }

    /// Replaces `version` by the outcome; returns what other attempts have written if they have gone on meanwhile.
    pub(super) async fn record_outcome(
        &mut self,
        version: i32,
        record: &Record,
        limits: &mut Limits,
    ) -> Result<Option<String>, CommitStop> {
        loop {
            let znodes = self.open(limits).await?;
            let recording = async {
                if znodes.record_outcome(version, record).await? == Made::Yes {
                    return Ok(Recheck::Done);
                }
                let (sight, _) = znodes.look().await?;
                Ok(recheck(record, version, &sight))
            };
            match limits.keep(recording).await? {
                Ok(Recheck::Done) => return Ok(None),
                Ok(Recheck::Overtaken(text)) => return Ok(Some(text)),
                Ok(Recheck::Again) => {}
                Err(failure) => self.failed(failure, limits).await?,
            }
        }
    }

    /// The znodes, in the current session or in a new one.
    async fn open(&mut self, limits: &mut Limits) -> Result<Znodes, CommitStop> {
        let is_over = |session: &Session| session.watch().is_over();
        self.session.take_if(|session| is_over(session));
        let connector = &mut self.connector;
        while self.session.is_none() {
            let diagnosis = match limits.keep(connector.attempt()).await? {
                Ok(session) => {
                    connector.is_well();
                    self.session = Some(session);
                    break;
                }
                Err(diagnosis) => diagnosis,
            };
            // It would close the connection at the first transaction, without a reason.
            if diagnosis.is_too_old() {
                return Err(CommitStop::Failed(format!("cannot commit: {diagnosis}")));
            }
            self.waits_for = format!("ZooKeeper at {}: {diagnosis}", connector.address());
            if diagnosis.is_settled() && !std::mem::replace(&mut self.complained, true) {
                let waits_for = &self.waits_for;
                self.plan.say(format_args!(
                    "waiting for the permission to commit: {waits_for}"
                ));
            }
            limits.keep(connector.pause()).await?;
        }
        match &self.session {
            Some(session) => Ok(Znodes::new(session.clone(), &self.plan.znode())),
            None => Err(CommitStop::Late),
        }
    }

    async fn failed(&mut self, failure: Failure, limits: &mut Limits) -> Result<(), CommitStop> {
        let address = &self.plan.settings.address;
        match failure {
            Failure::Refused(why) => Err(CommitStop::Failed(format!(
                "cannot commit: ZooKeeper at {address} refuses: {why}"
            ))),
            other => {
                self.waits_for = format!("ZooKeeper at {address}: {other}");
                limits.keep(sleep(PAUSE)).await
            }
        }
    }
}

/// The message for a task that is already committed: by which attempt, when, and in which run.
fn found(plan: &CommitPlan, by: &str, when: Option<DateTime<Utc>>) -> String {
    let CommitPlan { task, attempt, .. } = plan;
    let who = if by == attempt {
        "this very attempt"
    } else {
        by
    };
    let when = when.map(|when| when.to_rfc3339_opts(SecondsFormat::Secs, true));
    let when = when.map(|when| format!(" at {when}")).unwrap_or_default();
    let (run, advice) = match (&plan.run, job_of(by)) {
        (Some(run), _) => (format!("run {run}"), ""),
        (None, Some(job)) => (format!("job {job}"), ""),
        (None, None) => (
            "a run without a name".to_owned(),
            "; if that was another run, give each run its own --commit-run ID",
        ),
    };
    format!(
        "{task} is committed already, by {who}{when}, in {run}; {attempt} does not commit{advice}"
    )
}

/// The job of a Hadoop attempt: `job_1_0001` for `attempt_1_0001_m_000000_0`.
fn job_of(attempt: &str) -> Option<String> {
    let mut parts = attempt.strip_prefix("attempt_")?.splitn(3, '_');
    let (cluster, number) = (parts.next()?, parts.next()?);
    parts.next()?;
    Some(format!("job_{cluster}_{number}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_id_contains_its_job() {
        let job = job_of("attempt_local12_0001_m_000000_0");
        assert_eq!(job.as_deref(), Some("job_local12_0001"));
        for other in [
            "map1795.1",
            "attempt_1",
            "attempt_1_2",
            "task_1_0001_m_000000",
        ] {
            assert_eq!(job_of(other), None, "{other}");
        }
    }
}
