//! One session of a member: executes the actions of the claim, and proves the claim repeatedly while it holds.

use std::collections::BTreeSet;
use std::fmt;
use std::future::pending;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, channel};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep_until};

use super::PROGRAM;
use super::claim::{Claim, ClaimAction};
use super::lease::LeaseTiming;
use super::requests::{ZnodeReply, ZnodeRequests};
use super::runner::GroupRunner;
use heartline_core::text;
use heartline_process::say::say;
use heartline_zookeeper::{Connection, Session};

/// The capacity of the channel: more than all tasks can reply at once.
const INBOX: usize = 64;
/// The most skipped workers that a session reports by name.
const MOST_PASSED_OVER: usize = 64;
/// How long closing the session may take.
const CLOSE: Duration = Duration::from_secs(1);

/// One session of a member.
pub(super) struct GroupSession<'a> {
    runner: &'a mut GroupRunner,
    asking: ZnodeRequests,
    inbox: Receiver<ZnodeReply>,
    claim: Claim,
    path: String,
    workers: Option<String>,
    session_timeout: Duration,
    /// When the claim must be proven again.
    prove_at: Instant,
    proving: bool,
    watching: Option<AbortHandle>,
    listing: Option<AbortHandle>,
    tasks: JoinSet<()>,
    complained: &'a mut bool,
    /// The paths of the znodes that were reported as unusable.
    named: BTreeSet<String>,
}

impl<'a> GroupSession<'a> {
    pub(super) fn new(
        runner: &'a mut GroupRunner,
        session: Session,
        complained: &'a mut bool,
    ) -> Self {
        let (outside, inbox) = channel(INBOX);
        let plan = &runner.plan;
        Self {
            claim: Claim::new(session.id()),
            path: plan.absolute(&plan.path),
            workers: plan.workers.as_ref().map(|path| plan.absolute(path)),
            session_timeout: session.timeout(),
            asking: ZnodeRequests {
                session,
                inbox: outside,
            },
            inbox,
            prove_at: Instant::now(),
            proving: false,
            watching: None,
            listing: None,
            tasks: JoinSet::new(),
            complained,
            named: BTreeSet::new(),
            runner,
        }
    }

    /// Runs until the session is over, or the member has left.
    pub(super) async fn run(mut self) {
        let mut states = self.asking.session.watch();
        self.claim.connected();
        loop {
            self.act();
            while self.tasks.try_join_next().is_some() {}
            if self.runner.leaving().is_some() {
                break;
            }
            let proof = (self.claim.is_certain() && !self.proving).then_some(self.prove_at);
            tokio::select! {
                biased;
                state = states.changed() => match state {
                    Connection::Connected => {
                        *self.complained = false;
                        self.stop_tasks();
                        self.claim.connected();
                    }
                    Connection::Disconnected => {
                        self.stop_tasks();
                        self.claim.disconnected();
                        self.complain("the connection to ZooKeeper is lost; waiting for it");
                    }
                    Connection::Ended => {
                        self.runner.lost();
                        break;
                    }
                },
                () = self.runner.next() => {}
                () = due(proof) => {
                    self.proving = true;
                    self.tasks.spawn(self.asking.clone().prove(self.path.clone()));
                }
                Some(answer) = self.inbox.recv() => self.answered(answer),
            }
        }
        self.tasks.shutdown().await;
        drop(states);
        // Closing removes the znode. Without an answer, the session ends by its timeout.
        let _ = self.asking.session.close(CLOSE).await;
    }

    fn act(&mut self) {
        while let Some(action) = self.claim.poll_action() {
            match action {
                ClaimAction::Create { generation } => {
                    let (path, value) = (self.path.clone(), self.runner.plan.address.clone());
                    self.tasks
                        .spawn(self.asking.clone().create(generation, path, value));
                }
                ClaimAction::Look { generation } => {
                    let look = self.asking.clone().look(generation, self.path.clone());
                    let look = self.tasks.spawn(look);
                    if let Some(earlier) = self.watching.replace(look) {
                        earlier.abort();
                    }
                }
                ClaimAction::Hold { epoch } => self.runner.held(epoch),
                ClaimAction::Wait { holder } => self.runner.waiting(holder),
                ClaimAction::Lose => self.runner.lost(),
            }
        }
        let Some(path) = &self.workers else { return };
        let reports = self.claim.is_certain() && self.runner.is_active();
        if reports && self.listing.is_none() {
            let follow = self.asking.clone().follow_workers(path.clone());
            self.listing = Some(self.tasks.spawn(follow));
        } else if !reports && let Some(listing) = self.listing.take() {
            listing.abort();
        }
    }

    fn answered(&mut self, answer: ZnodeReply) {
        match answer {
            ZnodeReply::Created(generation, made) => {
                self.claim.created(generation, made.map(|(epoch, _)| epoch));
                if let (Some((_, sent)), true) = (made, self.claim.is_certain()) {
                    self.act();
                    self.proven(sent);
                }
            }
            ZnodeReply::Looked(generation, seen) => {
                let was_certain = self.claim.is_certain();
                if seen.as_ref().is_some_and(|seen| seen.owner == 0) {
                    self.name_ownerless();
                }
                self.claim.looked(generation, seen);
                if !was_certain {
                    self.prove_at = Instant::now();
                }
            }
            ZnodeReply::Changed(generation) => self.claim.changed(generation),
            ZnodeReply::Proven(sent) => {
                self.proving = false;
                // A request from before the claim was lost proves nothing.
                if self.claim.is_certain() {
                    self.proven(sent);
                }
            }
            ZnodeReply::Missing => {
                self.proving = false;
                self.claim.doubted();
                self.prove_next();
            }
            ZnodeReply::Unproven => {
                self.proving = false;
                self.prove_next();
            }
            ZnodeReply::Workers(workers) => self.runner.workers(workers),
            ZnodeReply::PassedOver(path, why) => self.pass_over(&path, &why),
            ZnodeReply::Refused(path, why) => {
                let shown = text::line(&path);
                self.name_once(
                    &path,
                    format_args!("ZooKeeper refuses {shown}: {why}; trying again"),
                );
            }
        }
    }

    fn proven(&mut self, sent: Duration) {
        *self.complained = false;
        self.runner.proven(sent, self.session_timeout);
        self.prove_next();
    }

    fn prove_next(&mut self) {
        self.prove_at =
            Instant::now() + LeaseTiming::new(self.session_timeout, Duration::ZERO).every();
    }

    /// Stops the tasks that depend on the connection.
    fn stop_tasks(&mut self) {
        for task in [self.watching.take(), self.listing.take()]
            .into_iter()
            .flatten()
        {
            task.abort();
        }
    }

    /// Reports a worker's znode that cannot be read.
    fn pass_over(&mut self, path: &str, why: &str) {
        if self.named.len() < MOST_PASSED_OVER {
            let shown = text::line(path);
            self.name_once(path, format_args!("{shown} is passed over: {why}"));
        }
    }

    /// Reports that the znode will not go with any session, so that nobody can become active.
    fn name_ownerless(&mut self) {
        let path = self.path.clone();
        self.name_once(
            &path,
            format_args!("no session owns {path}, so it stays until it is removed by hand"),
        );
    }

    /// Says something about the znode at this path, once for each session.
    fn name_once(&mut self, path: &str, what: fmt::Arguments<'_>) {
        if self.named.insert(path.to_owned()) {
            say(PROGRAM, what);
        }
    }

    fn complain(&mut self, what: &str) {
        if !std::mem::replace(self.complained, true) {
            say(PROGRAM, what);
        }
    }
}

/// Returns at this time; never if it is `None`.
async fn due(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}
