//! The running command: one loop over its events.

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

use super::ending::{CommandOutcome, Course, is_by};
use super::relay::End;
use super::rest::UnreadInput;
use super::streams::{Opened, Relays, Streams};
use crate::progress::Progress;
use crate::say::say;
use crate::supervisor::{ChildSpec, Ended, SupervisorHandle, Until, listen};

/// How often the progress is updated from file offsets.
const SAMPLE: Duration = Duration::from_millis(100);

/// The longest time between the arrival of a signal and its processing.
const TURN: Duration = Duration::from_millis(100);

/// What happens to a running command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChildEvent {
    /// The command runs as the process with this id.
    Started(u32),
    /// The command has ended, with all processes that it had started.
    Ended(Ended),
    /// This program has received a signal that ends a process.
    Signal(i32),
    /// The command must be ended, for this reason, which is printed on stderr.
    Kill(String),
}

/// Sends events, from any thread.
pub type Order = UnboundedSender<ChildEvent>;

/// The channel for events: created before the command, for every part that may have to end it.
pub type ChildEvents = (Order, UnboundedReceiver<ChildEvent>);

/// A running command.
#[derive(Debug)]
pub struct Wrapped {
    program: &'static str,
    grace: Duration,
    handle: SupervisorHandle,
    is_running: bool,
    /// Whether the command's process id was reported.
    is_known: bool,
    streams: Streams,
    relays: Relays,
    unread_input: UnreadInput,
    /// How the relay of the input ended; `None` while it runs.
    input_end: Option<End>,
    orders: Order,
    happenings: UnboundedReceiver<ChildEvent>,
}

/// Observes the command while it is waited for.
pub trait ChildObserver {
    /// The command runs as the process with this id.
    fn started(&mut self, pid: u32);
    /// The command has ended, with all processes that it had started: it does no more work.
    fn ended(&mut self);
    /// The command was ordered to end, so it counts as failed whatever it does.
    fn killed(&mut self);
}

impl Wrapped {
    /// Starts `command` with this process's stdin and stdout, which it takes over. Requires a runtime.
    /// From here on, a signal that ends a process ends the command first, which gets `grace` for it.
    pub fn start(
        program: &'static str,
        command: Vec<OsString>,
        grace: Duration,
        progress: &Arc<Progress>,
        unread_input: UnreadInput,
        (orders, happenings): ChildEvents,
    ) -> io::Result<Self> {
        listen(&orders, ChildEvent::Signal);
        let opened = Opened::take(progress, unread_input)?;
        let charge = ChildSpec {
            program,
            command,
            environment: Vec::new(),
            until: Until::ANY_TIME,
            grace,
            drain_time: grace,
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
            unread_input,
            input_end: None,
            orders,
            happenings,
        })
    }

    /// The sender for an order to end the command.
    pub fn orders(&self) -> Order {
        self.orders.clone()
    }

    /// The command's stdin and stdout.
    pub fn streams(&self) -> Streams {
        self.streams.clone()
    }

    /// The process above all of the command's processes ([`crate::supervisor::below`]).
    pub fn root(&self) -> Pid {
        self.handle.supervisor()
    }

    /// Waits until the command has ended, all its output was passed on and, if requested, the rest of its input was
    /// read; handles all events until then.
    pub async fn wait(mut self, onlooker: &mut impl ChildObserver) -> CommandOutcome {
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
        // Output and rest of the input run in parallel: the writer of the input may read nothing until that is taken.
        let mut is_cut = self.drain_output(&mut course).await;
        if is_cut == Some(false) && is_success {
            is_cut = self.drain_input(&mut course).await;
        }
        self.streams.sample();
        if is_cut.is_none()
            && let Some(signal) = course.signal()
        {
            return CommandOutcome::Signal(signal);
        }
        course.outcome(ended, is_cut.unwrap_or(true))
    }

    /// A signal to the whole process group may end the command before this program reads it: by now it has arrived.
    async fn hear_group(&mut self, ended: Ended, course: &mut Course) {
        let by_signal = [SIGHUP, SIGINT, SIGTERM].map(|signal| is_by(ended.status, signal));
        if !ended.by_itself || !by_signal.contains(&true) || course.signal().is_some() {
            return;
        }
        if let Ok(Some(ChildEvent::Signal(signal))) = timeout(TURN, self.happenings.recv()).await {
            course.signalled(signal);
        }
    }

    /// The next event.
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

    /// The command has ended. Starts to read the rest of its input, if it `is_success` and that is requested. Otherwise
    /// closes the input, and reports that where it is a failure for the writer.
    async fn leave_input(&mut self, is_success: bool) {
        if !is_success {
            self.relays.want_rest = None;
            self.relays.input = None;
            return;
        }
        if let Some(want) = &self.relays.want_rest {
            // A relay that has ended has nothing left to read.
            let _ = want.send(());
            return;
        }
        if self.unread_input == UnreadInput::CloseAndReport {
            if let Some(relay) = self.relays.input.take() {
                // The input has no reader any more, which ends the relay at once.
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

    /// Waits until the rest of the input was read. Returns `Some(false)`, for no output was lost by it; `None` if an
    /// order to end came first or the input could not be read.
    async fn drain_input(&mut self, course: &mut Course) -> Option<bool> {
        if self.unread_input != UnreadInput::Drain {
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

    /// Waits until the command's output was passed on, and returns whether some of it was not; `None` if an
    /// order to end came first.
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

    /// Waits for the end of a relay; returns `None` if an order to end came first.
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

/// How a relay has ended. Waits for ever if there is no relay to report it.
async fn ended(relay: &mut Option<oneshot::Receiver<End>>) -> Option<End> {
    match relay {
        Some(relay) => relay.await.ok(),
        None => pending().await,
    }
}
