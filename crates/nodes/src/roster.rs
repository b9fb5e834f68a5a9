//! All nodes and their state: which node is master, which are alive, which are published. Pure: the caller passes the
//! time, and reads the events from [`Roster::poll_event`].
//!
//! - **Inputs:** [`register`](Roster::register), [`beat`](Roster::beat), [`hear`](Roster::hear),
//!   [`lose`](Roster::lose), [`leave`](Roster::leave), [`forget`](Roster::forget), and [`tick`](Roster::tick) at
//!   regular intervals.
//! - **Outputs:** [`version`](Roster::version) grows with each change of the stored or published state;
//!   [`urgent_version`](Roster::urgent_version) grows with the changes that are published before they are stored.

mod node;
mod permit;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(super) use node::NodeLiveness;
pub use node::{Node, Standing, Verdict};
use permit::unproven;

use super::event::NodeEvent;
use super::fields::HostName;
use super::message::{NodeHeartbeat, NodeRole, Registration};
use super::rejection::Rejection;
use heartline_core::detect::{Detector, DetectorConfig};

/// A tick that comes later than expected by this much means that the server was paused. An agent gives up a connection
/// after 2 s without an answer, so it does not notice a shorter pause.
const PAUSE: Duration = Duration::from_secs(1);

/// The rules of a roster.
#[derive(Clone, Debug)]
pub struct Rules {
    /// How long a node may be silent before it counts as dead.
    pub detection: DetectorConfig,
    /// How long a node that stays connected may take to reconnect after it lost its connection.
    pub reconnect_timeout: Duration,
    /// How long known nodes may take to find the server after it started or was paused.
    pub grace: Duration,
    /// The maximum number of nodes.
    pub most: usize,
    /// The maximum number of nodes that may have been at one address, one after the other.
    pub most_of_one: usize,
    /// The domain that all names must equal or end in, such as `.hadoop.com`.
    pub domain: Option<HostName>,
}

/// All nodes and their state.
#[derive(Debug)]
pub struct Roster {
    rules: Rules,
    pub(super) nodes: BTreeMap<HostName, Node>,
    pub(super) master: Option<HostName>,
    detector: Detector,
    /// By the listener's stopwatch: the end of the wait for nodes that were known before.
    awaited_until: Option<Duration>,
    /// By the clock: the time of the last tick.
    ticked_at: Option<Duration>,
    /// By the listener's stopwatch: no node is declared dead before this time, because the server was paused.
    forbears_until: Option<Duration>,
    pub(super) next_number: u64,
    version: u64,
    urgent_version: u64,
    events: VecDeque<NodeEvent>,
}

