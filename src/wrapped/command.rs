//! The running command: one loop over what happens to it.

use std::ffi::OsString;
use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Pid;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::ending::{Course, Outcome, is_by};
use super::relay::End;
use super::rest::Leftover;
use super::streams::{Opened, Relays, Streams};
use crate::say::say;
use crate::streaming::Progress;
use crate::supervisor::{ChildSpec, Ended, SupervisorHandle, Until, listen};

/// How often the progress is set from the offsets of files.
const SAMPLE: Duration = Duration::from_millis(100);

/// How long a signal takes at the most from its coming to its being read.
const TURN: Duration = Duration::from_millis(100);

/// What happens to a running command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildEvent {
    /// It runs as the process of this id.
    Started(u32),
    /// It has ended, with all that it had started.
    Ended(Ended),
    /// This program was sent a signal that ends a process.
    Signal(i32),
    /// It is to be ended, for this reason, which is said on stderr.
    Kill(String),
}

/// Sends what happens, from any thread.
pub type Order = UnboundedSender<ChildEvent>;

/// The way of what happens: made before the command, for whoever may order its end.
pub type ChildEvents = (Order, UnboundedReceiver<ChildEvent>);

/// A running command.
#[derive(Debug)]
pub struct Wrapped {
    program: &'static str,
    grace: Duration,
    handle: SupervisorHandle,
    is_running: bool,
    /// Whether the command's process id was told.
    is_known: bool,
    streams: Streams,
    relays: Relays,
    leftover: Leftover,
    /// How the relay of the input has ended, once it has.
    input_end: Option<End>,
    orders: Order,
    happenings: UnboundedReceiver<ChildEvent>,
}

/// Who is told of the command while it is waited for.
pub trait ChildObserver {
    /// It runs as the process of this id.
    fn started(&mut self, pid: u32);
    /// It has ended, with all that it had started: what follows is no work of it.
    fn ended(&mut self);
    /// It was ordered to end, which makes a failure of it whatever it does.
    fn killed(&mut self);
}

impl Wrapped {
    /// Starts `command` with this process's stdin and stdout, which it takes for that. From within a runtime.
    /// From here on the signals that end a process end the command first, which gets `grace` for it.
    pub fn start(
        program: &'static str,
        command: Vec<OsString>,
        grace: Duration,
        progress: &Arc<Progress>,
        leftover: Leftover,
        (orders, happenings): ChildEvents,
    ) -> io::Result<Self> {
        listen(&orders, ChildEvent::Signal);
        let opened = Opened::take(progress, leftover)?;
        let charge = ChildSpec {
            program,
            command,
            environment: Vec::new(),
            until: Until::ANY_TIME,
            grace,
            linger: grace,
            is_all: true,
        };
        let handle = SupervisorHandle::start(&charge, opened.ends())?;
        let (streams, relays) = opened.start()?;
        Ok(Self {
            program,
            grace,
            handle,
            is_running: true,
            is_known: false,
            streams,
            relays,
            leftover,
            input_end: None,
            orders,
            happenings,
        })
    }

    /// Where to send an order to end it.
    pub fn orders(&self) -> Order {
        self.orders.clone()
    }

    /// Its stdin and stdout.
    pub fn streams(&self) -> Streams {
        self.streams.clone()
    }

    /// The process below which all of it is ([`crate::supervisor::below`]).
    pub fn root(&self) -> Pid {
        self.handle.supervisor()
    }

    /// Waits until it has ended, all that it wrote was passed on and, if that is wanted, the rest of its input was
    /// read; deals with what happens until then.
    pub async fn wait(mut self, onlooker: &mut impl ChildObserver) -> Outcome {
        let mut course = Course::default();
        let ended = loop {
            match self.next().await {
                ChildEvent::Started(pid) => onlooker.started(pid),
                ChildEvent::Ended(ended) => break ended,
                ChildEvent::Signal(signal) => {
                    let is_first = course.signalled(signal);
                    let grace = if is_first { self.grace } else { Duration::ZERO };
                    self.handle.stop(grace);
                }
                ChildEvent::Kill(reason) => {
                    say(self.program, reason);
                    course.killed();
                    self.handle.stop(self.grace);
                    onlooker.killed();
                }
            }
        };
        self.is_running = false;
        onlooker.ended();
        self.hear_group(ended, &mut course).await;
        let is_success = course.outcome(ended, false).is_success();
        self.leave_input(is_success).await;
        // The rest of the input is read beside: who writes it may read nothing before that is taken.
        let mut is_cut = self.drain_output(&mut course).await;
        if is_cut == Some(false) && is_success {
            is_cut = self.drain_input(&mut course).await;
        }
        self.streams.sample();
        if is_cut.is_none()
            && let Some(signal) = course.signal()
        {
            return Outcome::Signal(signal);
        }
        course.outcome(ended, is_cut.unwrap_or(true))
    }

