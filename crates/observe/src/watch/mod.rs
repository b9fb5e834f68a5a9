//! What `watch-master` and `watch-slave` show: everything that happens to the znodes of a job, as
//! lines for people or as one JSON object per line.
//!
//! Watchers write nothing to ZooKeeper, and keep running while it is unavailable. When they reconnect,
//! they read again what changed meanwhile; of a value that changed several times they see only the last version,
//! which is why reports repeat the events of the last second.

mod complaints;
mod files;
mod follow;
mod history;
mod master;
mod output;
mod remembered;
mod session;
mod slave;

pub(crate) use files::append_whole;
pub use follow::{ConnectionChanges, EventHandler, follow};
pub use history::EventHistory;
pub use master::watch_master;
pub use output::OutputFormat;
pub use slave::{prepare_folder, watch_slave};
