//! Which registrations are accepted: a name belongs to its key, an address to the live node there, and no client can
//! use up all the room.

use std::net::IpAddr;

use super::{Node, Roster};
use crate::fields::HostName;
use crate::message::Registration;
use crate::rejection::Rejection;

impl Roster {
    /// Rejects a registration whose name belongs to another key or role, or whose address belongs to another live node.
    pub(super) fn permit(&self, registration: &Registration) -> Result<(), Rejection> {
        let (name, ip) = (&registration.name, registration.address.ip());
        let no = |why: String| Err(Rejection::new(why));
        if let Some(domain) = &self.rules.domain
            && name.as_str() != domain.as_str()
            && !name.as_str().ends_with(&format!(".{domain}"))
        {
            return no(format!("hostname {name} is not below {domain}"));
        }
        match self.nodes.get(name) {
            Some(known) if known.key != registration.key => {
                return no(format!(
                    "hostname {name} belongs to another key; an operator frees it with: heartline nodes forget {name}"
                ));
            }
            Some(known) if known.is_proven && !registration.is_proven => {
                return Err(unproven(name));
            }
            Some(known) if known.role != registration.role => {
                return no(format!(
                    "{name} is already registered as {}; an operator frees it with: heartline nodes forget {name}",
                    known.role
                ));
            }
            None if self.nodes.len() >= self.rules.most => {
                return no(format!(
                    "the server already has {} nodes, its maximum",
                    self.nodes.len()
                ));
            }
            None if self.count_at(ip) >= self.rules.most_of_one => {
                return no(format!(
                    "ip {ip} has had {} names already; an operator frees those that are dead with: heartline nodes \
                     forget NAME, or gives the server more --names-per-address",
                    self.count_at(ip)
                ));
            }
            _ => {}
        }
        let mut others = self.nodes.iter().filter(|(other, _)| *other != name);
        match others.find(|(_, other)| other.address == Some(ip) && !other.is_dead()) {
            Some((other, _)) => no(format!("ip {ip} belongs to {other}, which is alive")),
            None => Ok(()),
        }
    }

    /// The number of nodes that are at this address, or were there before another node took it.
    fn count_at(&self, ip: IpAddr) -> usize {
        let is_there = |node: &&Node| node.address == Some(ip) || node.was_at == Some(ip);
        self.nodes.values().filter(is_there).count()
    }
}

/// The rejection of a node that has not proven that it owns its key: everyone knows the public keys.
pub(super) fn unproven(name: &HostName) -> Rejection {
    Rejection::new(format!(
        "{name} has signed with its key before; sign this message with the same key"
    ))
}
