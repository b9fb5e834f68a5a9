//! Who is master: the line of claims below `/heart_beat_master`.
//!
//! Each member puts one ephemeral, sequential znode into the line; whoever's is first is master, and
//! each of the others watches only the one before it, so that an end wakes one member and not all.
//! Names are those of Curator's lock recipe (`_c_<uuid>-lock-<sequence>`), so that Curator's tools
//! and locks see the line as one of theirs.
//!
//! The machine holds one session's part in the line: events go in by the methods, what is to be
//! done comes out of [`Election::poll_action`]. Rules that other recipes learned the hard way:
//!
//! - each request carries a generation, and the answer to an older one is dropped (CURATOR-504, 644);
//! - nobody leads on a znode of another session, even if the name is its own (CURATOR-696);
//! - one's own znode that vanished starts the claim anew (CURATOR-724);
//! - a create whose answer was lost is looked for by its unique id before it is tried again;
//! - disconnected means stepped down at once; the fence guards what was already on its way.

use std::collections::VecDeque;

/// What the driver is to do next. Answers go back with the same `generation`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create the own claim at the end of the line: [`Election::created`].
    Create {
        /// To be handed back.
        generation: u64,
    },
    /// List the line, after a `sync` if `fresh`: [`Election::listed`].
    List {
        /// To be handed back.
        generation: u64,
        /// Whether the answer must include what another server has already acknowledged.
        fresh: bool,
    },
    /// Look at the own claim's owner and zxid: [`Election::inspected`].
    Inspect {
        /// To be handed back.
        generation: u64,
        /// The claim's name in the line.
        claim: String,
    },
    /// Watch the claim before the own one until it goes: [`Election::predecessor_gone`].
    Watch {
        /// To be handed back.
        generation: u64,
        /// The predecessor's name in the line.
        claim: String,
    },
    /// Remove a claim of one's own that is one too many.
    Remove {
        /// Its name in the line.
        claim: String,
    },
    /// Be a follower: another is master.
    Follow,
    /// Be master, until [`Action::StepDown`].
    Lead(Mandate),
    /// Stop at once to act as master.
    StepDown,
}

/// What makes a member master: its claim, and the epoch that the claim began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mandate {
    /// The claim's name in the line: every write of the master checks that it still stands.
    pub claim: String,
    /// The zxid that created the claim.
    pub epoch: i64,
}

/// What is known of the own claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClaimStat {
    /// The zxid that created it.
    pub created: i64,
    /// The session that it dies with.
    pub owner: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    /// No connection, nothing under way.
    Away,
    /// Waiting for an answer, or for the predecessor to go.
    InLine,
    Leading,
    /// Left for good.
    Released,
}

/// One session's part in the line of claims.
#[derive(Debug)]
pub struct Election {
    id: String,
    session: i64,
    phase: Phase,
    generation: u64,
    /// Whether a create was ever sent: it may have been made although its answer was lost.
    attempted: bool,
    own: Option<(String, ClaimStat)>,
    follows: bool,
    actions: VecDeque<Action>,
}