impl Roster {
    /// A roster without nodes.
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
            urgent_version: 0,
            events: VecDeque::new(),
        }
    }

    /// Registers a node, or rejects it.
    pub fn register(
        &mut self,
        now: Duration,
        registration: &Registration,
    ) -> Result<Standing, Rejection> {
        self.permit(registration)?;
        let ip = registration.address.ip();
        // A dead node loses its address to the new one.
        for (name, node) in &mut self.nodes {
            if *name != registration.name && node.address == Some(ip) {
                node.was_at = node.address.take();
            }
        }
        let is_new = !self.nodes.contains_key(&registration.name);
        let number = self.next_number;
        let node = self
            .nodes
            .entry(registration.name.clone())
            .or_insert_with(|| Node::new(registration, number));
        node.keeps_connection = registration.keeps_connection;
        let moved = node.address != Some(ip);
        let from = node.address.replace(ip);
        node.was_at = None;
        let proven = registration.is_proven && !node.is_proven;
        node.is_proven |= registration.is_proven;
        let has_new = node.user != registration.user || node.host_key != registration.host_key;
        let changed = is_new || moved || proven || has_new;
        node.user = registration.user.clone();
        node.host_key.clone_from(&registration.host_key);
        if is_new {
            self.next_number += 1;
            self.say(NodeEvent::Joined(
                registration.name.clone(),
                registration.role,
                ip,
            ));
        } else if moved {
            self.say(NodeEvent::Moved(registration.name.clone(), from, ip));
        }
        if changed {
            self.version += 1;
        }
        self.alive(now, &registration.name, Some(registration.is_well));
        self.settle();
        Ok(self.standing(&registration.name))
    }

    /// Handles a heartbeat, in which the node reports whether it works.
    pub fn beat(&mut self, now: Duration, beat: &NodeHeartbeat) -> Result<Standing, Rejection> {
        let name = &beat.name;
        match self.nodes.get(name) {
            None => {
                return Err(Rejection::new(format!(
                    "{name} is not known; register first"
                )));
            }
            Some(node) if node.address != Some(beat.address.ip()) => {
                let why = format!("{name} has another address; register with the new one");
                return Err(Rejection::new(why));
            }
            Some(node) if node.role != beat.role => {
                let why = format!("{name} is already registered as {}", node.role);
                return Err(Rejection::new(why));
            }
            Some(_) => self.alive(now, name, Some(beat.is_well)),
        }
        self.settle();
        Ok(self.standing(name))
    }

    /// Notes that another message came from a node.
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
            self.say(NodeEvent::Returned(name.clone()));
        } else if before == NodeLiveness::Late {
            self.say(NodeEvent::Recovered(name.clone()));
        }
        if is_well != was_well {
            self.turn();
            self.say(NodeEvent::Well(name.clone(), is_well));
        }
    }

    /// Notes that a node's connection ended without a leave. A node that stays connected while it is alive is dead
    /// unless it reconnects soon; for any other node a lost connection means nothing.
    pub fn lose(&mut self, now: Duration, name: &HostName) {
        let lost = self.detector.echo_clock().at(now);
        if let Some(node) = self.nodes.get_mut(name)
            && node.keeps_connection
        {
            node.lost_at.get_or_insert(lost);
        }
    }

    /// Advances the time and decides which nodes are late or dead. The tick itself shows that the server is not paused.
    pub fn tick(&mut self, now: Duration) {
        self.detector.echo(now);
        let heard = self.detector.echo_clock().elapsed();
        let before = self.ticked_at.replace(now).unwrap_or(now);
        if now.saturating_sub(before) >= PAUSE {
            // The heartbeats from the pause are still unread, as are the ends of connections that agents gave up during
            // it. Those agents reconnect, but not within the reconnect timeout.
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
            if lost.is_some_and(|lost| lost >= self.rules.reconnect_timeout) {
                dead.push(name.as_str().to_owned());
            }
            if node.life == NodeLiveness::Beats && heard.saturating_sub(node.heard_at) >= half {
                node.life = NodeLiveness::Late;
                self.events.push_back(NodeEvent::Late(name.clone()));
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
                self.say(NodeEvent::Died(name));
            }
        }
        self.settle();
    }

    /// Handles the leave of a node.
    pub fn leave(&mut self, now: Duration, registration: &Registration) -> Result<(), Rejection> {
        let name = &registration.name;
        match self.nodes.get(name) {
            // The node has left already.
            None => Ok(()),
            Some(node) if node.is_proven && !registration.is_proven => Err(unproven(name)),
            Some(node) if node.key != registration.key => Err(Rejection::new(format!(
                "hostname {name} belongs to another key"
            ))),
            Some(_) => {
                self.remove(now, name);
                self.say(NodeEvent::Left(name.clone()));
                self.settle();
                Ok(())
            }
        }
    }

    /// Forgets a node on an operator's request: its name, address and key become free. A live node would be back within
    /// a second, so it is forgotten only with `force`.
    pub fn forget(&mut self, now: Duration, name: &HostName, force: bool) -> Result<(), Rejection> {
        match self.nodes.get(name) {
            None => return Err(Rejection::new(format!("there is no node {name}"))),
            Some(node) if !node.is_dead() && !force => {
                return Err(Rejection::new(format!(
                    "{name} is alive and would register again; run heartline nodes agent leave there, or stop its \
                     agent; --force forgets it anyway"
                )));
            }
            Some(_) => {}
        }
        self.remove(now, name);
        self.say(NodeEvent::Forgotten(name.clone()));
        self.settle();
        Ok(())
    }

    fn remove(&mut self, now: Duration, name: &HostName) {
        self.nodes.remove(name);
        self.detector.left(now, name.as_str());
        self.turn();
    }

    /// Makes the first live node of role master the master, if there is none or it is dead.
    fn settle(&mut self) {
        let known = self.master.as_ref().and_then(|name| self.nodes.get(name));
        if known.is_some_and(|node| !node.is_dead()) {
            return;
        }
        let willing =
            |(_, node): &(&HostName, &Node)| node.role == NodeRole::Master && !node.is_dead();
        let next = self
            .nodes
            .iter()
            .filter(willing)
            .min_by_key(|(_, node)| node.number);
        let next = next.map(|(name, _)| name.clone());
        // A dead master stays master until another node takes over.
        if next.is_some() || known.is_none() && self.master.is_some() {
            let before = std::mem::replace(&mut self.master, next.clone());
            self.turn();
            if let Some(next) = next {
                self.say(NodeEvent::Master(next, before));
            }
        }
    }

    /// The standing of a node; an unknown node is a slave.
    pub fn standing(&self, name: &HostName) -> Standing {
        match self.nodes.get(name).map(|node| node.role) {
            Some(NodeRole::Master) if self.master.as_ref() == Some(name) => Standing::Master,
            Some(NodeRole::Master) => Standing::Standby,
            _ => Standing::Slave,
        }
    }

    /// All nodes: the master first, then in order of registration.
    pub fn nodes(&self) -> Vec<(&HostName, &Node)> {
        let mut nodes: Vec<_> = self.nodes.iter().collect();
        nodes.sort_by_key(|(name, node)| (self.master.as_ref() != Some(*name), node.number));
        nodes
    }

    /// The node with this name.
    pub fn node(&self, name: &HostName) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// The name of the master.
    pub fn master(&self) -> Option<&HostName> {
        self.master.as_ref()
    }

    /// Grows with each change of the stored or published state.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Grows with each change that is published at once: which nodes are alive, which is master, which have gone.
    pub fn urgent_version(&self) -> u64 {
        self.urgent_version
    }

    fn turn(&mut self) {
        self.version += 1;
        self.urgent_version += 1;
    }

    /// The next event that was not returned yet.
    pub fn poll_event(&mut self) -> Option<NodeEvent> {
        self.events.pop_front()
    }

    fn say(&mut self, event: NodeEvent) {
        self.events.push_back(event);
    }

    /// Adds a node that was known to this server before its restart, or to its predecessor: the node may be silent
    /// until it has found this server.
    pub(super) fn restore(&mut self, now: Duration, name: HostName, mut node: Node) {
        node.heard_at = self.detector.echo_clock().at(now);
        let until = node.heard_at + self.rules.grace;
        self.awaited_until.get_or_insert(until);
        self.nodes.insert(name, node);
    }
}

#[cfg(test)]
mod tests;
