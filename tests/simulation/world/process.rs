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
use super::direct::Reach;
use super::network::SimTransport;
use super::{Millis, World, wall};
use crate::rng::Rng;

/// What the world knows of a process.
// Each of them is a fact of its own: a process may be all of it at once.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) paused: bool,
    pub(crate) dead: bool,
    /// Its host is gone: it is dead, and no kernel says so.
    pub(crate) vanished: bool,
    /// The servers that it cannot reach.
    pub(crate) cut: BTreeSet<usize>,
    /// Its messages take up to as long as this.
    pub(crate) slow: Millis,
    pub(crate) disconnected: bool,
    /// What stands between it and others.
    pub(crate) reach: Reach,
    /// No frame passes between it and others.
    pub(crate) parted: bool,
    /// Its frames take up to as long as this.
    pub(crate) slow_direct: Millis,
    /// The processes that its probes have reached.
    pub(super) reached: BTreeSet<usize>,
    /// When a fault struck it last.
    pub(super) struck: Option<Millis>,
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
    /// Whether its end is one that no kernel tells.
    pub(crate) vanished: bool,
    /// Since when no fault struck it or the servers; in the future while one lasts.
    pub(crate) calm_since: Millis,
    /// Since when it runs and reaches its server without delay; in the future while it does not.
    pub(crate) well_since: Millis,
}

impl Health {
    /// Whether it is dead, and its kernel can say so.
    pub(crate) fn has_ended(&self) -> bool {
        !self.alive && !self.vanished
    }
}

impl Process {
    fn new(rng: Rng) -> Self {
        Self {
            paused: false,
            dead: false,
            vanished: false,
            cut: BTreeSet::new(),
            slow: 0,
            disconnected: false,
            reach: Reach::Open,
            parted: false,
            slow_direct: 0,
            reached: BTreeSet::new(),
            struck: None,
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
            vanished: self.vanished,
            calm_since: if disturbed || self.parted || self.slow.max(self.slow_direct) > 0 {
                now + 1
            } else {
                self.struck.unwrap_or(0)
            },
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

/// What puts a wrapper around the way to other members; it may lie.
pub(crate) type WrapTransport = Arc<dyn Fn(Arc<dyn Transport>) -> Arc<dyn Transport> + Send + Sync>;

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
    pub(crate) wrap_transport: Option<WrapTransport>,
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

    fn transport(&self, _relay_host: Option<&str>) -> Option<Arc<dyn Transport>> {
        let transport: Arc<dyn Transport> = Arc::new(SimTransport {
            world: self.world.clone(),
            process: self.process,
        });
        Some(match &self.wrap_transport {
            Some(wrap) => wrap(transport),
            None => transport,
        })
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

    fn diagnose(&self, settings: &Settings) -> Deferred<Diagnosis> {
        let (around, address) = (self.clone(), settings.address.clone());
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
