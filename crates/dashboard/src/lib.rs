//! A job seen live or from a recording: `heartline serve`, a page, an API and metrics; `heartline top`, a picture in a terminal.
//!
//! - `strip`, `history`, `event_log`: what clients are told. Pure.
//! - `updates`: what goes between feeds and those that show a job.
//! - `job`: the state of one job that its feeds write and its clients read; `subscriber`: one who is told of it.
//! - `job_list`: all jobs.
//! - `feed`, `feeds`: read ZooKeeper, without end.
//! - `reports`: what `heartline cluster status` and `heartline nodes list` know.
//! - `actions`: what people do by the page.
//! - `recording`: all that is told, in a file, to be played again.
//! - `metrics`: the same for Prometheus.
//! - `job_metrics`: the metrics of one job without its page.
//! - `server`: HTTP: who may ask, what is answered.
//! - `top`: the terminal view.
//! - `args`: the other commands.

mod actions;
mod args;
mod event_log;
mod feed;
mod feeds;
#[doc(hidden)]
pub mod fuzzing;
mod history;
mod job;
mod job_list;
mod job_metrics;
mod metrics;
mod recording;
mod reports;
mod server;
mod service_report;
mod strip;
mod subscriber;
mod top;
mod updates;

pub use args::{ExportArgs, RecordArgs, ServeArgs};
pub use job_metrics::serve_job_metrics;
pub use top::TopArgs;
