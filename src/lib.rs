//! Heartbeats for Hadoop Streaming tasks: which task lives, finished or died, reported within hundredths of a second
//! by the one master of a job.
//!
//! This is the map of the modules. `ARCHITECTURE.md` says what each may import, `STYLE.md` what the words mean.
//!
//! Decisions and values, without IO; time is an argument:
//!
//! - [`detect`]: the failure detector; arrivals in, overdue members out.
//! - [`condition`]: why a command stands still; samples in, a condition and stalls out.
//! - [`protocol`]: the values of the znodes as text: beats, claims, reports, events, requests.
//! - [`master`]: the election, the watch over the predecessor, the takeover, and the master itself ([`master::state`]).
//! - [`clock`]: time as a value, [`clock::Now`], which decisions get as an argument; and the machine's clock.
//! - [`text`]: cleans texts of others before they are shown.
//! - [`template`]: a command line with places that are filled before it runs.
//!
//! ZooKeeper, files and processes:
//!
//! - [`coordination`]: the only user of the ZooKeeper client: sessions, paths, and the fence around a master's writes.
//! - [`files`]: opens and reads files that others may have prepared: regular ones only, up to a limit.
//! - [`stdio`]: the standard streams of the process, whatever they are.
//! - [`say`]: messages for people on stderr.
//! - [`supervisor`]: runs a command, and ends it when its time is over.
//! - [`wrapped`]: passes a command's stdin and stdout through, and waits for its end.
//! - [`vitals`]: samples a command's processes from `/proc`.
//! - [`probe`]: asks many servers at once, each with a time limit.
//!
//! The heartbeat and its work:
//!
//! - [`streaming`]: the data path: words, sums, stdin and stdout, and Hadoop's environment of a task.
//! - [`umbilical`]: reports a failed attempt to the application master of a YARN job, in Hadoop's RPC.
//! - [`member`]: the running heartbeat; [`member::Work`] runs a data path with a heartbeat beside it.
//! - [`run`]: `heartline run`, any command with a heartbeat beside it.
//! - [`dedicated_master`]: `heartline master`, a master that works on no input.
//! - [`commit`]: runs a command for exactly one attempt of a task, after its work.
//! - [`membership`]: `heartline member`, a group of programs with one active master, backups and workers.
//!
//! What people use beside a job:
//!
//! - [`cli`]: options, properties of the job and exit status, shared by all programs.
//! - [`setup`]: `setup-zookeeper`, creates or resets the znodes.
//! - [`watch`]: `watch-master` and `watch-slave`, show each change.
//! - [`status`]: `heartline status`, one look at all members, as a table or as JSON.
//! - [`events`]: `heartline events`, publishes events to stdout, a file or Kafka: at least once, in order by node.
//! - [`admin`]: `heartline kill`, `reinit` and `interval`, an operator's requests to the master.
//! - [`zkstats`]: `heartline zkstats`, the role of each ZooKeeper server.
//! - [`nodes`]: `heartline nodes`, a control server and the agents that keep the files of their nodes.
//! - [`cluster`]: `heartline cluster`, configures, starts, shows and ends a whole cluster by one description.
//!
//! The way of one beat, in three call chains:
//!
//! - **Sent**: `MemberRunner::live` → `MemberSession::run`, `write` → `member/write.rs: beat` → `Session::beat`.
//! - **Judged**: `follower_watcher::listen` → `MemberSession::noticed` → `MasterDriver::noticed` → `MasterState::heard`
//!   → `Detector::heard`; silence: `MasterState::written` → `echo` → `find_overdue` → `Detector::overdue`.
//! - **Reported**: `MasterState::next_write` → `remove_overdue` or `next_report` → `Draft::compose` → `Write` →
//!   `member/write.rs: fenced` → `Fence::remove_dead` or `beat`; read by `watch/follow.rs`, `events` and `status`.
//!
//! Dependencies point one way: programs → `dedicated_master`, `run`, `commit`, `membership`, `nodes`, `cluster`, and
//! what observes → `cli` → `member` → `streaming`, `master`, `coordination` → `protocol`, `detect`.
//!
//! The feature `tools`, on by default, adds what only the program `heartline` needs.

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
