//! The measurements of a command at one moment.

use std::time::Duration;

/// What a command's processes wait for, taken together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Waiting {
    /// One of them waits for the command's input.
    Input,
    /// One of them waits until the command's output can be written.
    Output,
    /// All of them wait for something else, or are stopped.
    Other,
    /// One of them runs.
    #[default]
    Nothing,
}

/// The state of the command's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputFill {
    /// Nothing to read now; more may come.
    Empty,
    /// There is something to read.
    Unread,
    /// All input was read, and no more will come.
    Ended,
    /// The state cannot be determined.
    #[default]
    Unknown,
}

/// The state of the command's output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputFill {
    /// The next write has to wait for the reader.
    Full,
    /// The next write need not wait.
    Room,
    /// The state cannot be determined.
    #[default]
    Unknown,
}

/// The measurements of a command at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// The time, by a monotonic clock.
    pub at: Duration,
    /// Number of bytes that the command has read so far.
    pub bytes_in: u64,
    /// Number of bytes that the command has written so far.
    pub bytes_out: u64,
    /// CPU time of all its processes so far, including those that have ended.
    pub cpu: Duration,
    /// What its processes wait for.
    pub waiting: Waiting,
    /// The state of its input.
    pub input: InputFill,
    /// The state of its output.
    pub output: OutputFill,
}
