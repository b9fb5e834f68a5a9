//! Waits until this attempt may commit, from session to session; and says there how the commit ended.

use std::time::Duration;

use tokio::time::sleep;

use super::attempt::{Limits, Plan, Stop};
use super::rules::{Record, State, Step, Telling, judge, recheck};
use super::znodes::{Made, Znodes};
use crate::coordination::{Diagnosis, Failure, Session};
use crate::keeper::{Until, boot_time};
use crate::membership::lease::Terms;

/// Between two attempts to reach ZooKeeper.
const PAUSE: Duration = Duration::from_millis(200);

/// A claim that is this attempt's.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) znodes: Znodes,
    /// Of the task's znode.
    pub(super) version: i32,
    /// How long that is certain.
    pub(super) until: Until,
}

/// The way to ZooKeeper, while there is something to be had or to be said.
#[derive(Debug)]
pub(super) struct Permission<'a> {
    plan: &'a Plan,
    session: Option<Session>,
    waits_for: String,
    complained: bool,
}

impl<'a> Permission<'a> {
    pub(super) fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            session: None,
            waits_for: format!("ZooKeeper at {} gives no session", plan.settings.address),
            complained: false,
        }
    }

    pub(super) fn with_session(plan: &'a Plan, session: Session) -> Self {
        Self {
            session: Some(session),
            waits_for: format!("ZooKeeper at {} gives no answer", plan.settings.address),
            ..Self::new(plan)
        }
    }

    /// What is waited for, for people.
    pub(super) fn waits_for(&self) -> &str {
        &self.waits_for
    }

    pub(super) fn take_session(&mut self) -> Option<Session> {
        self.session.take()
    }

    /// Waits for the claim; nothing is to be done if the task is committed.
    pub(super) async fn wait(&mut self, limits: &mut Limits) -> Result<Option<Held>, Stop> {
        loop {
            let znodes = self.open(limits).await?;
            match self.ask(&znodes, limits).await? {
                Ok(Step::Run(version)) => {
                    let sent = boot_time();
                    let proof = znodes.clone().prove(version);
                    let made = limits.keep(proof).await?;
                    let until = Terms::new(znodes.session.timeout(), self.plan.grace).until(sent);
                    // The answer may have been waiting for us longer than it is good for.
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
                    let Plan { task, attempt, .. } = self.plan;
                    if by == *attempt {
                        self.plan.say(format_args!(
                            "{task} is committed already, by this very attempt"
                        ));
                    } else {
                        self.plan.say(format_args!(
                            "{task} is committed already, by {by}; {attempt} does not commit"
                        ));
                    }
                    return Ok(None);
                }
                Ok(Step::Foreign(text)) => {
                    return Err(Stop::Failed(format!(
                        "cannot commit: {} says '{text}', which is no state of a commit; remove it",
                        znodes.session.paths().commit(&self.plan.task)
                    )));
                }
                Ok(Step::Take(_) | Step::Wait(_)) => {}
                Err(failure) => self.failed(failure, limits).await?,
            }
        }
    }

    /// Looks, and does what has to be done before the next look.
    async fn ask(
        &mut self,
        znodes: &Znodes,
        limits: &mut Limits,
    ) -> Result<Result<Step, Failure>, Stop> {
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

    /// Says how it ended, in place of `version`; what others have said meanwhile, if they have gone on.
    pub(super) async fn tell(
        &mut self,
        version: i32,
        record: &Record,
        limits: &mut Limits,
    ) -> Result<Option<String>, Stop> {
        loop {
            let znodes = self.open(limits).await?;
            let telling = async {
                if znodes.tell(version, record).await? == Made::Yes {
                    return Ok(Telling::Done);
                }
                let (sight, _) = znodes.look().await?;
                Ok(recheck(record, version, &sight))
            };
            match limits.keep(telling).await? {
                Ok(Telling::Done) => return Ok(None),
                Ok(Telling::Overtaken(text)) => return Ok(Some(text)),
                Ok(Telling::Again) => {}
                Err(failure) => self.failed(failure, limits).await?,
            }
        }
    }

    /// The znodes, in the session that there is or in a new one.
    async fn open(&mut self, limits: &mut Limits) -> Result<Znodes, Stop> {
        let is_over = |session: &Session| session.watch().is_over();
        self.session.take_if(|session| is_over(session));
        let settings = &self.plan.settings;
        while self.session.is_none() {
            if let Ok(session) = limits.keep(Session::open(settings)).await? {
                self.session = Some(session);
                break;
            }
            let diagnosis = limits.keep(Diagnosis::of(&settings.address)).await?;
            self.waits_for = format!("ZooKeeper at {}: {diagnosis}", settings.address);
            if diagnosis.is_settled() && !std::mem::replace(&mut self.complained, true) {
                let waits_for = &self.waits_for;
                self.plan.say(format_args!(
                    "waiting for the permission to commit: {waits_for}"
                ));
            }
            limits.keep(sleep(PAUSE)).await?;
        }
        match &self.session {
            Some(session) => Ok(Znodes::new(session.clone(), &self.plan.task)),
            None => Err(Stop::Late),
        }
    }

    async fn failed(&mut self, failure: Failure, limits: &mut Limits) -> Result<(), Stop> {
        let address = &self.plan.settings.address;
        match failure {
            Failure::Refused(why) => Err(Stop::Failed(format!(
                "cannot commit: ZooKeeper at {address} refuses: {why}"
            ))),
            other => {
                self.waits_for = format!("ZooKeeper at {address}: {other}");
                limits.keep(sleep(PAUSE)).await
            }
        }
    }
}
