//! The state that a server needs when it starts again: it contains every acknowledged change. Pure:
//! [`super::state_file`] and `super::zk_store` store it.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::bail;
use serde::{Deserialize, Serialize};

use super::fields::{HostName, NodeAddress, PublicKey, UserName};
use super::message::NodeRole;
use super::roster::{Node, NodeLiveness, Roster, Rules};

/// The version of this format.
pub const FORMAT_VERSION: u32 = 1;

/// The greatest number that a server takes over. Numbers grow by one, so none reaches it; beyond it there might be none
/// left for the next node.
const GREATEST_NUMBER: u64 = u64::MAX / 2;

/// The stored state of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistedState {
    /// The format's version, [`FORMAT_VERSION`].
    #[serde(rename = "form")]
    pub format: u32,
    /// The name of the master.
    #[serde(default)]
    pub master: Option<HostName>,
    /// All nodes, in order of registration.
    pub nodes: Vec<PersistedNode>,
}

/// The stored state of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistedNode {
    /// The node's name.
    pub hostname: HostName,
    /// The node's position in the order of registration.
    pub number: u64,
    role: NodeRole,
    pub(super) ip: Option<IpAddr>,
    /// The node's address before another node took it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) was_at: Option<IpAddr>,
    #[serde(rename = "id_rsa.pub")]
    pub(super) key: PublicKey,
    /// The public key of the node's `sshd`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ssh_host_key: Option<PublicKey>,
    username: UserName,
    dead: bool,
    #[serde(default)]
    proven: bool,
    /// The node itself reports that it does not work.
    #[serde(default)]
    unwell: bool,
}

impl Default for PersistedState {
    fn default() -> Self {
        Self {
            format: FORMAT_VERSION,
            master: None,
            nodes: Vec::new(),
        }
    }
}

impl PersistedState {
    /// The stored part of a roster's state.
    pub fn of(roster: &Roster) -> Self {
        let mut nodes: Vec<_> = roster.nodes.iter().collect();
        nodes.sort_by_key(|(_, node)| node.number);
        let nodes = nodes.into_iter().map(|(name, node)| PersistedNode {
            hostname: name.clone(),
            number: node.number,
            role: node.role,
            ip: node.address,
            was_at: node.was_at,
            key: node.key.clone(),
            ssh_host_key: node.host_key.clone(),
            username: node.user.clone(),
            dead: node.is_dead(),
            proven: node.is_proven,
            unwell: !node.is_well,
        });
        Self {
            format: FORMAT_VERSION,
            master: roster.master.clone(),
            nodes: nodes.collect(),
        }
    }

