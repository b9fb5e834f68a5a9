//! Membership for any program: one active master with backups, and workers that the master knows, by
//! the plain ephemeral znodes that `zkCli.sh` and every recipe make too (`/master`, `/workers/w1`).
//!
//! - [`claim`] says whose the znode is, [`post`] whether this one is active and its command may run,
//!   [`lease`] for how long that is certain, [`roster`] which workers came and went. None of them has
//!   a clock or IO.
//! - [`life`] goes from session to session; in each, [`stay`] carries out what the claim asks for.
//!   [`duty`] is what goes on across sessions: the command ([`crate::keeper`]), the signals, and what
//!   is told.
//! - [`args`] is the command line.

mod args;
mod asking;
pub mod claim;
mod duty;
#[doc(hidden)]
pub mod fuzzing;
mod hook;
pub mod lease;
mod life;
mod news;
mod outlet;
mod plan;
pub mod post;
pub mod roster;
mod stay;

pub use args::MemberArgs;

/// What this is called where it speaks to people.
const PROGRAM: &str = "heartline member";
