//! The commit of a task: a command with side effects that is run after the task's work, by exactly one of its
//! attempts, as Hadoop lets only one attempt of a task move its output into place (`canCommit`).
//!
//! - [`rules`] decides who may: from what stands in `ZooKeeper`, without clock or IO. [`znodes`] reads that
//!   and changes it, in transactions that check what was read.
//! - [`permission`] waits until this attempt may; [`command`] runs the command for as long as the claim is
//!   certain ([`crate::membership::lease`], [`crate::supervisor`]); [`attempt`] puts them together.
//! - [`args`] is the part of the command line.
//!
//! What no protocol can do: an attempt whose command has succeeded, and that is cut off from `ZooKeeper` before
//! it can say so, for longer than its session lasts, has committed without anybody's knowing. The next
//! attempt runs the command once more.

mod args;
mod attempt;
mod command;
#[doc(hidden)]
pub mod fuzzing;
mod permission;
mod rules;
mod znodes;

pub use args::CommitOptions;
pub use attempt::Commit;
