//! Where a server keeps its state.

use std::io;
use std::sync::Arc;

use super::state::PersistedState;
use super::state_file::StateFile;
use super::zk_store::ZkStore;
use crate::coordination::Failure;

/// One of the two places.
#[derive(Clone, Debug)]
pub(super) enum Store {
    /// A file of this machine.
    File(Arc<StateFile>),
    /// `ZooKeeper`, as long as the claim stands.
    ZooKeeper(Arc<ZkStore>),
}

/// Whether a write failed because another server has the claim: this one may not write any more.
pub(super) fn is_deposed(error: &io::Error) -> bool {
    let failure = error.get_ref().and_then(|why| why.downcast_ref());
    failure == Some(&Failure::Deposed)
}

impl Store {
    /// Keeps it: it is there when this has ended well.
    pub(super) async fn save(self, kept: Arc<PersistedState>) -> io::Result<()> {
        match self {
            Self::File(file) => {
                let save = tokio::task::spawn_blocking(move || file.save(&kept));
                save.await.map_err(io::Error::other)?
            }
            Self::ZooKeeper(znodes) => znodes.save(&kept).await,
        }
    }
}