    /// The state as JSON text.
    pub fn text(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Parses the text of [`Self::text`], and checks every field again.
    pub fn read(text: &[u8]) -> anyhow::Result<Self> {
        let kept: Self = serde_json::from_slice(text)?;
        kept.checked()
    }

    /// Checks the state for contradictions, and sorts its nodes by number.
    pub fn checked(mut self) -> anyhow::Result<Self> {
        if self.format != FORMAT_VERSION {
            bail!(
                "it has format {}, not {FORMAT_VERSION}: another version of heartline wrote it",
                self.format
            );
        }
        for node in &self.nodes {
            for ip in [node.ip, node.was_at].into_iter().flatten() {
                NodeAddress::new(ip, true)?;
            }
        }
        self.nodes.sort_by_key(|node| node.number);
        Ok(self)
    }

    /// A roster with this state. Only the order of the numbers counts: if one of them is so great that no server can
    /// have assigned it, all nodes get new ones.
    pub fn roster(self, rules: Rules, now: Duration) -> Roster {
        let mut roster = Roster::new(rules);
        let is_forged = self.nodes.iter().any(|node| node.number > GREATEST_NUMBER);
        for node in self.nodes {
            // State that was stored without numbers gets an order too.
            let least = roster.next_number;
            let number = if is_forged {
                least
            } else {
                node.number.max(least)
            };
            roster.next_number = number + 1;
            let known = Node {
                role: node.role,
                address: node.ip,
                was_at: node.was_at,
                key: node.key,
                host_key: node.ssh_host_key,
                user: node.username,
                number,
                life: if node.dead {
                    NodeLiveness::Dead
                } else {
                    NodeLiveness::Beats
                },
                is_well: !node.unwell,
                keeps_connection: false,
                is_proven: node.proven,
                heard_at: Duration::ZERO,
                lost_at: None,
                returned_at: None,
                beat_at: None,
            };
            roster.restore(now, node.hostname, known);
        }
        roster.master = self.master.filter(|name| roster.nodes.contains_key(name));
        roster
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::message::Registration;
    use crate::roster::Standing;
    use heartline_core::detect::{DetectorConfig, Rule};

    fn rules() -> Rules {
        let second = Duration::from_secs(1);
        Rules {
            detection: DetectorConfig {
                rule: Rule::Fixed,
                timeout: second,
                longest_gap: second,
            },
            reconnect_timeout: second,
            grace: second,
            most: 10,
            most_of_one: 10,
            domain: None,
        }
    }

    /// The registration of a node at `10.0.0.NUMBER`.
    fn registration(name: &str, number: u8) -> Registration {
        Registration {
            role: NodeRole::Master,
            is_well: true,
            name: name.parse().expect("a name"),
            address: NodeAddress::new([10, 0, 0, number].into(), false).expect("an address"),
            key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
                .parse()
                .expect("a key"),
            host_key: Some(
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g"
                    .parse()
                    .expect("a key"),
            ),
            user: "hadoop".parse().expect("a user"),
            keeps_connection: true,
            signature: None,
            is_proven: true,
        }
    }

    /// The state of a roster after nodes with these names have registered.
    pub(crate) fn kept(names: &[&str]) -> PersistedState {
        let mut roster = Roster::new(rules());
        for (name, number) in names.iter().zip(1_u8..) {
            let node = registration(name, number);
            roster.register(Duration::ZERO, &node).expect("taken");
        }
        PersistedState::of(&roster)
    }

    #[test]
    fn what_is_written_is_known_again() {
        let kept = kept(&["m1", "a2"]);
        let again = PersistedState::read(&kept.text()).expect("whole");
        assert_eq!(again, kept);
        let roster = again.roster(rules(), Duration::ZERO);
        assert_eq!(PersistedState::of(&roster), kept);
        assert_eq!(
            roster.standing(&"m1".parse().expect("a name")),
            Standing::Master
        );
        let mut unwell = kept.clone();
        unwell.nodes[1].unwell = true;
        let unwell = PersistedState::read(&unwell.text()).expect("whole");
        let roster = unwell.roster(rules(), Duration::ZERO);
        let is_alive = |name: &str| {
            let node = roster.node(&name.parse().expect("a name"));
            node.expect("known").is_alive()
        };
        assert!(is_alive("m1") && !is_alive("a2"));
        let text = String::from_utf8(kept.text()).expect("text");
        let other = text.replace("10.0.0.1", "0.0.0.0");
        assert!(PersistedState::read(other.as_bytes()).is_err());
    }

    #[test]
    fn a_number_that_no_server_assigned_costs_no_node_its_place() {
        for number in [GREATEST_NUMBER, GREATEST_NUMBER + 1, u64::MAX] {
            let mut state = kept(&["m1", "a2", "b3"]);
            state.nodes[1].number = number;
            for (next, ip) in [("c4", 4), ("d5", 5)] {
                let read = PersistedState::read(&state.text()).expect("a number is no fault");
                let mut roster = read.roster(rules(), Duration::ZERO);
                let node = registration(next, ip);
                roster.tick(Duration::from_secs(5));
                roster
                    .register(Duration::from_secs(5), &node)
                    .expect("taken");
                state = PersistedState::of(&roster);
            }
            let names = state.nodes.iter().map(|node| node.hostname.as_str());
            let names: Vec<_> = names.collect();
            assert_eq!(names, ["m1", "b3", "a2", "c4", "d5"], "{number}");
            let numbers = state.nodes.iter().map(|node| node.number);
            assert!(numbers.is_sorted_by(|one, next| one < next), "{state:?}");
        }
    }
}
