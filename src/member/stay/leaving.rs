//! How a member leaves: when it can, whether it is worth to wait, and what it says.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{sleep, timeout};

use super::{Role, Stay};
use crate::member::happening::Hope;
use crate::member::stopping::Stopping;
use crate::member::write;
use crate::protocol::{Ending, beat};

/// How long a failed member stays at the most so that its last word is read.
const LONGEST_HOLD: Duration = Duration::from_millis(100);

impl Stay<'_> {
    /// Whether a member that has to leave need not wait for the connection: looks once more when it
    /// is asked first, as a server may be back that the client has not tried again yet.
    pub(super) fn is_hopeless(&mut self) -> bool {
        match self.hope {
            Hope::Unknown => {
                self.hope = Hope::Asked;
                self.diagnose(true);
                false
            }
            Hope::Asked | Hope::Some => false,
            Hope::None => true,
        }
    }

    /// Whether the member has come so far that it can leave in good order.
    pub(super) fn is_settled(&self) -> bool {
        match &self.role {
            Role::None | Role::Heir(_) => false,
            Role::Follower { joined } => *joined,
            Role::Standby => true,
            Role::Master(master) => !master.tenure.is_undecided(),
        }
    }

    /// Says how the work ended and removes what is the member's own. The answers are not waited for:
    /// the end of the session comes behind them, and its answer is theirs too.
    pub(super) async fn leave(&mut self, ending: Ending, stopping: &Stopping) {
        let now = self.life.surroundings.now();
        let status = self.life.status(self.interval());
        let config = &self.life.config;
        let name = config.name.as_ref();
        match std::mem::replace(&mut self.role, Role::None) {
            Role::Follower { .. } => {
                // The end of the session removes the znode and the claim in one transaction.
                let last = beat::ended(now.wall, &config.identity, &status, ending);
                let said = pin!(self.session.beat(name, &last));
                if ending == Ending::Finished {
                    let _ = said.now_or_never();
                } else {
                    // Only the last word tells a failure, so the master is given time to read it.
                    let _ = timeout(stopping.remaining(), said).await;
                    let hold = config.pace.detection.timeout.min(LONGEST_HOLD);
                    sleep(stopping.remaining().min(hold)).await;
                }
            }
            Role::Master(mut master) => {
                let last = master.tenure.release(now);
                let _ = write::fenced(master.fence.clone(), String::new(), last).now_or_never();
            }
            Role::None | Role::Standby | Role::Heir(_) => {}
        }
        if let Some(recording) = &config.recording {
            recording.flush();
        }
        self.election.release();
    }
}
