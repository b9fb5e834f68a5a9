//! The commands: `heartline serve`, `heartline record` and `heartline export`.

mod export;
mod record;
mod reports;
mod serve;

pub use export::ExportArgs;
pub use record::RecordArgs;
pub use serve::ServeArgs;
