//! The port: what heartline asks of a ZooKeeper client. All that a session does goes through it, so
//! that the same sessions, members and masters run over a real ensemble and over a simulated one.
//!
//! What holds of every [`Client`]:
//!
//! - **Order.** A request is sent when its [`Reply`] is polled first, and requests are carried out in
//!   that order. A reply that is dropped is not called back: the request may be made all the same.
//! - **Loss.** When the connection is lost, everything under way ends as [`Failure::Lost`]: made or
//!   not. What is asked without a connection waits for the next one.
//! - **Watches** tell of one change each, outlive a disconnection, and end as [`Failure::Lost`] with
//!   the session.
//! - **End.** To drop the client, and every reply and watch of it, ends the session behind all that
//!   was asked before.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Connection, Failure};

/// An answer to come.
pub type Reply<T, E = Failure> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// A change to come: `true` if the znode still exists after it.
pub type Change = Reply<bool>;

/// What ZooKeeper knows of a znode besides its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The zxid that created it.
    pub created: i64,
    /// The zxid that set it last.
    pub modified: i64,
    /// How often it was set since it was created.
    pub version: i32,
    /// The session that it dies with; 0 for a lasting one.
    pub owner: i64,
    /// How many znodes are below it.
    pub children: i32,
    /// When it was created, by the server's clock.
    pub made: DateTime<Utc>,
    /// When it was set last, by the server's clock.
    pub written: DateTime<Utc>,
}

/// How long a znode is to live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Until somebody deletes it.
    Persistent,
    /// As long as its session.
    Ephemeral,
    /// As long as its session, with a number appended to its name that grows in its parent.
    EphemeralSequential,
}

/// One step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Go on only if the znode exists.
    Check {
        /// The znode.
        path: String,
        /// The version that it must have.
        version: Option<i32>,
    },
    /// Create a znode, not a sequential one.
    Create {
        /// The znode.
        path: String,
        /// Its value.
        value: Vec<u8>,
        /// How long it is to live.
        kind: Kind,
    },
    /// Set a znode's value.
    Set {
        /// The znode.
        path: String,
        /// Its value.
        value: Vec<u8>,
        /// The version that it must have.
        version: Option<i32>,
    },
    /// Delete a znode.
    Delete {
        /// The znode.
        path: String,
        /// The version that it must have.
        version: Option<i32>,
    },
}

/// Why a transaction was not made: none of its operations was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The operation that failed; `None` when the whole request did.
    pub at: Option<usize>,
    /// Why.
    pub failure: Failure,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        refusal.failure
    }
}

/// The changes of a session's connection.
pub trait States: Debug + Send {
    /// The next change. Changes in quick succession may be told as one: `Connected` after
    /// `Connected` means that the connection was lost in between. Pending for ever after `Ended`.
    ///
    /// # Cancellation safety
    /// No change is lost when the future is dropped.
    fn changed(&mut self) -> Pin<Box<dyn Future<Output = Connection> + Send + '_>>;

    /// Whether the session is over, without waiting.
    fn is_over(&mut self) -> bool;
}

/// A client with one session.
pub trait Client: Debug + Send + Sync {
    /// The session's id: the owner of its ephemeral znodes.
    fn session(&self) -> i64;

    /// The session timeout that the server granted.
    fn session_timeout(&self) -> Duration;

    /// Follows the connection from here on.
    fn states(&self) -> Box<dyn States>;

    /// Creates a znode. Returns its path, which for a sequential one has the number appended.
    fn create(&self, path: &str, value: &[u8], kind: Kind) -> Reply<(String, Stat)>;

    /// Deletes a znode, if its version is `version`.
    fn delete(&self, path: &str, version: Option<i32>) -> Reply<()>;

    /// Sets a znode's value, if its version is `version`.
    fn set(&self, path: &str, value: &[u8], version: Option<i32>) -> Reply<Stat>;

    /// Reads a znode.
    fn get(&self, path: &str) -> Reply<(Vec<u8>, Stat)>;

    /// Reads a znode, and watches it for its next value or its end.
    fn get_and_watch(&self, path: &str) -> Reply<(Vec<u8>, Stat, Change)>;

    /// Looks whether a znode exists.
    fn stat(&self, path: &str) -> Reply<Option<Stat>>;

    /// Looks whether a znode exists, and watches it for its creation, its next value or its end.
    fn stat_and_watch(&self, path: &str) -> Reply<(Option<Stat>, Change)>;

    /// The names below a znode, in no order.
    fn children(&self, path: &str) -> Reply<Vec<String>>;

    /// The names below a znode, with a watch on the next of them to come or go, or on its own end.
    fn children_and_watch(&self, path: &str) -> Reply<(Vec<String>, Change)>;

    /// Waits until this server knows what any server has acknowledged before.
    fn sync(&self, path: &str) -> Reply<()>;

    /// Carries out all operations, or none.
    fn transaction(&self, operations: Vec<Operation>) -> Reply<(), Refusal>;
}
