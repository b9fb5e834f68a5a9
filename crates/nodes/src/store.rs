//! Where a server keeps its state.

use std::io;
use std::sync::Arc;

use super::state::PersistedState;
use super::state_file::StateFile;
use super::zk_store::{Unkept, ZkStore};
use heartline_zookeeper::Failure;

/// One of the two kinds of store.
#[derive(Clone, Debug)]
pub(super) enum Store {
    /// A file on this machine.
    File(Arc<StateFile>),
    /// ZooKeeper, for as long as the server holds the claim.
    ZooKeeper(Arc<ZkStore>),
}

/// Whether a write failed because another server has the claim: this server must not write any more.
pub(super) fn is_deposed(error: &io::Error) -> bool {
    let failure = error.get_ref().and_then(|why| why.downcast_ref());
    failure == Some(&Failure::Deposed)
}

impl Store {
    /// Writes the state; once this returns `Ok`, it is stored, except the nodes that this returns.
    pub(super) async fn save(self, kept: Arc<PersistedState>) -> io::Result<Unkept> {
        match self {
            Self::File(file) => {
                let save = tokio::task::spawn_blocking(move || file.save(&kept));
                save.await.map_err(io::Error::other)??;
                Ok(Unkept::new())
            }
            Self::ZooKeeper(znodes) => znodes.save(&kept).await,
        }
    }
}
