//! What is measured of a command at one moment.

use std::time::Duration;

/// What a command's processes wait for, taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Waiting {
    /// One of them waits for the command's input.
    Input,
    /// One of them waits until the command's output can be written.
    Output,
    /// All of them wait, for something else; or are stopped.
    Other,
    /// One of them runs.
    #[default]
    Nothing,
}

/// How full the command's input is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputFill {
    /// Nothing to read now; more may come.
    Empty,
    /// Something to read.
    Unread,
    /// All has been read, and nothing more will come.
    Ended,
    /// It cannot be told.
    #[default]
    Unknown,
}

/// How full the command's output is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFill {
    /// The next write has to wait for the reader.
    Full,
    /// The next write need not wait.
    Room,
    /// It cannot be told.
    #[default]
    Unknown,
}

/// What was measured of a command at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// When, by a monotonic clock.
    pub at: Duration,
    /// Bytes that the command has taken so far.
    pub bytes_in: u64,
    /// Bytes that the command has given so far.
    pub bytes_out: u64,
    /// CPU time of all its processes so far, also of those that have ended.
    pub cpu: Duration,
    /// What its processes wait for.
    pub waiting: Waiting,
    /// Its input.
    pub input: InputFill,
    /// Its output.
    pub output: OutputFill,
}