impl Election {
    /// A part that has not begun: `session` is the session that all claims will belong to, `id` a
    /// unique id for the names of its claims.
    pub fn new(session: i64, id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            session,
            phase: Phase::Away,
            generation: 0,
            attempted: false,
            own: None,
            follows: false,
            actions: VecDeque::new(),
        }
    }

    /// What the own claims' names begin with; the server appends the sequence number.
    pub fn prefix(&self) -> String {
        format!("_c_{}-lock-", self.id)
    }

    /// The own claim's name, once it is known.
    pub fn claim(&self) -> Option<&str> {
        self.own.as_ref().map(|(name, _)| name.as_str())
    }

    /// The next thing to do, if any.
    pub fn poll_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The session is connected, for the first time or again.
    pub fn connected(&mut self) {
        if self.phase == Phase::Released {
            return;
        }
        self.disconnected();
        self.phase = Phase::InLine;
        if self.attempted {
            self.list(true);
        } else {
            self.create();
        }
    }

    /// The connection is lost: nothing asked before will be answered.
    pub fn disconnected(&mut self) {
        self.step_down();
        if self.phase != Phase::Released {
            self.phase = Phase::Away;
        }
        self.generation += 1;
    }

    /// The claim is in the line.
    pub fn created(&mut self, generation: u64, name: String, stat: ClaimStat) {
        if self.is_current(generation) {
            self.own = Some((name, stat));
            self.list(false);
        }
    }

    /// The line, in any order.
    pub fn listed(&mut self, generation: u64, names: &[String]) {
        if !self.is_current(generation) {
            return;
        }
        let prefix = self.prefix();
        let line = in_order(names);
        let Some(place) = line.iter().position(|name| name.starts_with(&prefix)) else {
            // Deposed, or never made: to the end of the line.
            self.step_down();
            self.phase = Phase::InLine;
            self.own = None;
            self.create();
            return;
        };
        for extra in line
            .iter()
            .skip(place + 1)
            .filter(|name| name.starts_with(&prefix))
        {
            self.actions.push_back(Action::Remove {
                claim: (*extra).clone(),
            });
        }
        let claim = line[place].clone();
        let known = self
            .own
            .as_ref()
            .filter(|(name, _)| *name == claim)
            .map(|(_, stat)| *stat);
        match known {
            None => {
                let generation = self.ask();
                self.actions
                    .push_back(Action::Inspect { generation, claim });
            }
            Some(stat) if place == 0 && stat.owner == self.session => {
                self.lead(claim, stat.created);
            }
            // A claim of this name that another session owns will go with that session.
            Some(_) if place == 0 => {}
            Some(_) => {
                if !self.follows {
                    self.follows = true;
                    self.actions.push_back(Action::Follow);
                }
                let claim = line[place - 1].clone();
                let generation = self.ask();
                self.actions.push_back(Action::Watch { generation, claim });
            }
        }
    }

    /// What stands at the own claim's name; `None` if nothing does.
    pub fn inspected(&mut self, generation: u64, claim: String, stat: Option<ClaimStat>) {
        if self.is_current(generation) {
            self.own = stat.map(|stat| (claim, stat));
            self.list(false);
        }
    }

    /// The watched claim is gone, or was before it could be watched.
    pub fn predecessor_gone(&mut self, generation: u64) {
        if self.is_current(generation) {
            self.list(false);
        }
    }

    /// A fenced write was refused: the own claim no longer stands.
    pub fn deposed(&mut self) {
        if self.phase == Phase::Leading {
            self.step_down();
            self.phase = Phase::InLine;
            self.own = None;
            self.list(false);
        }
    }

    /// Leaves the line for good; the driver removes the claim.
    pub fn release(&mut self) {
        self.phase = Phase::Released;
        self.generation += 1;
        self.actions.clear();
    }

    fn is_current(&self, generation: u64) -> bool {
        self.phase != Phase::Released && generation == self.generation
    }

    /// A new question: answers to earlier ones no longer count.
    fn ask(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }

    fn create(&mut self) {
        self.attempted = true;
        let generation = self.ask();
        self.actions.push_back(Action::Create { generation });
    }

    fn list(&mut self, fresh: bool) {
        let generation = self.ask();
        self.actions.push_back(Action::List { generation, fresh });
    }

    fn lead(&mut self, claim: String, epoch: i64) {
        if self.phase != Phase::Leading {
            self.phase = Phase::Leading;
            self.follows = false;
            self.actions
                .push_back(Action::Lead(Mandate { claim, epoch }));
        }
    }

    fn step_down(&mut self) {
        if self.phase == Phase::Leading {
            self.actions.push_back(Action::StepDown);
        }
    }
}

