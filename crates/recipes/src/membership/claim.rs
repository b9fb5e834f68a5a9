//! Determines who owns the znode: one session's part in the claim of one ephemeral znode, by the usual recipe: create
//! it; if it exists, wait with a watch until it is gone, and create it again.
//!
//! Events go in through the methods; the actions come out of [`Claim::poll_action`]. Rules:
//!
//! - each request carries a generation, and the answer to an older one is dropped;
//! - the znode is held only if this session owns it, whatever its value is: the result of a create whose answer was
//!   lost, and the znode of an earlier session of this member, are otherwise indistinguishable;
//! - the znode of an earlier session is waited for like any other member's. It cannot be replaced safely: no
//!   transaction checks a znode's owner, and when the transaction is executed, the znode may already belong to another
//!   member;
//! - a lost connection does not end a claim, since the session continues; [`super::lease`] decides how long the claim
//!   may be relied on meanwhile. When the connection is back, the znode is read before the claim is proven again.

use std::collections::VecDeque;

/// The next action for the driver. Replies carry the same `generation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimAction {
    /// Create the znode; the reply is [`Claim::created`].
    Create {
        /// The generation for the reply.
        generation: u64,
    },
    /// Read the znode and watch it; the replies are [`Claim::looked`], and [`Claim::changed`] when the watch fires.
    Look {
        /// The generation for the reply.
        generation: u64,
    },
    /// This session owns the znode.
    Hold {
        /// The zxid that created the znode, which grows with each holder.
        epoch: i64,
    },
    /// Another session owns the znode.
    Wait {
        /// The znode's value.
        holder: String,
    },
    /// This session owned the znode, and does not any more.
    Lose,
}

/// The znode's state when it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZnodeState {
    /// The id of the session that owns the znode.
    pub owner: i64,
    /// The zxid that created the znode.
    pub created: i64,
    /// The znode's value.
    pub value: String,
}

/// The claim of one session.
#[derive(Debug)]
pub struct Claim {
    session: i64,
    generation: u64,
    connected: bool,
    /// Whether a create was ever sent: it may have succeeded although its answer was lost.
    attempted: bool,
    held: Option<i64>,
    /// Whether the znode was found to be held since the connection was established.
    certain: bool,
    actions: VecDeque<ClaimAction>,
}

impl Claim {
    /// A claim that has not begun, for the session with this id.
    pub fn new(session: i64) -> Self {
        Self {
            session,
            generation: 0,
            connected: false,
            attempted: false,
            held: None,
            certain: false,
            actions: VecDeque::new(),
        }
    }

    /// The next action, if any.
    pub fn poll_action(&mut self) -> Option<ClaimAction> {
        self.actions.pop_front()
    }

    /// Whether this session owns the znode as far as it can know, so that a proof makes sense.
    pub fn is_certain(&self) -> bool {
        self.certain
    }

    /// The session is connected, for the first time or again.
    pub fn connected(&mut self) {
        self.disconnected();
        self.connected = true;
        if self.attempted {
            self.look();
        } else {
            self.create();
        }
    }

    /// The connection is lost: earlier requests will get no answer.
    pub fn disconnected(&mut self) {
        self.connected = false;
        self.certain = false;
        self.generation += 1;
    }

    /// The znode was created with this zxid, or, if `None`, it existed already.
    pub fn created(&mut self, generation: u64, epoch: Option<i64>) {
        if self.is_current(generation) {
            if let Some(epoch) = epoch {
                self.hold(epoch);
            }
            // In either case the znode exists and must be watched.
            self.look();
        }
    }

    /// The znode's current state; `None` if it does not exist.
    pub fn looked(&mut self, generation: u64, seen: Option<ZnodeState>) {
        if !self.is_current(generation) {
            return;
        }
        match seen {
            Some(seen) if seen.owner == self.session => self.hold(seen.created),
            Some(seen) => {
                self.lose();
                self.actions
                    .push_back(ClaimAction::Wait { holder: seen.value });
            }
            None => {
                self.lose();
                self.create();
            }
        }
    }

    /// The watch of that read has fired: the znode has changed.
    pub fn changed(&mut self, generation: u64) {
        if self.is_current(generation) {
            self.certain = false;
            self.look();
        }
    }

    /// ZooKeeper reports that the znode does not exist, so it must be read again.
    pub fn doubted(&mut self) {
        if self.connected && self.certain {
            self.certain = false;
            self.look();
        }
    }

    fn is_current(&self, generation: u64) -> bool {
        self.connected && generation == self.generation
    }

    fn create(&mut self) {
        self.attempted = true;
        self.generation += 1;
        let generation = self.generation;
        self.actions.push_back(ClaimAction::Create { generation });
    }

    fn look(&mut self) {
        self.generation += 1;
        let generation = self.generation;
        self.actions.push_back(ClaimAction::Look { generation });
    }

    fn hold(&mut self, epoch: i64) {
        if self.held.is_some_and(|held| held != epoch) {
            // Somebody deleted the znode, and a request of this session that was thought to be lost created it again.
            self.lose();
        }
        self.certain = true;
        if self.held.replace(epoch).is_none() {
            self.actions.push_back(ClaimAction::Hold { epoch });
        }
    }

    fn lose(&mut self) {
        self.certain = false;
        if self.held.take().is_some() {
            self.actions.push_back(ClaimAction::Lose);
        }
    }
}

#[cfg(test)]
mod tests;
