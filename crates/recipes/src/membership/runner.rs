//! What continues across sessions: the activation and its command, the signals to leave, and the events.

use std::future::pending;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use chrono::Utc;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::sleep;

use super::PROGRAM;
use super::activation::{Activation, ActivationAction, ExitCause};
use super::event::{GroupEvent, GroupEventKind};
use super::hook::Hook;
use super::lease::LeaseTiming;
use super::plan::{Events, MemberPlan};
use super::roster::{Worker, WorkerChange, WorkerRoster};
use super::sink::EventSink;
use heartline_process::say::say;
use heartline_process::supervisor::{ChildSpec, Ended, SupervisorHandle, Until, boot_time, listen};

/// How long the sink, and then the hook, may take to handle the last event.
const LAST_WORD: Duration = Duration::from_secs(5);
/// The longest sleep: when a machine wakes from suspend, its timers have not moved but time has passed.
const LONGEST_SLEEP: Duration = Duration::from_millis(250);
/// The shell's exit status for a program that exists and cannot be run.
const CANNOT_RUN: u8 = 126;

/// The state of a member across its sessions.
#[derive(Debug)]
pub(super) struct GroupRunner {
    pub(super) plan: MemberPlan,
    activation: Activation,
    /// For how long the claim is certain.
    until: Option<Until>,
    command: Option<SupervisorHandle>,
    /// The address of the active member, and whether that was reported.
    holder: Option<(String, bool)>,
    roster: WorkerRoster,
    leaving: Option<ExitCause>,
    orders: UnboundedReceiver<ExitCause>,
    sink: EventSink,
    hook: Option<Hook>,
}

impl GroupRunner {
    /// Starts the sink and the hook; must be called within a runtime.
    pub(super) fn new(mut plan: MemberPlan) -> Self {
        let (send, orders) = unbounded_channel();
        listen(&send, ExitCause::Signal);
        let events = std::mem::replace(&mut plan.events, Events::Stderr);
        Self {
            activation: Activation::new(!plan.command.is_empty()),
            until: None,
            command: None,
            holder: None,
            roster: WorkerRoster::default(),
            leaving: None,
            orders,
            sink: EventSink::open(events, send),
            hook: plan.hook.take().map(Hook::start),
            plan,
        }
    }

    /// How to exit, once nothing remains to be done except to give the znode up.
    pub(super) fn leaving(&self) -> Option<ExitCause> {
        self.leaving
    }

    pub(super) fn is_active(&self) -> bool {
        self.activation.is_active()
    }

    /// This member's session owns the znode.
    pub(super) fn held(&mut self, epoch: i64) {
        self.holder = None;
        self.activation.held(epoch);
        self.act();
    }

    /// Another member owns the znode.
    pub(super) fn waiting(&mut self, holder: String) {
        if self
            .holder
            .as_ref()
            .is_none_or(|(known, _)| *known != holder)
        {
            self.holder = Some((holder, false));
        }
        self.act();
    }

    /// This member has lost the znode.
    pub(super) fn lost(&mut self) {
        self.until = None;
        self.activation.lost();
        self.act();
    }

    /// A proof that was sent at `sent` has been answered.
    pub(super) fn proven(&mut self, sent: Duration, session: Duration) {
        let until = LeaseTiming::new(session, self.plan.grace).until(sent);
        // The answer may have waited in this process for longer than it is valid.
        if boot_time() >= until.stop_by {
            return;
        }
        self.until = Some(until);
        if let Some(command) = &mut self.command {
            command.renew(until);
        }
        self.activation.proven();
        self.act();
    }

    /// The current workers.
    pub(super) fn workers(&mut self, now: Vec<Worker>) {
        if !self.is_active() {
            return;
        }
        for (change, list) in self.roster.update(now) {
            let (kind, worker) = match change {
                WorkerChange::Joined(worker) => (GroupEventKind::WorkerJoined, worker),
                WorkerChange::Left(worker) => (GroupEventKind::WorkerLeft, worker),
            };
            let mut event = GroupEvent::new(Utc::now(), kind, &worker.node, &worker.address);
            event.workers = Some(list);
            self.report(event);
        }
    }

