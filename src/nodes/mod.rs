//! The node control server and its agents: machines whose addresses nobody knows beforehand tell a server who they
//! are, and every one of them ends up with right entries in `/etc/hosts` and `authorized_keys`.
//!
//! From the inside out:
//!
//! - [`fields`] and [`message`] say what is taken: a checked value has a type of its own. [`reader`] finds messages
//!   in bytes, [`auth`] proves who sent them, [`limits`] says who takes too much.
//! - [`roster`] decides: who is master, who lives ([`crate::detect`] judges), who is refused. [`block`] changes a
//!   text between two marker lines. Like all of the above they have neither clock nor IO.
//! - [`state`] is what a server must know again; `state_file` keeps it in a file, `shelf` in ZooKeeper, where only who
//!   holds the claim may write (`succession`). [`replace`] writes files, `behalf` as the user
//!   whose they are, [`link`] is a connection.
//! - The server is one desk that owns the roster, and a task for each connection; the agent is one task.
//!
//! `docs/nodes.md` tells what goes over the wire.

mod agent;
mod args;
pub mod auth;
pub mod backoff;
pub mod block;
mod connection;
mod coordinator;
mod event;
pub mod fields;
#[doc(hidden)]
pub mod fuzzing;
mod impersonate;
mod key;
pub mod limits;
pub mod link;
mod list;
mod managed_files;
pub mod message;
mod options;
mod publish;
pub mod reader;
mod rejection;
pub mod replace;
pub mod roster;
mod server;
pub mod state;
pub mod state_file;
mod store;
mod succession;
mod writer;
mod zk_store;

pub use args::NodesArgs;
pub use event::Event;
pub(crate) use options::own_name;
pub use rejection::Rejection;

const PROGRAM: &str = "heartline nodes";
