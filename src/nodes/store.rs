//! Where a server keeps its state.

use std::io;
use std::sync::Arc;

use super::shelf::Shelf;
use super::state::Kept;
use super::state_file::StateFile;

/// One of the two places.
#[derive(Clone, Debug)]
pub(super) enum Store {
    /// A file of this machine.
    File(Arc<StateFile>),
    /// `ZooKeeper`, as long as the claim stands.
    ZooKeeper(Arc<Shelf>),
}

impl Store {
    /// Keeps it: it is there when this has ended well.
    pub(super) async fn save(self, kept: Kept) -> io::Result<()> {
        match self {
            Self::File(file) => {
                let save = tokio::task::spawn_blocking(move || file.save(&kept));
                save.await.map_err(io::Error::other)?
            }
            Self::ZooKeeper(znodes) => znodes.save(&kept).await,
        }
    }
}
