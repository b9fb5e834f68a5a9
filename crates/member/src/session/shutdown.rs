//! How a member leaves: when it can, whether it waits, and what it reports.

use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep, timeout};

use super::{MemberSession, SessionRole};
use crate::session_event::ReconnectOutlook;
use crate::shutdown::Shutdown;
use crate::write;
use heartline_core::protocol::{Ending, beat};

/// How long a failed member stays at most, so that the master reads its last beat.
const LONGEST_HOLD: Duration = Duration::from_millis(100);

/// How long a master with followers stays at least, in its intervals: it hears of those that leave at the same time.
const LAST_WORDS: u32 = 2;
/// The least time for that: two intervals, as they are by default.
const LEAST_LAST_WORDS: Duration = Duration::from_millis(10);
/// How long it stays at most, also for followers that have said how their work ended, and are still there: longer than a
/// follower that has failed.
const LONGEST_LAST_WORDS: Duration = LONGEST_HOLD.saturating_mul(2);

impl MemberSession<'_> {
    /// Whether a leaving member need not wait for the connection. The first call starts a diagnosis, since a
    /// server may be back that the client has not tried again yet.
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

    /// Whether the member can leave in good order.
    pub(super) fn is_settled(&self) -> bool {
        match &self.role {
            SessionRole::None | SessionRole::TakingOver(_) => false,
            SessionRole::Follower { joined } => *joined,
            SessionRole::Standby => true,
            SessionRole::Master(master) => !master.master_state.is_undecided(),
        }
    }

    /// Until when a master stays, before it looks again: nobody else may hear what followers say that leave with it, or
    /// right before it. `None` if it need not stay.
    pub(super) fn stays_until(&mut self) -> Option<Instant> {
        let SessionRole::Master(master) = &self.role else {
            return None;
        };
        if master.master_state.followers() == 0 {
            return None;
        }
        let has_leaving = master.master_state.has_leaving();
        let least = (self.interval() * LAST_WORDS).clamp(LEAST_LAST_WORDS, LONGEST_LAST_WORDS);
        let since = *self.last_words_since.get_or_insert_with(Instant::now);
        let waited = since.elapsed();
        if waited < least {
            return Some(since + least);
        }
        (has_leaving && waited < LONGEST_LAST_WORDS).then(|| since + LONGEST_LAST_WORDS)
    }

    /// Reports how the work ended and removes the member's znodes. It does not wait for these answers: the
    /// end of the session is requested after them, and its answer covers them.
    pub(super) async fn leave(&mut self, ending: Ending, shutdown: &Shutdown) {
        // Work that was ended for a stall ends right after its snapshot, which nobody sends later.
        self.keep_snapshot();
        let now = self.context.environment.now();
        let status = self.context.status(self.interval());
        let config = &self.context.config;
        let name = config.name.as_ref();
        match std::mem::replace(&mut self.role, SessionRole::None) {
            SessionRole::Follower { .. } => {
                // The end of the session removes the znode and the claim in one transaction.
                let last = beat::ended(now.wall, &config.identity, &status, ending);
                let said = pin!(self.session.beat(name, &last));
                if ending == Ending::Finished {
                    let _ = said.now_or_never();
                    if let Some(connection) = &mut self.master_connection {
                        connection.say_goodbye(ending);
                    }
                } else {
                    // Only the last beat reports a failure, so the master gets time to read it.
                    let _ = timeout(shutdown.remaining(), said).await;
                    // The master reads it now.
                    if let Some(connection) = &mut self.master_connection {
                        connection.say_goodbye(ending);
                    }
                    let hold = config.pace.detection.timeout.min(LONGEST_HOLD);
                    sleep(shutdown.remaining().min(hold)).await;
                }
            }
            SessionRole::Master(mut master) => {
                // A dedicated master has no work that could fail: it is stopped.
                let ending = if config.standing {
                    Ending::Finished
                } else {
                    ending
                };
                let last = master.master_state.release(now, ending);
                let _ = write::fenced(master.fence.clone(), String::new(), last).now_or_never();
            }
            SessionRole::None | SessionRole::Standby | SessionRole::TakingOver(_) => {}
        }
        let stored = async { while self.storing.join_next().await.is_some() {} };
        let _ = timeout(shutdown.remaining(), stored).await;
        if let Some(recording) = &self.context.config.recording {
            recording.flush();
        }
        self.election.release();
    }
}
