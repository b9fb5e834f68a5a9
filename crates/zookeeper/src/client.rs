//! The port to ZooKeeper: the requests that heartline needs from a client. A session makes all its requests
//! through it, so that the same sessions, members and masters run over a real ensemble and over a simulated
//! one.
//!
//! Every [`Client`] guarantees:
//!
//! - **Order.** A request is sent when its [`Reply`] is first polled, and requests are carried out in that
//!   order. Dropping a reply does not cancel the request: it may be made all the same.
//! - **Loss.** When the connection is lost, every request under way ends as [`Failure::Lost`], made or not. A
//!   request without a connection waits for the next one.
//! - **Watches** report one change each, survive a disconnection, and end as [`Failure::Lost`] with the
//!   session.
//! - **End.** Dropping the client and all its replies and watches ends the session after all earlier
//!   requests.

use std::fmt::{self, Debug};
use std::mem::take;
use std::pin::Pin;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Connection, Failure};

/// The answer to a request.
pub type Reply<T, E = Failure> = Pin<Box<dyn Future<Output = Result<T, E>> + Send>>;

/// The next change of a znode: `true` if the znode still exists after it.
pub type Change = Reply<bool>;

/// ZooKeeper's metadata of a znode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The zxid of the znode's creation.
    pub created: i64,
    /// The zxid of the last write.
    pub modified: i64,
    /// Number of writes since the znode was created.
    pub version: i32,
    /// The session that owns the znode; 0 for a persistent znode.
    pub owner: i64,
    /// Number of child znodes.
    pub children: i32,
    /// The zxid of the last creation or removal of a child znode, or of the znode's own creation.
    pub children_changed: i64,
    /// Number of changes of the znode's ACL.
    pub acl_version: i32,
    /// When it was created, by the server's clock.
    pub made: DateTime<Utc>,
    /// When it was set last, by the server's clock.
    pub written: DateTime<Utc>,
}

impl Stat {
    /// Whether a session owns the znode and takes it along when it ends. What stands in the line without an owner is no
    /// claim.
    pub fn is_ephemeral(&self) -> bool {
        self.owner != 0
    }
}

/// The lifetime of a znode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Until it is deleted.
    Persistent,
    /// Until its session ends.
    Ephemeral,
    /// Until its session ends; the server appends a number to its name that grows within the parent.
    EphemeralSequential,
}

/// Who may use a znode, apart from the own identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Who the settings of the session let.
    Shared,
    /// Nobody, if the session has an identity: the znode holds a secret.
    Private,
}

/// The rights of an [`AclEntry`], with ZooKeeper's numbers (`ZooDefs.Perms`).
pub mod right {
    /// Get the value and list the children.
    pub const READ: i32 = 1;
    /// Set the value.
    pub const WRITE: i32 = 2;
    /// Create a child.
    pub const CREATE: i32 = 4;
    /// Delete a child.
    pub const DELETE: i32 = 8;
    /// Change the ACL.
    pub const ADMIN: i32 = 16;
    /// All of them.
    pub const ALL: i32 = 31;
}

/// One line of a znode's ACL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AclEntry {
    /// The sum of what it allows; see [`right`].
    pub rights: i32,
    /// How the identity is proven: `world`, `digest`, `sasl`, `x509`, `ip`.
    pub scheme: String,
    /// Whom it allows that.
    pub id: String,
}

impl AclEntry {
    /// Whether it allows one of these rights.
    pub fn may(&self, rights: i32) -> bool {
        self.rights & rights != 0
    }

    /// Whether it is for everybody who reaches the server, or does so from some host: nobody proves to be the one.
    pub fn needs_no_proof(&self) -> bool {
        matches!(self.scheme.as_str(), "world" | "ip")
    }
}

impl fmt::Display for AclEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == "world" {
            return f.write_str("everybody");
        }
        write!(f, "{}:{}", self.scheme, self.id)
    }
}

