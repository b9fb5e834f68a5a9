//! A job seen live: `heartline serve`, a page, an API and metrics; `heartline top`, a picture in a terminal.
//!
//! - `strip`, `history`, `event_log`: what clients are told. Pure.
//! - `updates`: what goes between feeds and those that show a job.
//! - `job`: the state of one job that its feeds write and its clients read.
//! - `feed`: reads ZooKeeper, without end.
//! - `metrics`: the same for Prometheus.
//! - `server`: HTTP: who may ask, what is answered.
//! - `top`: the terminal view.
//! - `args`: the command `heartline serve`.

mod args;
mod event_log;
mod feed;
mod history;
mod job;
mod metrics;
mod server;
mod strip;
mod top;
mod updates;

pub use args::ServeArgs;
pub use top::TopArgs;
