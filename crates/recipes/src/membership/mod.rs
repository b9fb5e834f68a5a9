//! Membership for any program: one active master with backups, and workers that the master knows, based on the plain
//! ephemeral znodes that `zkCli.sh` and every recipe use (`/master`, `/workers/w1`).
//!
//! - [`claim`] determines who owns the znode, [`activation`] whether this member is active and its command may run,
//!   [`lease`] for how long that is certain, [`roster`] which workers joined and left. None of them has a clock or IO.
//! - `session_loop` opens one session after the other; in each, `session` executes the actions of the claim.
//!   `runner` handles what continues across sessions: the command ([`heartline_process::supervisor`]), the signals, and the
//!   events.
//! - `args` is the command line.

pub mod activation;
mod args;
pub mod claim;
mod event;
#[doc(hidden)]
pub mod fuzzing;
mod hook;
pub mod lease;
mod plan;
mod requests;
pub mod roster;
mod runner;
mod session;
mod session_loop;
mod sink;

pub use args::MemberArgs;

/// The program's name in messages.
const PROGRAM: &str = "heartline member";
