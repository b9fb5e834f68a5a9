//! How a member leaves: when it can, whether it is worth to wait, and what it says.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{sleep, timeout};

use super::{MemberSession, SessionRole};
use crate::member::session_event::ReconnectOutlook;
use crate::member::shutdown::Shutdown;
use crate::member::write;
use crate::protocol::{Ending, beat};

/// How long a failed member stays at the most so that its last word is read.
const LONGEST_HOLD: Duration = Duration::from_millis(100);

impl MemberSession<'_> {
    /// Whether a member that has to leave need not wait for the connection: looks once more when it
    /// is asked first, as a server may be back that the client has not tried again yet.
    pub(super) fn is_hopeless(&mut self) -> bool {
        match self.outlook {
            ReconnectOutlook::Unknown => {
                self.outlook = ReconnectOutlook::Asked;
                self.diagnose(true);
                false
            }
            ReconnectOutlook::Asked | ReconnectOutlook::Some => false,
            ReconnectOutlook::None => true,
        }
    }

    /// Whether the member has come so far that it can leave in good order.
    pub(super) fn is_settled(&self) -> bool {
        match &self.role {
            SessionRole::None | SessionRole::TakingOver(_) => false,
            SessionRole::Follower { joined } => *joined,
            SessionRole::Standby => true,
            SessionRole::Master(master) => !master.master_state.is_undecided(),
        }
    }

    /// Says how the work ended and removes what is the member's own. The answers are not waited for:
    /// the end of the session comes behind them, and its answer is theirs too.
    pub(super) async fn leave(&mut self, ending: Ending, shutdown: &Shutdown) {
        let now = self.runner.environment.now();
        let status = self.runner.status(self.interval());
        let config = &self.runner.config;
        let name = config.name.as_ref();
        match std::mem::replace(&mut self.role, SessionRole::None) {
            SessionRole::Follower { .. } => {
                // The end of the session removes the znode and the claim in one transaction.
                let last = beat::ended(now.wall, &config.identity, &status, ending);
                let said = pin!(self.session.beat(name, &last));
                if ending == Ending::Finished {
                    let _ = said.now_or_never();
                } else {
                    // Only the last word tells a failure, so the master is given time to read it.
                    let _ = timeout(shutdown.remaining(), said).await;
                    let hold = config.pace.detection.timeout.min(LONGEST_HOLD);
                    sleep(shutdown.remaining().min(hold)).await;
                }
            }
            SessionRole::Master(mut master) => {
                let last = master.master_state.release(now);
                let _ = write::fenced(master.fence.clone(), String::new(), last).now_or_never();
            }
            SessionRole::None | SessionRole::Standby | SessionRole::TakingOver(_) => {}
        }
        if let Some(recording) = &config.recording {
            recording.flush();
        }
        self.election.release();
    }
}