    /// A signal to the whole process group may have ended the command before it was read here: it has come by now.
    async fn hear_group(&mut self, ended: Ended, course: &mut Course) {
        let by_signal = [SIGHUP, SIGINT, SIGTERM].map(|signal| is_by(ended.status, signal));
        if !ended.by_itself || !by_signal.contains(&true) || course.signal().is_some() {
            return;
        }
        if let Ok(Some(ChildEvent::Signal(signal))) = timeout(TURN, self.happenings.recv()).await {
            course.signalled(signal);
        }
    }

    /// The next thing that happens.
    async fn next(&mut self) -> ChildEvent {
        let mut samples = interval(SAMPLE);
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                ended = self.handle.ended(), if self.is_running => return ChildEvent::Ended(ended),
                Some(happening) = self.happenings.recv() => return happening,
                end = ended(&mut self.relays.input) => {
                    self.relays.input = None;
                    if let Some(End::Failed(error)) = end {
                        return ChildEvent::Kill(format!("cannot read stdin: {error}"));
                    }
                    self.input_end = end;
                },
                _ = samples.tick() => {
                    self.streams.sample();
                    if let Some(pid) = self.handle.command()
                        && !std::mem::replace(&mut self.is_known, true)
                    {
                        return ChildEvent::Started(pid);
                    }
                }
            }
        }
    }

    /// The command has ended: has the rest of its input read, if it `is_success` and that is wanted; or closed, and
    /// says so where that is a failure to who writes it.
    async fn leave_input(&mut self, is_success: bool) {
        if !is_success {
            self.relays.want_rest = None;
            self.relays.input = None;
            return;
        }
        if let Some(want) = &self.relays.want_rest {
            // A relay that has ended has nothing left.
            let _ = want.send(());
            return;
        }
        if self.leftover == Leftover::CloseAndSay {
            if let Some(relay) = self.relays.input.take() {
                // Nobody takes it any more, which ends it at once.
                self.input_end = timeout(TURN, relay).await.ok().and_then(Result::ok);
            }
            if let Some(End::Broken { is_over: false, .. }) = self.input_end {
                say(
                    self.program,
                    "the command has ended with 0 before its input: Hadoop fails a task with 'Broken pipe' when \
                     more input comes; --drain-input, or -D heartline.drain.input=true, reads the rest",
                );
            }
        }
        self.relays.input = None;
    }

    /// Waits until the rest of the input was read. Returns that nothing of the output was lost by it; nothing, if an
    /// order to end came before.
    async fn drain_input(&mut self, course: &mut Course) -> Option<bool> {
        if self.leftover != Leftover::Drain {
            return Some(false);
        }
        if let Some(relay) = self.relays.input.take() {
            let end = self.end_of(relay, course).await?;
            if let Some(End::Failed(error)) = end {
                say(self.program, format_args!("cannot read stdin: {error}"));
                course.killed();
                return None;
            }
        }
        if let Some(bytes) = self.streams.untaken()
            && bytes > 0
        {
            say(
                self.program,
                format_args!(
                    "the command has ended before its input: {bytes} bytes of stdin were thrown away (--drain-input)"
                ),
            );
        }
        Some(false)
    }

    /// Waits until what the command wrote was passed on, and returns whether some of it was not; nothing, if an
    /// order to end came before.
    async fn drain_output(&mut self, course: &mut Course) -> Option<bool> {
        let Some(output) = self.relays.output.take() else {
            return Some(false);
        };
        Some(match self.end_of(output, course).await? {
            Some(End::Whole) => false,
            Some(End::Broken { is_cut, .. }) => is_cut,
            Some(End::Failed(error)) => {
                say(self.program, format_args!("cannot write stdout: {error}"));
                course.killed();
                true
            }
            Some(End::ThrownAway) | None => true,
        })
    }

    /// Waits for the end of a relay; returns nothing if an order to end came before.
    async fn end_of(
        &mut self,
        mut relay: oneshot::Receiver<End>,
        course: &mut Course,
    ) -> Option<Option<End>> {
        loop {
            let happening = tokio::select! {
                biased;
                end = &mut relay => return Some(end.ok()),
                happening = self.next() => happening,
            };
            match happening {
                ChildEvent::Signal(signal) => {
                    course.signalled(signal);
                }
                ChildEvent::Kill(reason) => {
                    say(self.program, reason);
                    course.killed();
                }
                ChildEvent::Started(_) | ChildEvent::Ended(_) => continue,
            }
            return None;
        }
    }
}

/// How a relay has ended; for ever without one that says so.
async fn ended(relay: &mut Option<oneshot::Receiver<End>>) -> Option<End> {
    match relay {
        Some(relay) => relay.await.ok(),
        None => pending().await,
    }
}
