//! All that a member takes from outside besides its input: time, chance, and a way to ZooKeeper.
//! A life over simulated surroundings is the same life.

use std::pin::Pin;

use uuid::Uuid;

use crate::clock::{Now, SystemClock};
use crate::coordination::{Address, Diagnosis, Failure, Session, Settings};

/// What a member finds around it.
pub trait Environment: Send + Sync {
    /// The present moment.
    fn now(&self) -> Now;

    /// A random number.
    fn draw(&self) -> u128;

    /// Opens a session, trying each server once.
    fn open(&self, settings: &Settings) -> Deferred<Result<Session, Failure>>;

    /// Looks why no session could be had.
    fn diagnose(&self, address: &Address) -> Deferred<Diagnosis>;
}

/// What is told later.
pub type Deferred<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The machine that the program runs on.
#[derive(Debug)]
pub struct SystemEnvironment {
    clock: SystemClock,
}

impl SystemEnvironment {
    /// The machine, whose clock starts to run now.
    pub fn start() -> Self {
        Self {
            clock: SystemClock::start(),
        }
    }
}

impl Environment for SystemEnvironment {
    fn now(&self) -> Now {
        self.clock.now()
    }

    fn draw(&self) -> u128 {
        Uuid::new_v4().as_u128()
    }

    fn open(&self, settings: &Settings) -> Deferred<Result<Session, Failure>> {
        let settings = settings.clone();
        Box::pin(async move { Session::open(&settings).await })
    }

    fn diagnose(&self, address: &Address) -> Deferred<Diagnosis> {
        let address = address.clone();
        Box::pin(async move { Diagnosis::of(&address).await })
    }
}
