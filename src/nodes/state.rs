//! What a server must know when it starts again: what was acknowledged stands in it. Pure: [`super::state_file`] and
//! [`super::zk_store`] keep it.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::bail;
use serde::{Deserialize, Serialize};

use super::fields::{Address, HostName, PublicKey, UserName};
use super::message::Role;
use super::roster::{Node, NodeLiveness, Roster, Rules};

/// What this way to write it is called.
pub const FORM: u32 = 1;

/// Numbers are given one by one: no server comes as far. Beyond it there might be none left for the next node.
const GREATEST_NUMBER: u64 = u64::MAX / 2;

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistedState {
    /// [`FORM`].
    pub form: u32,
    /// Who is master.
    #[serde(default)]
    pub master: Option<HostName>,
    /// All nodes, in the order in which they came.
    pub nodes: Vec<PersistedNode>,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistedNode {
    /// Its name.
    pub hostname: HostName,
    /// Which one it was to come.
    pub number: u64,
    role: Role,
    pub(super) ip: Option<IpAddr>,
    /// Where it was before another one was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) was_at: Option<IpAddr>,
    #[serde(rename = "id_rsa.pub")]
    pub(super) key: PublicKey,
    username: UserName,
    dead: bool,
    #[serde(default)]
    proven: bool,
    /// It says itself that it does not work.
    #[serde(default)]
    unwell: bool,
}

impl Default for PersistedState {
    fn default() -> Self {
        Self {
            form: FORM,
            master: None,
            nodes: Vec::new(),
        }
    }
}

impl PersistedState {
    /// All that a roster knows.
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
            username: node.user.clone(),
            dead: node.is_dead(),
            proven: node.is_proven,
            unwell: !node.is_well,
        });
        Self {
            form: FORM,
            master: roster.master.clone(),
            nodes: nodes.collect(),
        }
    }

    /// In one text.
    pub fn text(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What stands in such a text. Every field is checked again.
    pub fn read(text: &[u8]) -> anyhow::Result<Self> {
        let kept: Self = serde_json::from_slice(text)?;
        kept.checked()
    }

    /// With its nodes in their order, if all of it can be true.
    pub fn checked(mut self) -> anyhow::Result<Self> {
        if self.form != FORM {
            bail!(
                "it has form {}, and not {FORM}; another heartline wrote it",
                self.form
            );
        }
        for node in &self.nodes {
            if node.number > GREATEST_NUMBER {
                bail!(
                    "{} has number {}, which no server gives",
                    node.hostname,
                    node.number
                );
            }
            for ip in [node.ip, node.was_at].into_iter().flatten() {
                Address::new(ip, true)?;
            }
        }
        self.nodes.sort_by_key(|node| node.number);
        Ok(self)
    }

    /// A roster that knows it.
    pub fn roster(self, rules: Rules, now: Duration) -> Roster {
        let mut roster = Roster::new(rules);
        for node in self.nodes {
            // Also what was kept without numbers has an order.
            let number = node.number.max(roster.next_number);
            roster.next_number = number + 1;
            let known = Node {
                role: node.role,
                address: node.ip,
                was_at: node.was_at,
                key: node.key,
                user: node.username,
                number,
                life: if node.dead {
                    NodeLiveness::Dead
                } else {
                    NodeLiveness::Beats
                },
                is_well: !node.unwell,
                stays: false,
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
    use crate::detect::{DetectorConfig, Rule};
    use crate::nodes::message::Registration;
    use crate::nodes::roster::Standing;

    fn rules() -> Rules {
        let second = Duration::from_secs(1);
        Rules {
            detection: DetectorConfig {
                rule: Rule::Fixed,
                timeout: second,
                longest_gap: second,
            },
            patience: second,
            grace: second,
            most: 10,
            most_of_one: 10,
            domain: None,
        }
    }

    /// A roster's state after nodes of these names have registered.
    pub(in crate::nodes) fn kept(names: &[&str]) -> PersistedState {
        let mut roster = Roster::new(rules());
        for (name, number) in names.iter().zip(1_u8..) {
            let told = Registration {
                role: Role::Master,
                is_well: true,
                name: name.parse().expect("a name"),
                address: Address::new([10, 0, 0, number].into(), false).expect("an address"),
                key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
                    .parse()
                    .expect("a key"),
                user: "hadoop".parse().expect("a user"),
                stays: true,
                signature: None,
                is_proven: true,
            };
            roster.register(Duration::ZERO, &told).expect("taken");
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
}
