//! That a member is master, told to a program that acts on it.

use tokio::sync::watch;
use tokio::time::Instant;

use crate::coordination::Fence;

/// A member is master.
#[derive(Clone, Debug)]
pub struct MasterLease {
    /// What it may write. To hold it holds the session open.
    pub fence: Fence,
    /// When the last of its writes that ZooKeeper has acknowledged was sent: then nobody else had been made master. An
    /// acknowledgement can be old when it is read, after a pause for instance.
    pub sent_at: Instant,
}

/// Tells a program when the member is master.
#[derive(Clone, Debug)]
pub struct MasterLeaseSender(watch::Sender<Option<MasterLease>>);

impl MasterLeaseSender {
    /// Both ends: for [`super::Config`], and for the program.
    pub fn new() -> (Self, watch::Receiver<Option<MasterLease>>) {
        let (tell, told) = watch::channel(None);
        (Self(tell), told)
    }

    /// A write that needs the claim was acknowledged.
    pub(super) fn echo(&self, fence: &Fence, sent_at: Instant) {
        self.0.send_modify(|reign| match reign {
            Some(reign) if reign.fence.claim() == fence.claim() => {
                // Beats beside a longer write overtake it.
                reign.sent_at = reign.sent_at.max(sent_at);
            }
            _ => {
                *reign = Some(MasterLease {
                    fence: fence.clone(),
                    sent_at,
                });
            }
        });
    }

    /// The member is not master, or does not know it.
    pub(super) fn over(&self) {
        self.0.send_if_modified(|reign| reign.take().is_some());
    }
}
