//! Everything that a member takes from its environment besides its input: time, randomness, and access to
//! ZooKeeper. A runner behaves the same in a simulated environment.

use std::sync::Arc;

use uuid::Uuid;

use heartline_core::clock::{Now, SystemClock};
use heartline_transport::{TcpTransport, Transport};
use heartline_zookeeper::{Opener, RealServers};

/// The environment of a member.
pub trait Environment: Send + Sync {
    /// The current time.
    fn now(&self) -> Now;

    /// A random number.
    fn draw(&self) -> u128;

    /// Access to ZooKeeper.
    fn servers(&self) -> Arc<dyn Opener>;

    /// The way to other members beside ZooKeeper, if there is one. The members of `relay_host` share one connection.
    fn transport(&self, relay_host: Option<&str>) -> Option<Arc<dyn Transport>>;
}

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

    fn servers(&self) -> Arc<dyn Opener> {
        Arc::new(RealServers)
    }

    fn transport(&self, relay_host: Option<&str>) -> Option<Arc<dyn Transport>> {
        let transport = match relay_host {
            Some(host) => TcpTransport::shared(host.to_owned()),
            None => TcpTransport::default(),
        };
        Some(Arc::new(transport))
    }
}