/// One step of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Continue only if the znode exists and has this version.
    Check {
        /// The znode's path.
        path: String,
        /// The required version; `None` for any.
        version: Option<i32>,
    },
    /// Create a znode, not a sequential one.
    Create {
        /// The znode's path.
        path: String,
        /// Its value.
        value: Vec<u8>,
        /// The lifetime of the znode. Its [`Access`] is shared.
        kind: Kind,
    },
    /// Set a znode's value.
    Set {
        /// The znode's path.
        path: String,
        /// Its value.
        value: Vec<u8>,
        /// The required version; `None` for any.
        version: Option<i32>,
    },
    /// Delete a znode.
    Delete {
        /// The znode's path.
        path: String,
        /// The required version; `None` for any.
        version: Option<i32>,
    },
}

/// The most that an operation takes on the wire beside its path and value, in bytes.
const REST: usize = 64;

impl Operation {
    /// The path of the operation's znode.
    pub fn path(&self) -> &str {
        match self {
            Self::Check { path, .. }
            | Self::Create { path, .. }
            | Self::Set { path, .. }
            | Self::Delete { path, .. } => path,
        }
    }

    /// The size on the wire in bytes, rounded up.
    pub fn weight(&self) -> usize {
        let value = match self {
            Self::Create { value, .. } | Self::Set { value, .. } => value.len(),
            Self::Check { .. } | Self::Delete { .. } => 0,
        };
        self.path().len() + value + REST
    }
}

/// Divides operations into transactions of at most `most` bytes, in their order. A larger operation has a transaction of
/// its own.
pub fn batches(
    operations: impl IntoIterator<Item = Operation>,
    most: usize,
) -> Vec<Vec<Operation>> {
    let (mut batches, mut batch, mut size) = (Vec::new(), Vec::new(), 0);
    for operation in operations {
        let length = operation.weight();
        if size + length > most && !batch.is_empty() {
            batches.push(take(&mut batch));
            size = 0;
        }
        size += length;
        batch.push(operation);
    }
    if !batch.is_empty() {
        batches.push(batch);
    }
    batches
}

/// Why a transaction failed: none of its operations was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The index of the operation that failed; `None` if the whole request failed.
    pub at: Option<usize>,
    /// The reason.
    pub failure: Failure,
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        refusal.failure
    }
}

/// The changes of a session's connection.
pub trait States: Debug + Send {
    /// Waits for the next change. Changes in quick succession may be reported as one: `Connected` after
    /// `Connected` means that the connection was lost in between. Pending forever after `Ended`.
    ///
    /// # Cancellation safety
    /// No change is lost when the future is dropped.
    fn changed(&mut self) -> Pin<Box<dyn Future<Output = Connection> + Send + '_>>;

    /// Whether the session is over; does not wait.
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
    fn create(&self, path: &str, value: &[u8], kind: Kind, access: Access)
    -> Reply<(String, Stat)>;

    /// A znode's ACL.
    fn acl(&self, path: &str) -> Reply<Vec<AclEntry>>;

    /// Gives a znode the ACL that this session would create it with.
    fn set_acl(&self, path: &str, access: Access) -> Reply<()>;

    /// Deletes a znode if its version is `version`; `None` for any.
    fn delete(&self, path: &str, version: Option<i32>) -> Reply<()>;

    /// Sets a znode's value if its version is `version`; `None` for any.
    fn set(&self, path: &str, value: &[u8], version: Option<i32>) -> Reply<Stat>;

    /// Reads a znode.
    fn get(&self, path: &str) -> Reply<(Vec<u8>, Stat)>;

    /// Reads a znode, and watches for its next write or deletion.
    fn get_and_watch(&self, path: &str) -> Reply<(Vec<u8>, Stat, Change)>;

    /// Reads a znode's stat; `None` if the znode does not exist.
    fn stat(&self, path: &str) -> Reply<Option<Stat>>;

    /// Reads a znode's stat, and watches for its creation, its next write or its deletion.
    fn stat_and_watch(&self, path: &str) -> Reply<(Option<Stat>, Change)>;

    /// The names of a znode's children, in no order.
    fn children(&self, path: &str) -> Reply<Vec<String>>;

    /// The names of a znode's children, with a watch for the next child that is created or deleted, or for
    /// the deletion of the znode itself.
    fn children_and_watch(&self, path: &str) -> Reply<(Vec<String>, Stat, Change)>;

    /// Waits until this server knows all writes that any server has acknowledged before.
    fn sync(&self, path: &str) -> Reply<()>;

    /// Carries out all operations or none.
    fn transaction(&self, operations: Vec<Operation>) -> Reply<(), Refusal>;
}
