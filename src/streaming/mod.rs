//! The data path.
mod progress;
pub use progress::Progress;
mod args;
pub use args::*;
mod task;
pub use task::Task;
mod status;
pub use status::StatusLine;
