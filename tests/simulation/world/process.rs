//! A process: what freezes, dies and has a clock of its own, and what a member finds around it.

use std::collections::BTreeSet;
use std::future::{poll_fn, ready};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::Duration;

use chrono::TimeDelta;
use heartline::clock::Now;
use heartline::coordination::{
    Address, Client, Deferred, Diagnosis, Failure, Opener, Session, Settings,
};
use heartline::member::Environment;
use heartline::transport::Transport;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::client::SimClient;
use super::{Millis, World, wall};
use crate::rng::Rng;

/// What the world knows of a process.
// Each of them is a fact of its own: a process may be all of it at once.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) paused: bool,
    pub(crate) dead: bool,
    /// The servers that it cannot reach.
    pub(crate) cut: BTreeSet<usize>,
    /// Its messages take up to as long as this.
    pub(crate) slow: Millis,
    pub(crate) disconnected: bool,
    /// Whether it is there to be master only.
    pub(crate) standing: bool,
    /// How far its wall clock is off.
    pub(crate) skew: i64,
    /// Until when, at least, a fault of its own disturbed it.
    disturbed: Millis,
    /// How long it was paused in all, and since when it is.
    slept: Millis,
    pub(super) paused_at: Millis,
    pub(super) wakers: Vec<Waker>,
    /// What ends with it.
    pub(crate) task: Option<AbortHandle>,
    rng: Rng,
}

/// How a process fares.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    pub(crate) alive: bool,
    /// Since when it runs and reaches its server without delay; in the future while it does not.
    pub(crate) well_since: Millis,
}

impl Process {
    fn new(rng: Rng) -> Self {
        Self {
            paused: false,
            dead: false,
            cut: BTreeSet::new(),
            slow: 0,
            disconnected: false,
            standing: false,
            skew: 0,
            disturbed: 0,
            slept: 0,
            paused_at: 0,
            wakers: Vec::new(),
            task: None,
            rng,
        }
    }

    pub(crate) fn disturbed_until(&mut self, at: Millis) {
        self.disturbed = self.disturbed.max(at);
    }

    pub(crate) fn health(&self, now: Millis) -> Health {
        let disturbed = self.paused || self.disconnected || !self.cut.is_empty();
        let well_since = if disturbed || self.dead {
            now + 1
        } else {
            self.disturbed
        };
        Health {
            alive: !self.dead,
            well_since,
        }
    }

    /// How long it has not run since it began.
    pub(crate) fn slept(&self, now: Millis) -> Millis {
        let this_time = if self.paused { now - self.paused_at } else { 0 };
        self.slept + this_time
    }

    pub(super) fn wake(&mut self, now: Millis) {
        self.slept = self.slept(now);
        self.paused = false;
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}

impl World {
    /// A new process.
    pub(crate) fn process(&self) -> usize {
        let mut inner = self.lock();
        let rng = inner.rng.fork();
        inner.processes.push(Process::new(rng));
        inner.processes.len() - 1
    }

    /// What `process` does: it makes no progress while the process is paused.
    pub(crate) async fn run<T>(&self, process: usize, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        poll_fn(|context| {
            {
                let mut inner = self.lock();
                let process = &mut inner.processes[process];
                if process.paused {
                    process.wakers.push(context.waker().clone());
                    return Poll::Pending;
                }
            }
            work.as_mut().poll(context)
        })
        .await
    }
}

/// What puts a wrapper around a client; it may lie.
pub(crate) type Wrap = Arc<dyn Fn(Box<dyn Client>) -> Box<dyn Client> + Send + Sync>;

/// What a process draws: claims are named by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Draw {
    /// Another number each time.
    Fresh,
    /// One number again and again, as Curator names all nodes of a latch.
    OfProcess,
    /// The same number as all others.
    OfAll,
}

/// A simulated machine.
#[derive(Clone)]
pub(crate) struct Around {
    pub(crate) world: World,
    pub(crate) process: usize,
    pub(crate) wrap: Option<Wrap>,
    pub(crate) draw: Draw,
}

impl Environment for Around {
    fn now(&self) -> Now {
        let world = self.world.lock();
        let now = world.now();
        let skew = TimeDelta::milliseconds(world.processes[self.process].skew);
        Now {
            elapsed: Duration::from_millis(now),
            wall: wall(now) + skew,
        }
    }

    fn draw(&self) -> u128 {
        let mut world = self.world.lock();
        let rng = &mut world.processes[self.process].rng;
        match self.draw {
            Draw::Fresh => u128::from(rng.next()) << 64 | u128::from(rng.next()),
            Draw::OfProcess => self.process as u128,
            Draw::OfAll => 0,
        }
    }

    fn servers(&self) -> Arc<dyn Opener> {
        Arc::new(self.clone())
    }

    fn transport(&self) -> Option<Arc<dyn Transport>> {
        None
    }
}

impl Opener for Around {
    fn open(&self, settings: &Settings) -> Deferred<Result<Session, Failure>> {
        let (around, settings) = (self.clone(), settings.clone());
        Box::pin(async move {
            let timeout = settings.session_timeout;
            let client = SimClient::open(around.world.clone(), around.process, timeout).await?;
            let mut client: Box<dyn Client> = Box::new(client);
            if let Some(wrap) = &around.wrap {
                client = wrap(client);
            }
            Ok(Session::over(client, &settings))
        })
    }

    fn diagnose(&self, address: &Address) -> Deferred<Diagnosis> {
        let (around, address) = (self.clone(), address.clone());
        Box::pin(async move {
            // A bare connection and a moment of waiting, for each server.
            sleep(Duration::from_millis(100)).await;
            let world = around.world.lock();
            if world.is_reachable(around.process) {
                Diagnosis::no_session(&address)
            } else {
                Diagnosis::nothing_listens(&address)
            }
        })
    }

    fn find_old(&self, _: &Address) -> Deferred<Option<Diagnosis>> {
        Box::pin(ready(None))
    }
}
