//! Recipes over ZooKeeper, in Curator's sense: what several processes agree on through a claim.
//!
//! - [`membership`]: `heartline member`, a group of programs with one active master, backups and workers.
//! - [`commit`]: runs a command for exactly one attempt of a task, after its work.

pub mod commit;
pub mod membership;
