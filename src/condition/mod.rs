//! Why a task stands still.

mod verdict;

pub use verdict::Condition;
