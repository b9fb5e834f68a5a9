//! Heartbeats for Hadoop Streaming tasks: which task lives, finished or died, reported within hundredths of a second
//! by the one master of a job.
//!
//! This is the map of the crates; each module is found here under the name that the programs and tests use.
//! `ARCHITECTURE.md` says what each crate may import, `STYLE.md` what the words mean.
//!
//! - `heartline-core`: decisions and values, without IO: [`detect`], [`condition`], [`protocol`], [`master`],
//!   [`backoff`], [`clock`], [`text`], [`template`].
//! - `heartline-process`: [`files`], [`stdio`], [`say`], [`progress`], [`service`], [`supervisor`], [`wrapped`], [`vitals`].
//! - `heartline-zookeeper`: [`coordination`], the only user of the ZooKeeper client.
//! - `heartline-transport`: [`transport`], direct connections between members.
//! - `heartline-streaming`: [`streaming`], the data path and Hadoop's environment of a task; [`umbilical`], a report to
//!   the application master.
//! - `heartline-member`: [`member`], the running heartbeat; [`member::Work`] runs a data path with a heartbeat beside it.
//! - `heartline-cli`: [`cli`], options, properties of the job and exit status, shared by all programs.
//! - `heartline-observe`: [`setup`] and [`watch`]; for the tools [`status`], [`wait`], [`events`], [`admin`],
//!   [`zkstats`], [`probe`].
//! - `heartline-exporter`: [`exporter`], figures of a program by HTTP.
//! - `heartline-dashboard`: [`dashboard`], a job seen live or from a recording: a page, an API and metrics, or a terminal.
//! - `heartline-recipes`: [`membership`] and [`commit`].
//! - `heartline-nodes`: [`nodes`], a control server and the agents that keep the files of their nodes.
//! - `heartline-cluster`: [`cluster`], whole clusters by one description.
//!
//! This crate has the commands that combine them: [`run`], any command with a heartbeat beside it, [`dedicated_master`], a
//! master that works on no input, [`programs`], those of the word count and the watchers, and [`generate`], manual pages
//! and completions.
//!
//! The way of one beat, in three call chains:
//!
//! - **Sent**: `MemberRunner::live` → `MemberSession::run`, `write` → `member/write.rs: beat` → `Session::beat`.
//! - **Judged**: `follower_watcher::listen` → `MemberSession::noticed` → `MasterDriver::noticed` → `MasterState::heard`
//!   → `Detector::heard`; silence: `MasterState::written` → `echo` → `find_overdue` → `Detector::overdue`.
//! - **Reported**: `MasterState::next_write` → `remove_overdue` or `next_report` → `Draft::compose` → `Write` →
//!   `member/write.rs: fenced` → `Fence::remove_dead` or `beat`; read by `watch/follow.rs`, `events` and `status`.
//!
//! The feature `tools`, on by default, adds what only the program `heartline` needs.

#[cfg(feature = "tools")]
pub mod dedicated_master;
#[cfg(feature = "tools")]
pub mod generate;
pub mod programs;
#[cfg(feature = "tools")]
pub mod run;

pub use heartline_cli as cli;
#[cfg(feature = "tools")]
pub use heartline_cluster as cluster;
pub use heartline_core::{backoff, clock, condition, detect, master, protocol, template, text};
#[cfg(feature = "tools")]
pub use heartline_dashboard as dashboard;
#[cfg(feature = "tools")]
pub use heartline_exporter as exporter;
pub use heartline_member as member;
#[cfg(feature = "tools")]
pub use heartline_nodes as nodes;
#[cfg(feature = "tools")]
pub use heartline_observe::{admin, doctor, events, probe, status, wait, zkstats};
pub use heartline_observe::{setup, watch};
#[cfg(feature = "tools")]
pub use heartline_process::service;
pub use heartline_process::{files, progress, say, stdio, supervisor, vitals, wrapped};
#[cfg(feature = "tools")]
pub use heartline_recipes::{commit, membership};
pub use heartline_streaming as streaming;
pub use heartline_streaming::umbilical;
pub use heartline_transport as transport;
pub use heartline_zookeeper as coordination;
