//! All nodes and what becomes of them: who is master, who lives, who is told about. Pure: the time is handed in,
//! and what is to be said comes out of [`Roster::poll_event`].
//!
//! - **Told by** [`register`](Roster::register), [`beat`](Roster::beat), [`hear`](Roster::hear),
//!   [`lose`](Roster::lose), [`leave`](Roster::leave), [`forget`](Roster::forget), and
//!   [`tick`](Roster::tick) again and again.
//! - **Asked by** [`version`](Roster::version): it grows with each change of what is kept or told; and by
//!   [`news`](Roster::news), which grows with those that are told before they are kept.

mod node;
mod permit;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(super) use node::NodeLiveness;
pub use node::{Node, Standing, Verdict};
use permit::unproven;

use super::event::Event;
use super::fields::HostName;
use super::message::{Beat, Registration, Role};
use super::rejection::Rejection;
use crate::detect::{Detector, DetectorConfig};

/// A tick that comes so much later than the one before means that the server was paused. An agent gives a connection
/// up after 2 s without an answer: a shorter pause it does not notice.
const PAUSE: Duration = Duration::from_secs(1);

/// What the server goes by.
#[derive(Clone, Debug)]
pub struct Rules {
    /// After which silence a node is dead.
    pub detection: DetectorConfig,
    /// How long a node that stays connected may take to come back when its connection is lost.
    pub patience: Duration,
    /// How long nodes that a server has known before may take to find it again, also one that was paused.
    pub grace: Duration,
    /// So many nodes there may be.
    pub most: usize,
    /// So many of them may have been at one address, one after the other.
    pub most_of_one: usize,
    /// All names must be this one or end in it, as in `.hadoop.com`.
    pub domain: Option<HostName>,
}

/// All nodes.
#[derive(Debug)]
pub struct Roster {
    rules: Rules,
    pub(super) nodes: BTreeMap<HostName, Node>,
    pub(super) master: Option<HostName>,
    detector: Detector,
    /// By the listener's stopwatch: until when nodes that were known before are waited for.
    awaited_until: Option<Duration>,
    /// By the clock: the last tick.
    ticked_at: Option<Duration>,
    /// By the listener's stopwatch: until then nobody is said to be dead, because the server was paused.
    forbears_until: Option<Duration>,
    pub(super) next_number: u64,
    version: u64,
    news: u64,
    events: VecDeque<Event>,
}

impl Roster {
    /// No nodes yet.
    pub fn new(rules: Rules) -> Self {
        Self {
            detector: Detector::new(rules.detection),
            rules,
            nodes: BTreeMap::new(),
            master: None,
            awaited_until: None,
            ticked_at: None,
            forbears_until: None,
            next_number: 0,
            version: 0,
            news: 0,
            events: VecDeque::new(),
        }
    }

    /// A node tells who it is.
    pub fn register(&mut self, now: Duration, told: &Registration) -> Result<Standing, Rejection> {
        self.permit(told)?;
        let ip = told.address.ip();
        // Whoever had the address before and is dead has it no more.
        for (name, node) in &mut self.nodes {
            if *name != told.name && node.address == Some(ip) {
                node.was_at = node.address.take();
            }
        }
        let is_new = !self.nodes.contains_key(&told.name);
        let number = self.next_number;
        let node = self.nodes.entry(told.name.clone()).or_insert_with(|| Node {
            role: told.role,
            address: None,
            was_at: None,
            key: told.key.clone(),
            user: told.user.clone(),
            number,
            life: NodeLiveness::Beats,
            is_well: told.is_well,
            stays: told.stays,
            is_proven: false,
            heard_at: Duration::ZERO,
            lost_at: None,
            returned_at: None,
            beat_at: None,
        });
        node.stays = told.stays;
        let moved = node.address != Some(ip);
        let from = node.address.replace(ip);
        node.was_at = None;
        let proven = told.is_proven && !node.is_proven;
        node.is_proven |= told.is_proven;
        let changed = is_new || moved || proven || node.user != told.user;
        node.user = told.user.clone();
        if is_new {
            self.next_number += 1;
            self.say(Event::Joined(told.name.clone(), told.role, ip));
        } else if moved {
            self.say(Event::Moved(told.name.clone(), from, ip));
        }
        if changed {
            self.version += 1;
        }
        self.alive(now, &told.name, Some(told.is_well));
        self.settle();
        Ok(self.standing(&told.name))
    }

