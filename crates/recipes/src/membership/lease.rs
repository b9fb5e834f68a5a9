//! For how long a claim is certain: the arithmetic that keeps two members from being active at once.
//!
//! A server ends a session when it has heard nothing from it for the session timeout. What counts is not when this
//! client last got an answer but when the server last heard the client, which is no earlier than the moment at which an
//! answered request was *sent*. Two properties of an ensemble make that time less certain:
//!
//! - only a *write* certainly reaches the leader, which ends sessions; a server that is cut off from the leader answers
//!   reads for a while. So a claim is proven by a write;
//! - the other servers report the sessions that they have heard to the leader every half a tick. The session timeout is
//!   at least two ticks (`minSessionTimeout`), so half a tick is at most a quarter of it; and the report may cover only
//!   the request before the last one, which was sent at most 3/20 of the session timeout earlier (the interval of the
//!   client's own pings; proofs come faster).
//!
//! So the session lives for at least 1 − 1/4 − 3/20 = 3/5 of its timeout after the last proof was sent. A sixtieth of
//! the timeout is reserved for the kill of the command.

use std::time::Duration;

use heartline_process::supervisor::Until;

/// How long the proofs of one session make its claim certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseTiming {
    session: Duration,
    grace: Duration,
}

impl LeaseTiming {
    /// The timing for a session with this timeout, and a command that may take `grace` to end.
    pub fn new(session: Duration, grace: Duration) -> Self {
        Self { session, grace }
    }

    /// How long the claim is certain if the last proof was sent at `sent`, and by when the command must be asked to
    /// end. Whatever its grace, the command gets at most a quarter of the session timeout to end: otherwise every short
    /// interruption would stop it.
    pub fn until(&self, sent: Duration) -> Until {
        // 3/5 - 1/60
        let dead_by = sent + self.session * 7 / 12;
        Until {
            stop_by: dead_by.saturating_sub(self.grace.min(self.session / 4)),
            dead_by,
        }
    }

    /// The interval between two proofs.
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
            // A few proofs may be late before the command is stopped.
            assert!(until.stop_by > sent + terms.every() * 3, "{until:?}");
        }
    }
}
