//! Real streaming jobs: the real jar, on the local runner and on YARN, and the real umbilical.

#[path = "../support/mod.rs"]
mod support;

mod bare_root;
mod commit_runs;
mod drain_input;
mod ensemble;
mod features;
mod hung_task;
mod local;
mod mrjob;
mod secured;
mod umbilical;
mod yarn;