    /// A node says that it still works, or that it does not.
    pub fn beat(&mut self, now: Duration, told: &Beat) -> Result<Standing, Rejection> {
        let name = &told.name;
        match self.nodes.get(name) {
            None => {
                return Err(Rejection::new(format!(
                    "{name} is not known; register first"
                )));
            }
            Some(node) if node.address != Some(told.address.ip()) => {
                let why = format!("{name} has another address; register with the new one");
                return Err(Rejection::new(why));
            }
            Some(node) if node.role != told.role => {
                let why = format!("{name} has said before that it is {}", node.role);
                return Err(Rejection::new(why));
            }
            Some(_) => self.alive(now, name, Some(told.is_well)),
        }
        self.settle();
        Ok(self.standing(name))
    }

    /// Something else came from a node.
    pub fn hear(&mut self, now: Duration, name: &HostName) {
        if self.nodes.contains_key(name) {
            self.alive(now, name, None);
            self.settle();
        }
    }

    fn alive(&mut self, now: Duration, name: &HostName, is_well: Option<bool>) {
        let Some(node) = self.nodes.get_mut(name) else {
            return;
        };
        self.detector.heard(now, name.as_str());
        node.heard_at = self.detector.echo_clock().at(now);
        node.lost_at = None;
        node.beat_at = Some(now);
        let before = std::mem::replace(&mut node.life, NodeLiveness::Beats);
        let was_well = node.is_well;
        node.is_well = is_well.unwrap_or(was_well);
        let is_well = node.is_well;
        if before == NodeLiveness::Dead {
            node.returned_at = Some(now);
            self.turn();
            self.say(Event::Returned(name.clone()));
        } else if before == NodeLiveness::Late {
            self.say(Event::Recovered(name.clone()));
        }
        if is_well != was_well {
            self.turn();
            self.say(Event::Well(name.clone(), is_well));
        }
    }

    /// The connection of a node is gone without a leave. One that stays connected as long as it lives is dead
    /// unless it comes back soon; of any other that says nothing.
    pub fn lose(&mut self, now: Duration, name: &HostName) {
        let lost = self.detector.echo_clock().at(now);
        if let Some(node) = self.nodes.get_mut(name)
            && node.stays
        {
            node.lost_at.get_or_insert(lost);
        }
    }

    /// Time goes on: who is late, who is dead. The server does hear: its own tick has come.
    pub fn tick(&mut self, now: Duration) {
        self.detector.echo(now);
        let heard = self.detector.echo_clock().elapsed();
        let before = self.ticked_at.replace(now).unwrap_or(now);
        if now.saturating_sub(before) >= PAUSE {
            // Beats of the pause are still to be read, and after them the end of connections that agents gave up
            // meanwhile; they come back, but not within the patience.
            self.forbears_until = Some(heard + self.rules.grace);
        }
        let forbears = self.forbears_until.is_some_and(|until| heard < until);
        let half = self.rules.detection.timeout / 2;
        let mut dead: Vec<String> = self.detector.overdue().map(str::to_owned).collect();
        let is_grace_over = !forbears && self.awaited_until.is_some_and(|until| heard >= until);
        if is_grace_over {
            self.awaited_until = None;
        }
        for (name, node) in &mut self.nodes {
            if node.is_dead() {
                continue;
            }
            if is_grace_over && node.beat_at.is_none() {
                dead.push(name.as_str().to_owned());
            }
            let lost = node.lost_at.map(|at| heard.saturating_sub(at));
            if lost.is_some_and(|lost| lost >= self.rules.patience) {
                dead.push(name.as_str().to_owned());
            }
            if node.life == NodeLiveness::Beats && heard.saturating_sub(node.heard_at) >= half {
                node.life = NodeLiveness::Late;
                self.events.push_back(Event::Late(name.clone()));
            }
        }
        if forbears {
            dead.clear();
        }
        for name in dead {
            self.detector.left(now, &name);
            let Some((name, node)) = name.parse().ok().and_then(|name: HostName| {
                let node = self.nodes.get_mut(&name)?;
                Some((name, node))
            }) else {
                continue;
            };
            if !node.is_dead() {
                node.life = NodeLiveness::Dead;
                node.returned_at = None;
                self.turn();
                self.say(Event::Died(name));
            }
        }
        self.settle();
    }

