//! The data path.
mod progress;
pub use progress::Progress;