/// The claims of a line, first come first. What has no sequence number is not a claim.
pub fn in_order(names: &[String]) -> Vec<&String> {
    let mut line: Vec<(i64, &String)> = names
        .iter()
        .filter_map(|name| {
            let (_, sequence) = name.rsplit_once('-')?;
            Some((sequence.parse().ok()?, name))
        })
        .collect();
    line.sort();
    line.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: i64 = 7;
    const OTHER: &str = "_c_other-lock-0000000001";
    const OWN: &str = "_c_me-lock-0000000002";
    const STAT: ClaimStat = ClaimStat {
        created: 40,
        owner: SESSION,
    };

    /// An election that is connected, with the generation of its first request.
    fn connected() -> (Election, u64) {
        let mut election = Election::new(SESSION, "me");
        election.connected();
        let Some(Action::Create { generation }) = election.poll_action() else {
            panic!("the first thing to do is to create the claim");
        };
        (election, generation)
    }

    fn line(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    /// Answers the next request, which has to be a listing.
    fn list(election: &mut Election, names: &[&str]) {
        let action = election.poll_action();
        let Some(Action::List { generation, .. }) = action else {
            panic!("expected a listing, got {action:?}");
        };
        election.listed(generation, &line(names));
    }

    fn mandate() -> Action {
        Action::Lead(Mandate {
            claim: OWN.to_owned(),
            epoch: 40,
        })
    }

    fn leading() -> Election {
        let (mut election, generation) = connected();
        election.created(generation, OWN.to_owned(), STAT);
        list(&mut election, &[OWN]);
        assert_eq!(election.poll_action(), Some(mandate()));
        election
    }

    #[test]
    fn the_first_in_line_leads() {
        leading();
    }

    #[test]
    fn the_second_watches_only_the_one_before_it() {
        let (mut election, generation) = connected();
        election.created(generation, OWN.to_owned(), STAT);
        list(
            &mut election,
            &[
                "_c_later-lock-0000000003",
                OWN,
                OTHER,
                "_c_x-lock-0000000000",
            ],
        );
        assert_eq!(election.poll_action(), Some(Action::Follow));
        let Some(Action::Watch { generation, claim }) = election.poll_action() else {
            panic!()
        };
        assert_eq!(claim, OTHER);
        election.predecessor_gone(generation);
        list(&mut election, &[OWN]);
        assert_eq!(election.poll_action(), Some(mandate()));
    }

    #[test]
    fn sequences_are_compared_as_numbers_whatever_the_id() {
        let (mut election, generation) = connected();
        election.created(generation, OWN.to_owned(), STAT);
        list(&mut election, &["_c_aaa-lock-0000000010", OWN]);
        assert_eq!(election.poll_action(), Some(mandate()));
    }

    #[test]
    fn answers_to_older_questions_are_dropped() {
        let (mut election, generation) = connected();
        election.disconnected();
        election.connected();
        let current = election.poll_action();
        election.created(generation, OWN.to_owned(), STAT);
        assert_eq!(election.poll_action(), None);
        assert!(matches!(current, Some(Action::List { fresh: true, .. })));
    }

    #[test]
    fn a_claim_whose_answer_was_lost_is_found_again() {
        let (mut election, _) = connected();
        election.disconnected();
        election.connected();
        list(&mut election, &[OWN]);
        let Some(Action::Inspect { generation, claim }) = election.poll_action() else {
            panic!()
        };
        election.inspected(generation, claim, Some(STAT));
        list(&mut election, &[OWN]);
        assert_eq!(election.poll_action(), Some(mandate()));
    }

    #[test]
    fn a_claim_that_was_not_made_is_made_again() {
        let (mut election, _) = connected();
        election.disconnected();
        election.connected();
        list(&mut election, &[OTHER]);
        assert!(matches!(
            election.poll_action(),
            Some(Action::Create { .. })
        ));
    }

    #[test]
    fn a_claim_made_twice_is_kept_once() {
        let (mut election, _) = connected();
        election.disconnected();
        election.connected();
        let twice = "_c_me-lock-0000000003";
        list(&mut election, &[twice, OWN]);
        assert_eq!(
            election.poll_action(),
            Some(Action::Remove {
                claim: twice.to_owned()
            })
        );
    }

    #[test]
    fn nobody_leads_on_another_sessions_claim() {
        let (mut election, generation) = connected();
        election.created(
            generation,
            OWN.to_owned(),
            ClaimStat {
                created: 40,
                owner: 6,
            },
        );
        list(&mut election, &[OWN]);
        assert_eq!(election.poll_action(), None);
    }

    #[test]
    fn disconnected_is_stepped_down_and_the_same_claim_leads_again() {
        let mut election = leading();
        election.disconnected();
        assert_eq!(election.poll_action(), Some(Action::StepDown));
        election.connected();
        list(&mut election, &[OWN]);
        assert_eq!(election.poll_action(), Some(mandate()));
    }

    #[test]
    fn two_reconnections_in_quick_succession_lead_once() {
        let mut election = leading();
        election.connected();
        election.connected();
        assert_eq!(election.poll_action(), Some(Action::StepDown));
        let Some(Action::List {
            generation: old, ..
        }) = election.poll_action()
        else {
            panic!()
        };
        election.listed(old, &line(&[OWN]));
        list(&mut election, &[OWN]);
        assert_eq!(election.poll_action(), Some(mandate()));
        assert_eq!(election.poll_action(), None);
    }

    #[test]
    fn the_deposed_goes_to_the_end_of_the_line() {
        let mut election = leading();
        election.deposed();
        assert_eq!(election.poll_action(), Some(Action::StepDown));
        list(&mut election, &[OTHER]);
        assert!(matches!(
            election.poll_action(),
            Some(Action::Create { .. })
        ));
    }

    #[test]
    fn the_released_does_nothing_more() {
        let mut election = leading();
        election.release();
        election.connected();
        election.predecessor_gone(99);
        assert_eq!(election.poll_action(), None);
    }
}
