//! For how long a claim is surely one's own: the arithmetic that keeps two from being active at once.
//!
//! A server ends a session when it has heard nothing of it for the session timeout. What counts is not
//! when we last heard an answer but when the server last heard us, which is no earlier than the moment
//! at which an answered request was *sent*. Two things make it earlier than that in an ensemble:
//!
//! - only a *write* is certain to have reached the leader that ends sessions; a server that is cut off
//!   from it goes on answering reads for a while. So a claim is proven by a write;
//! - the other servers report whom they have heard to the leader every half a tick. The session timeout
//!   is at least two ticks (`minSessionTimeout`), so half a tick is at most a quarter of it; and what
//!   was reported may be the request before the last one, which was sent 3/20 of the session timeout
//!   earlier at the most (the client's own pings; our proofs come faster).
//!
//! So the session lives for at least 1 − 1/4 − 3/20 = 3/5 of its timeout after the last proof was sent.
//! A sixtieth of it is left for the command's death itself.

use std::time::Duration;

use crate::supervisor::Until;

/// What one session's proofs entitle to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTiming {
    session: Duration,
    grace: Duration,
}

impl LeaseTiming {
    /// The terms of a session of this timeout, for a command that may take `grace` to end.
    pub fn new(session: Duration, grace: Duration) -> Self {
        Self { session, grace }
    }

    /// How long the claim is surely one's own when the last proof was sent at `sent`, and by when the
    /// command has to be asked to end for that. However long it may usually take, it gets a quarter of
    /// the session timeout at the most: else it would have to be stopped at every hiccup.
    pub fn until(&self, sent: Duration) -> Until {
        // 3/5 - 1/60
        let dead_by = sent + self.session * 7 / 12;
        Until {
            stop_by: dead_by.saturating_sub(self.grace.min(self.session / 4)),
            dead_by,
        }
    }

    /// Between two proofs.
    pub fn every(&self) -> Duration {
        self.session / 10
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_gone_before_the_session_can_be() {
        for (session, grace) in [(6000, 5000), (6000, 100), (100, 0), (1000, 60_000)] {
            let session = Duration::from_millis(session);
            let terms = LeaseTiming::new(session, Duration::from_millis(grace));
            let sent = Duration::from_secs(1000);
            let until = terms.until(sent);
            assert!(until.stop_by <= until.dead_by);
            assert!(until.dead_by < sent + session * 3 / 5);
            // A few proofs may be late before anything is stopped.
            assert!(until.stop_by > sent + terms.every() * 3, "{until:?}");
        }
    }
}
