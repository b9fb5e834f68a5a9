//! That a member is master, told to a program that acts on it.

use tokio::sync::watch;

use crate::coordination::Fence;

/// A member is master.
#[derive(Clone, Debug)]
pub struct Reign {
    /// What it may write. To hold it holds the session open.
    pub fence: Fence,
    /// How many of its writes ZooKeeper has acknowledged: as long as this grows nobody else has been made master.
    pub echoes: u64,
}

/// Tells a program when the member is master.
#[derive(Clone, Debug)]
pub struct Reigning(watch::Sender<Option<Reign>>);

impl Reigning {
    /// Both ends: for [`super::Config`], and for the program.
    pub fn new() -> (Self, watch::Receiver<Option<Reign>>) {
        let (tell, told) = watch::channel(None);
        (Self(tell), told)
    }

    /// A write that needs the claim was acknowledged.
    pub(super) fn echo(&self, fence: &Fence) {
        self.0.send_modify(|reign| match reign {
            Some(reign) if reign.fence.claim() == fence.claim() => reign.echoes += 1,
            _ => {
                *reign = Some(Reign {
                    fence: fence.clone(),
                    echoes: 1,
                });
            }
        });
    }

    /// The member is not master, or does not know it.
    pub(super) fn over(&self) {
        self.0.send_if_modified(|reign| reign.take().is_some());
    }
}