    /// Handles the next event that does not depend on a session.
    ///
    /// # Cancellation safety
    /// Nothing is lost when the future is dropped.
    pub(super) async fn next(&mut self) {
        let is_active = self.activation.is_active();
        let stop_by = self.until.filter(|_| is_active).map(|until| until.stop_by);
        tokio::select! {
            biased;
            () = overdue(stop_by) => self.activation.overdue(),
            ended = ended(&mut self.command) => {
                self.command = None;
                self.activation.ended(ended);
            },
            Some(leaving) = self.orders.recv() => self.activation.leave(leaving),
        }
        self.act();
    }

    fn act(&mut self) {
        while let Some(action) = self.activation.poll_action() {
            match action {
                ActivationAction::ReportActive(epoch) => {
                    self.roster = WorkerRoster::default();
                    let mut event = self.own_event(GroupEventKind::Active);
                    event.epoch = Some(epoch);
                    self.report(event);
                }
                ActivationAction::ReportInactive => {
                    self.report(self.own_event(GroupEventKind::Inactive));
                }
                ActivationAction::Start(epoch) => self.start(epoch),
                ActivationAction::Stop => self.stop(self.plan.grace),
                ActivationAction::Kill => self.stop(Duration::ZERO),
                ActivationAction::Leave(leaving) => self.leaving = Some(leaving),
            }
        }
        if let Some((holder, announced @ false)) = &mut self.holder
            && !self.activation.is_busy()
            && self.leaving.is_none()
        {
            *announced = true;
            let holder = holder.clone();
            let mut event = self.own_event(GroupEventKind::Backup);
            event.active = Some(holder);
            self.report(event);
        }
    }

    fn start(&mut self, epoch: i64) {
        let Some(until) = self.until else { return };
        let spec = ChildSpec {
            program: PROGRAM,
            command: self.plan.command.clone(),
            environment: vec![
                ("HEARTLINE_EPOCH", epoch.to_string()),
                ("HEARTLINE_NODE", self.plan.node().to_owned()),
                ("HEARTLINE_ADDRESS", self.plan.address.clone()),
            ],
            until,
            grace: self.plan.grace,
            drain_time: Duration::ZERO,
            // The hooks are children of this process too.
            is_all: false,
        };
        let (input, output) = (io::stdin(), io::stdout());
        match SupervisorHandle::start(&spec, [input.as_fd(), output.as_fd()]) {
            Ok(handle) => self.command = Some(handle),
            Err(error) => {
                say(PROGRAM, format_args!("cannot start the command: {error}"));
                self.activation.ended(Ended {
                    status: CANNOT_RUN,
                    by_itself: true,
                });
            }
        }
    }

    fn stop(&mut self, grace: Duration) {
        if let Some(command) = &mut self.command {
            command.stop(grace);
        }
    }

    fn own_event(&self, kind: GroupEventKind) -> GroupEvent {
        GroupEvent::new(Utc::now(), kind, self.plan.node(), &self.plan.address)
    }

    fn report(&self, event: GroupEvent) {
        self.sink.write(event.line());
        if let Some(hook) = &self.hook {
            hook.send(event);
        }
    }

    /// Waits until the sink and the hook have handled the last event.
    pub(super) fn close(self) {
        self.sink.close(LAST_WORD);
        if let Some(hook) = self.hook {
            hook.close(LAST_WORD);
        }
    }
}

/// Returns when that time has passed; never without one.
async fn overdue(by: Option<Duration>) {
    let Some(by) = by else { return pending().await };
    loop {
        let left = by.saturating_sub(boot_time());
        if left.is_zero() {
            return;
        }
        sleep(left.min(LONGEST_SLEEP)).await;
    }
}

/// Returns when the command has ended; never if there is none.
async fn ended(command: &mut Option<SupervisorHandle>) -> Ended {
    match command {
        Some(command) => command.ended().await,
        None => pending().await,
    }
}
