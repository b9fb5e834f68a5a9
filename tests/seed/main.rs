//! The seed's programs on a real server: the word count, the history of a job, setup and the watchers.

#[path = "../support/mod.rs"]
mod support;

mod election;
mod mapper_options;
mod pipeline;
mod setup;
mod story;
mod usage;
mod watchers;
