//! A job seen live: `heartline serve`, a page, an API and metrics.
//!
//! - `strip`, `history`, `event_log`: what clients are told. Pure.
//! - `updates`: what goes between feeds and those that show a job.
//! - `job`: the state of one job that its feeds write and its clients read.
//! - `feed`: reads ZooKeeper, without end.
//! - `metrics`: the same for Prometheus.
//! - `server`: HTTP: who may ask, what is answered.
//! - `args`: the command.

mod args;
mod event_log;
mod feed;
mod history;
mod job;
mod metrics;
mod server;
mod strip;
mod updates;

pub use args::ServeArgs;
