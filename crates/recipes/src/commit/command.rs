//! Runs the commit command for as long as the claim is certain; the claim is proven repeatedly meanwhile.

use std::ffi::OsString;
use std::fs::File;
use std::future::pending;
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::permission::Held;
use super::plan::{CommitPlan, Limits};
use super::znodes::Made;
use crate::membership::lease::LeaseTiming;
use heartline_process::supervisor::{ChildSpec, Ended, SupervisorHandle, boot_time};
use heartline_process::wrapped::{ChildEvent, CommandOutcome};
use heartline_zookeeper::{Connection, Failure};

/// A proof in transit: when it was sent, and whether the claim still holds.
type Proof = Pin<Box<dyn Future<Output = (Duration, Result<Made, Failure>)> + Send>>;

/// The running command.
pub(super) struct Run<'a> {
    plan: &'a CommitPlan,
    held: Held,
    terms: LeaseTiming,
    handle: SupervisorHandle,
    proof: Option<Proof>,
    prove_at: Instant,
    /// How to exit after an order.
    ordered: Option<CommandOutcome>,
    is_lost: bool,
}

impl<'a> Run<'a> {
    /// Starts the command; must be called within a runtime.
    pub(super) fn start(plan: &'a CommitPlan, held: Held) -> io::Result<Self> {
        let spec = ChildSpec {
            program: plan.program,
            command: plan.command.iter().map(OsString::from).collect(),
            environment: vec![
                ("HEARTLINE_ATTEMPT", plan.attempt.clone()),
                ("HEARTLINE_TASK", plan.task.clone()),
            ],
            until: held.until,
            grace: plan.grace,
            // Nothing of the command may be left when its end is reported to others.
            drain_time: Duration::ZERO,
            is_all: true,
        };
        let null = File::open("/dev/null")?;
        // Stdout is reserved for records.
        let stderr = io::stderr();
        let handle = SupervisorHandle::start(&spec, [null.as_fd(), stderr.as_fd()])?;
        Ok(Self {
            terms: LeaseTiming::new(held.znodes.session.timeout(), plan.grace),
            plan,
            held,
            handle,
            proof: None,
            prove_at: Instant::now(),
            ordered: None,
            is_lost: false,
        })
    }

    /// Waits until the command has ended.
    pub(super) async fn wait(mut self, limits: &mut Limits) -> CommandOutcome {
        let mut states = self.held.znodes.session.watch();
        let ended = loop {
            tokio::select! {
                biased;
                ended = self.handle.ended() => break ended,
                Some(happening) = limits.happenings.recv() => self.ordered(happening),
                state = states.changed() => if state == Connection::Ended {
                    self.lost();
                },
                (sent, made) = answer(&mut self.proof) => self.proven(sent, &made),
                () = sleep_until(self.prove_at), if self.proof.is_none() && !self.is_lost => {
                    let proof = self.held.znodes.clone().prove(self.held.version);
                    self.proof = Some(Box::pin(async move {
                        let sent = boot_time();
                        (sent, proof.await)
                    }));
                }
            }
        };
        self.outcome(ended)
    }

    fn proven(&mut self, sent: Duration, made: &Result<Made, Failure>) {
        self.proof = None;
        self.prove_at = Instant::now() + self.terms.every();
        match made {
            Ok(Made::Yes) => {
                let until = self.terms.until(sent);
                // The answer may have waited in this process for longer than it is valid.
                if boot_time() < until.stop_by {
                    self.handle.renew(until);
                }
            }
            Ok(Made::Outdated) => self.lost(),
            // The connection may come back in time.
            Err(_) => {}
        }
    }

    /// The claim is lost: another attempt may start, so this command is stopped.
    fn lost(&mut self) {
        self.is_lost = true;
        self.handle.stop(Duration::ZERO);
    }

    fn ordered(&mut self, happening: ChildEvent) {
        let is_first = self.ordered.is_none();
        let grace = if is_first {
            self.plan.grace
        } else {
            Duration::ZERO
        };
        match happening {
            ChildEvent::Signal(signal) => {
                self.ordered.get_or_insert(CommandOutcome::Signal(signal));
            }
            ChildEvent::Kill(reason) => {
                self.plan.say(reason);
                self.ordered.get_or_insert(CommandOutcome::Status(1));
            }
            ChildEvent::Started(_) | ChildEvent::Ended(_) => return,
        }
        self.handle.stop(grace);
    }

    fn outcome(self, ended: Ended) -> CommandOutcome {
        let task = &self.plan.task;
        if ended.by_itself {
            if ended.status != 0 {
                self.plan.say(format_args!(
                    "the commit command of {task} has failed with status {}",
                    ended.status
                ));
            }
            return CommandOutcome::Status(ended.status);
        }
        if let Some(outcome) = self.ordered {
            return outcome;
        }
        self.plan.say(format_args!(
            "the commit command of {task} was stopped: without ZooKeeper at {} another attempt may start",
            self.plan.settings.address
        ));
        CommandOutcome::Status(1)
    }
}

/// The answer to a proof; never returns without one.
async fn answer(proof: &mut Option<Proof>) -> (Duration, Result<Made, Failure>) {
    match proof {
        Some(proof) => proof.await,
        None => pending().await,
    }
}
