//! Membership for any program: one active master with backups, and workers that the master knows, by
//! the plain ephemeral znodes that `zkCli.sh` and every recipe make too (`/master`, `/workers/w1`).
//!
//! - [`claim`] says whose the znode is, [`activation`] whether this one is active and its command may run,
//!   [`lease`] for how long that is certain, [`roster`] which workers came and went. None of them has
//!   a clock or IO.
//! - [`session_loop`] goes from session to session; in each, [`session`] carries out what the claim asks for.
//!   [`runner`] is what goes on across sessions: the command ([`crate::supervisor`]), the signals, and what
//!   is told.
//! - [`args`] is the command line.

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

/// What this is called where it speaks to people.
const PROGRAM: &str = "heartline member";
