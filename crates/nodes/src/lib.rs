//! The node control server and its agents. Machines whose addresses are not known in advance register with a server;
//! the server distributes the member list, and every machine keeps correct entries in `/etc/hosts`,
//! `authorized_keys` and `known_hosts`.
//!
//! From the inside out:
//!
//! - [`fields`] and [`message`] define what the server accepts: each checked value has its own type. [`reader`] finds
//!   messages in bytes, [`auth`] proves who sent them, [`limits`] detects clients that use too much. `tls` encrypts a
//!   connection, and says for which names a client may speak; `ca` makes the certificates for it.
//! - [`roster`] decides which node is master, which nodes are alive ([`heartline_core::detect`] judges that), and which are
//!   rejected. [`block`] changes a text between two marker lines. All of these have neither clock nor IO.
//! - [`state`] is what a server must know after a restart; `state_file` keeps it in a file, `zk_store` in ZooKeeper,
//!   where only the holder of the claim may write (`succession`). [`replace`] writes files, `impersonate` does so with
//!   the rights of the user who owns them, [`link`] is a connection.
//! - The server consists of one coordinator that owns the roster, and one task per connection; the agent is one task.
//!
//! `docs/nodes.md` describes the wire protocol.

mod acceptor;
mod active_server;
mod agent;
mod args;
pub mod auth;
pub mod block;
mod ca;
mod connection;
mod connection_table;
mod coordinator;
pub mod credentials;
mod event;
pub mod fields;
#[doc(hidden)]
pub mod fuzzing;
mod host_key;
mod impersonate;
mod key;
mod leave;
#[cfg(test)]
#[path = "../../../tests/support/left_out.rs"]
mod left_out;
pub mod limits;
pub mod link;
mod list;
mod managed_files;
pub mod message;
mod metrics;
mod options;
mod own_registration;
mod publish;
pub mod reader;
mod rejection;
pub mod replace;
pub mod roster;
mod server;
mod server_args;
mod ssh_agent;
mod ssh_signer;
pub mod state;
pub mod state_file;
mod store;
mod succession;
mod tls;
mod writer;
mod zk_store;

pub use args::NodesArgs;
pub use event::NodeEvent;
pub use options::own_name;
pub use rejection::Rejection;

const PROGRAM: &str = "heartline nodes";
