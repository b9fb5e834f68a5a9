//! Everything that a member takes from its environment besides its input: time, randomness, and access to
//! ZooKeeper. A runner behaves the same in a simulated environment.

use std::pin::Pin;

use uuid::Uuid;

use crate::clock::{Now, SystemClock};
use crate::coordination::{Address, Diagnosis, Failure, Session, Settings};

/// The environment of a member.
pub trait Environment: Send + Sync {
    /// The current time.
    fn now(&self) -> Now;

    /// A random number.
    fn draw(&self) -> u128;

    /// Opens a session. It tries each server once.
    fn open(&self, settings: &Settings) -> Deferred<Result<Session, Failure>>;

    /// Finds out why no session could be opened.
    fn diagnose(&self, address: &Address) -> Deferred<Diagnosis>;
}

/// A boxed future of an environment call.
pub type Deferred<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The real machine that the program runs on.
#[derive(Debug)]
pub struct SystemEnvironment {
    clock: SystemClock,
}

impl SystemEnvironment {
    /// Creates the environment of the real machine; its clock starts now.
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
