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
use super::streams::{Opened, Relays, Streams};
use crate::keeper::{Charge, Ended, Handle, Until, listen};
use crate::say::say;
use crate::streaming::Progress;

/// How often the progress is set from the offsets of files.
const SAMPLE: Duration = Duration::from_millis(100);

/// How long a signal takes at the most from its coming to its being read.
const TURN: Duration = Duration::from_millis(100);

/// What happens to a running command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
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
pub type Order = UnboundedSender<Happening>;

/// The way of what happens: made before the command, for whoever may order its end.
pub type Orders = (Order, UnboundedReceiver<Happening>);

/// A running command.
#[derive(Debug)]
pub struct Wrapped {
    program: &'static str,
    grace: Duration,
    handle: Handle,
    is_running: bool,
    /// Whether the command's process id was told.
    is_known: bool,
    streams: Streams,
    relays: Relays,
    orders: Order,
    happenings: UnboundedReceiver<Happening>,
}

impl Wrapped {
    /// Starts `command` with this process's stdin and stdout, which it takes for that. From within a runtime.
    /// From here on the signals that end a process end the command first, which gets `grace` for it.
    pub fn start(
        program: &'static str,
        command: Vec<OsString>,
        grace: Duration,
        progress: &Arc<Progress>,
        (orders, happenings): Orders,
    ) -> io::Result<Self> {
        listen(&orders, Happening::Signal);
        let opened = Opened::take(progress)?;
        let charge = Charge {
            program,
            command,
            environment: Vec::new(),
            until: Until::ANY_TIME,
            grace,
            linger: grace,
            is_all: true,
        };
        let handle = Handle::start(&charge, opened.ends())?;
        let (streams, relays) = opened.start()?;
        Ok(Self {
            program,
            grace,
            handle,
            is_running: true,
            is_known: false,
            streams,
            relays,
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

    /// The process below which all of it is ([`crate::keeper::below`]).
    pub fn root(&self) -> Pid {
        self.handle.keeper()
    }

    /// Waits until it has ended and all that it wrote was passed on; deals with what happens until then.
    ///
    /// `started` is told the command's process id, once that is known; `killed` is called when it has been ordered to
    /// end, which makes a failure of it whatever it does.
    pub async fn wait(mut self, started: impl FnOnce(u32), killed: impl Fn()) -> Outcome {
        let mut course = Course::default();
        let mut started = Some(started);
        let ended = loop {
            match self.next().await {
                Happening::Started(pid) => {
                    if let Some(started) = started.take() {
                        started(pid);
                    }
                }
                Happening::Ended(ended) => break ended,
                Happening::Signal(signal) => {
                    let is_first = course.signalled(signal);
                    let grace = if is_first { self.grace } else { Duration::ZERO };
                    self.handle.stop(grace);
                }
                Happening::Kill(reason) => {
                    say(self.program, reason);
                    course.killed();
                    self.handle.stop(self.grace);
                    killed();
                }
            }
        };
        self.is_running = false;
        self.hear_group(ended, &mut course).await;
        let is_cut = self.drain(&mut course).await;
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
        if let Ok(Some(Happening::Signal(signal))) = timeout(TURN, self.happenings.recv()).await {
            course.signalled(signal);
        }
    }

    /// The next thing that happens.
    async fn next(&mut self) -> Happening {
        let mut samples = interval(SAMPLE);
        samples.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                ended = self.handle.ended(), if self.is_running => return Happening::Ended(ended),
                Some(happening) = self.happenings.recv() => return happening,
                end = ended(&mut self.relays.input) => {
                    self.relays.input = None;
                    if let Some(End::Failed(error)) = end {
                        return Happening::Kill(format!("cannot read stdin: {error}"));
                    }
                },
                _ = samples.tick() => {
                    self.streams.sample();
                    if let Some(pid) = self.handle.command()
                        && !std::mem::replace(&mut self.is_known, true)
                    {
                        return Happening::Started(pid);
                    }
                }
            }
        }
    }

    /// Waits until what the command wrote was passed on, and returns whether some of it was not; nothing, if an
    /// order to end came before.
    async fn drain(&mut self, course: &mut Course) -> Option<bool> {
        let Some(mut output) = self.relays.output.take() else {
            return Some(false);
        };
        self.relays.input = None;
        loop {
            let happening = tokio::select! {
                biased;
                end = &mut output => return Some(match end {
                    Ok(End::Whole) => false,
                    Ok(End::Broken { is_cut }) => is_cut,
                    Ok(End::Failed(error)) => {
                        say(self.program, format_args!("cannot write stdout: {error}"));
                        course.killed();
                        true
                    }
                    Err(_) => true,
                }),
                happening = self.next() => happening,
            };
            match happening {
                Happening::Signal(signal) => course.signalled(signal),
                Happening::Kill(reason) => {
                    say(self.program, reason);
                    course.killed();
                    true
                }
                Happening::Started(_) | Happening::Ended(_) => continue,
            };
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
