//! Tells a program that its member's loop turns, and what the member is at that moment.

use std::fmt;
use std::sync::Arc;

/// What a member is when its loop turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberTurn {
    /// It has no place among the members: it connects, or waits for its claim or znode.
    Away,
    /// It is a follower, or stands in the line as a dedicated master.
    Joined,
    /// It is the master.
    Leads,
    /// It was told to end.
    Leaving,
}

/// A callback for each turn of a member's loop, on the heartbeat's thread: it must not block. While the member lives, the
/// loop turns every few seconds at least; with a session as often as it beats.
#[derive(Clone)]
pub struct TurnHook(Arc<dyn Fn(MemberTurn) + Send + Sync>);

impl TurnHook {
    /// Calls `hook` at each turn.
    pub fn new(hook: impl Fn(MemberTurn) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hook))
    }

    pub(super) fn turned(&self, turn: MemberTurn) {
        (self.0)(turn);
    }
}

impl fmt::Debug for TurnHook {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TurnHook")
    }
}
