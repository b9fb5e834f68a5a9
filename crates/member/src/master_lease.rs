//! Tells a program that its member is master, and since when this is proven.

use tokio::sync::watch;
use tokio::time::Instant;

use heartline_zookeeper::Fence;

/// Proof that a member is master.
#[derive(Clone, Debug)]
pub struct MasterLease {
    /// The fence that guards its writes. Holding it keeps the session open.
    pub fence: Fence,
    /// When the newest acknowledged write of the master was sent: at that time there was no other master. The
    /// acknowledgement may be old when it is read, for example after a pause of the process.
    pub sent_at: Instant,
}

/// Publishes the master lease to the program.
#[derive(Clone, Debug)]
pub struct MasterLeaseSender(watch::Sender<Option<MasterLease>>);

impl MasterLeaseSender {
    /// Creates both ends: the sender for [`super::Config`], and the receiver for the program.
    pub fn new() -> (Self, watch::Receiver<Option<MasterLease>>) {
        let (sender, receiver) = watch::channel(None);
        (Self(sender), receiver)
    }

    /// Renews the lease: a write that needs the claim was acknowledged.
    pub(super) fn echo(&self, fence: &Fence, sent_at: Instant) {
        self.0.send_modify(|lease| match lease {
            Some(lease) if lease.fence.claim() == fence.claim() => {
                // Beats that are sent beside a longer write may be acknowledged before it.
                lease.sent_at = lease.sent_at.max(sent_at);
            }
            _ => {
                *lease = Some(MasterLease {
                    fence: fence.clone(),
                    sent_at,
                });
            }
        });
    }

    /// Ends the lease: the member is not master, or does not know whether it is.
    pub(super) fn over(&self) {
        self.0.send_if_modified(|lease| lease.take().is_some());
    }
}
