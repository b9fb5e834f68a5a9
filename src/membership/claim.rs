//! Whose is the znode? One session's part in the claim of one ephemeral znode, as the recipe has it:
//! create it; if it exists, wait with a watch until it is gone, and create it again.
//!
//! Events go in by the methods, what is to be done comes out of [`Claim::poll_action`]. Rules:
//!
//! - each request carries a generation, and the answer to an older one is dropped;
//! - the znode is held only if this session owns it, whatever its value says: a create whose answer was
//!   lost, or the leftover of an earlier session, look alike otherwise;
//! - a leftover of an earlier session is waited for like anybody else's znode. It cannot be replaced
//!   safely: no transaction checks a znode's owner, and by the time it is made the leftover may be gone
//!   and the znode another's;
//! - a lost connection does not end a claim, the session goes on; how long the claim may be relied on
//!   meanwhile is not decided here but by [`super::lease`]. When the connection is back, the znode is
//!   looked at before the claim is proven again.

use std::collections::VecDeque;

/// What the driver is to do next. Answers go back with the same `generation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimAction {
    /// Create the znode: [`Claim::created`].
    Create {
        /// To be handed back.
        generation: u64,
    },
    /// Read the znode and watch it: [`Claim::looked`], and [`Claim::changed`] when the watch tells.
    Look {
        /// To be handed back.
        generation: u64,
    },
    /// The znode is this session's.
    Hold {
        /// The zxid that created it: grows with each holder.
        epoch: i64,
    },
    /// The znode is somebody else's.
    Wait {
        /// What it says.
        holder: String,
    },
    /// The znode was this session's, and is not any more.
    Lose,
}

/// The znode as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZnodeState {
    /// The session that it dies with.
    pub owner: i64,
    /// The zxid that created it.
    pub created: i64,
    /// What it says.
    pub value: String,
}

/// One session's part.
#[derive(Debug)]
pub struct Claim {
    session: i64,
    generation: u64,
    connected: bool,
    /// Whether a create was ever sent: it may have been made although its answer was lost.
    attempted: bool,
    held: Option<i64>,
    /// Whether the znode was seen to be held since the connection stands.
    certain: bool,
    actions: VecDeque<ClaimAction>,
}

impl Claim {
    /// A claim that has not begun, of the session of this id.
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

    /// The next thing to do, if any.
    pub fn poll_action(&mut self) -> Option<ClaimAction> {
        self.actions.pop_front()
    }

    /// Whether the znode is this session's, as far as can be known: whether it is worth a proof.
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

    /// The connection is lost: nothing asked before will be answered.
    pub fn disconnected(&mut self) {
        self.connected = false;
        self.certain = false;
        self.generation += 1;
    }

    /// The znode was created, with this zxid; or it existed, if `None`.
    pub fn created(&mut self, generation: u64, epoch: Option<i64>) {
        if self.is_current(generation) {
            if let Some(epoch) = epoch {
                self.hold(epoch);
            }
            // In either case there is a znode to be watched.
            self.look();
        }
    }

    /// The znode as it stands; `None` if it does not.
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

    /// The watch of that look has told: the znode has changed.
    pub fn changed(&mut self, generation: u64) {
        if self.is_current(generation) {
            self.certain = false;
            self.look();
        }
    }

    /// ZooKeeper answers that there is no such znode: it has to be looked at again.
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
            // Deleted by somebody, and created again by a request of ours that was thought lost.
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
