//! Heartbeats for Hadoop Streaming tasks: who lives, who finished and who died, told within
//! hundredths of a second by the one master of a job.
//!
//! The map of the house, from the inside out:
//!
//! - [`detect`] says who is overdue: arrivals in, suspicion out. It knows nothing of the rest.
//! - [`protocol`] is what stands in ZooKeeper, as text: beats, reports, events.
//! - [`master`] decides: who is master ([`master::election`]), and what a master does
//!   ([`master::state`]). Like the two above it has neither clock nor IO; time is a
//!   [`clock::Now`] that it is handed.
//! - [`coordination`] is the only part that knows the ZooKeeper client: sessions, paths, and the
//!   fence that every write of a master passes.
//! - [`streaming`] is the data path: words, sums, stdin and stdout, and what Hadoop tells a task.
//! - [`member`] puts them together: [`member::Work`] runs a data path with a heartbeat beside it.
//! - [`membership`] is a group of any programs: one active master, backups, workers; [`supervisor`] runs a
//!   command only as long as it may.
//! - [`wrapped`] passes any command's stdin and stdout through and waits for its end; [`run`] puts a heartbeat
//!   beside that.
//! - [`condition`] says why a command stands still, from samples of it; pure, like `detect`. [`vitals`]
//!   takes the samples: it knows `/proc`.
//! - [`cluster`] is the real surroundings by one description: configured, started, looked at, ended.
//! - [`zkstats`] asks the servers of an ensemble what they are; [`probe`] is how servers are asked, none longer than a
//!   limit.
//! - [`nodes`] tells machines of each other: a control server, and an agent on each that keeps its files right.
//! - [`status`] is one look at all members, as a table or as JSON.
//! - [`events`] publishes what happens, at least once and in order for each node: to stdout, a file or Kafka.
//! - [`commit`] runs a command for exactly one attempt of a task, after its work.
//! - [`umbilical`] tells a YARN job's application master why a task was ended, in Hadoop's own RPC.
//! - [`files`] opens and reads files that somebody else may have prepared: regular ones only, up to a limit.
//! - [`template`] is a command with places to be filled; [`say`] is how a program speaks to people, and [`text`] cleans
//!   what others have written before anybody is shown it; [`stdio`] is its standard streams, whatever they are.
//! - [`dedicated_master`] is a master without work; [`watch`] and [`setup`] are what people start beside a job; [`cli`] is the edge of all programs.
//!
//! Dependencies point one way: programs → `cli` → `standing`, `member`, `watch`, `status`, `setup` → `master`,
//! `coordination` → `protocol`, `detect`; and programs → `membership` → `cli`, `supervisor`, `coordination`;
//! and programs → `run` → `cli`, `member`, `wrapped` → `supervisor`, `streaming`.
//!
//! What only the program `heartline` needs is there with the feature `tools`, which is one of the default features.

// Without the tools, some of what modules share within the crate has no user.
#![cfg_attr(not(feature = "tools"), allow(dead_code, unused_imports))]

#[cfg(feature = "tools")]
pub mod admin;
pub mod cli;
pub mod clock;
#[cfg(feature = "tools")]
pub mod cluster;
#[cfg(feature = "tools")]
pub mod commit;
pub mod condition;
pub mod coordination;
#[cfg(feature = "tools")]
pub mod dedicated_master;
pub mod detect;
#[cfg(feature = "tools")]
pub mod events;
pub mod files;
pub mod master;
pub mod member;
#[cfg(feature = "tools")]
pub mod membership;
#[cfg(feature = "tools")]
pub mod nodes;
#[cfg(feature = "tools")]
pub mod probe;
pub mod protocol;
#[cfg(feature = "tools")]
pub mod run;
pub mod say;
pub mod setup;
#[cfg(feature = "tools")]
pub mod status;
pub mod stdio;
pub mod streaming;
pub mod supervisor;
pub mod template;
pub mod text;
pub mod umbilical;
pub mod vitals;
pub mod watch;
#[cfg(feature = "tools")]
pub mod wrapped;
#[cfg(feature = "tools")]
pub mod zkstats;

#[cfg(test)]
#[path = "../tests/support/left_out.rs"]
mod left_out;