    /// A node takes its leave.
    pub fn leave(&mut self, now: Duration, told: &Registration) -> Result<(), Rejection> {
        let name = &told.name;
        match self.nodes.get(name) {
            // It has left already.
            None => Ok(()),
            Some(node) if node.is_proven && !told.is_proven => Err(unproven(name)),
            Some(node) if node.key != told.key => Err(Rejection::new(format!(
                "hostname {name} belongs to another key"
            ))),
            Some(_) => {
                self.remove(now, name);
                self.say(Event::Left(name.clone()));
                self.settle();
                Ok(())
            }
        }
    }

    /// People want a node forgotten: its name, address and key are free. One that lives would be back within a second:
    /// it is forgotten only by `force`.
    pub fn forget(&mut self, now: Duration, name: &HostName, force: bool) -> Result<(), Rejection> {
        match self.nodes.get(name) {
            None => return Err(Rejection::new(format!("there is no node {name}"))),
            Some(node) if !node.is_dead() && !force => {
                return Err(Rejection::new(format!(
                    "{name} lives and would register again; run heartline nodes agent leave there, or end its agent; \
                     --force forgets it anyway"
                )));
            }
            Some(_) => {}
        }
        self.remove(now, name);
        self.say(Event::Forgotten(name.clone()));
        self.settle();
        Ok(())
    }

    fn remove(&mut self, now: Duration, name: &HostName) {
        self.nodes.remove(name);
        self.detector.left(now, name.as_str());
        self.turn();
    }

    /// The first that would be master and lives takes the place of none, or of a dead one.
    fn settle(&mut self) {
        let known = self.master.as_ref().and_then(|name| self.nodes.get(name));
        if known.is_some_and(|node| !node.is_dead()) {
            return;
        }
        let willing = |(_, node): &(&HostName, &Node)| node.role == Role::Master && !node.is_dead();
        let heir = self
            .nodes
            .iter()
            .filter(willing)
            .min_by_key(|(_, node)| node.number);
        let heir = heir.map(|(name, _)| name.clone());
        // A dead master is it until another is.
        if heir.is_some() || known.is_none() && self.master.is_some() {
            let before = std::mem::replace(&mut self.master, heir.clone());
            self.turn();
            if let Some(heir) = heir {
                self.say(Event::Master(heir, before));
            }
        }
    }

    /// What a node is; one that is not known is a slave.
    pub fn standing(&self, name: &HostName) -> Standing {
        match self.nodes.get(name).map(|node| node.role) {
            Some(Role::Master) if self.master.as_ref() == Some(name) => Standing::Master,
            Some(Role::Master) => Standing::Standby,
            _ => Standing::Slave,
        }
    }

    /// All nodes: the master, then in the order in which they came.
    pub fn nodes(&self) -> Vec<(&HostName, &Node)> {
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.sort_by_key(|(name, node)| (self.master.as_ref() != Some(*name), node.number));
        nodes
    }

    /// The node of this name.
    pub fn node(&self, name: &HostName) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// Who is master.
    pub fn master(&self) -> Option<&HostName> {
        self.master.as_ref()
    }

    /// Grows with each change of what is kept or told.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Grows with each change that is told at once: who lives, who is master, who is gone.
    pub fn news(&self) -> u64 {
        self.news
    }

    fn turn(&mut self) {
        self.version += 1;
        self.news += 1;
    }

    /// What happened since this was asked for last.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn say(&mut self, event: Event) {
        self.events.push_back(event);
    }

    /// A node that was known when the server ended, or by the one before: it may be silent until it has found
    /// this one.
    pub(super) fn restore(&mut self, now: Duration, name: HostName, mut node: Node) {
        node.heard_at = self.detector.echo_clock().at(now);
        let until = node.heard_at + self.rules.grace;
        self.awaited_until.get_or_insert(until);
        self.nodes.insert(name, node);
    }
}

#[cfg(test)]
mod tests;
