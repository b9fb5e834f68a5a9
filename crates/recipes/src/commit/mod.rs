//! The commit of a task: a command with side effects that runs after the task's work, by exactly one of its attempts,
//! just as Hadoop lets only one attempt of a task move its output into place (`canCommit`).
//!
//! - `rules` decides which attempt may commit: from the content of ZooKeeper, without clock or IO. `znodes` reads
//!   that content and changes it, in transactions that check what was read.
//! - `permission` waits until this attempt may commit; `command` runs the command for as long as the claim is
//!   certain ([`crate::membership::lease`], [`heartline_process::supervisor`]); `attempt` combines them.
//! - `args` defines the command-line options; `once` is the program `heartline commit`.
//!
//! No protocol can prevent this: an attempt whose command has succeeded, but which is then cut off from ZooKeeper for
//! longer than its session lasts, cannot report the success. The next attempt runs the command once more.

mod args;
mod attempt;
mod command;
#[doc(hidden)]
pub mod fuzzing;
mod once;
mod permission;
mod plan;
mod rules;
mod znodes;

pub use args::CommitOptions;
pub use attempt::Commit;
pub use once::CommitArgs;
