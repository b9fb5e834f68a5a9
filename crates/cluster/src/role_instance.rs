//! One role on one host, as steps and messages name it.

use std::fmt;

use super::model::{Cluster, Host};
use super::role::Role;

/// A role on a host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct RoleInstance {
    /// The host's name.
    pub(super) host: String,
    /// The role.
    pub(super) role: Role,
}

impl RoleInstance {
    pub(super) fn new(host: &Host, role: Role) -> Self {
        Self {
            host: host.name.clone(),
            role,
        }
    }
}

impl fmt::Display for RoleInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.host, self.role)
    }
}

impl Cluster {
    /// All role instances, host by host.
    pub(super) fn places(&self) -> impl Iterator<Item = RoleInstance> {
        self.hosts
            .iter()
            .flat_map(|host| host.roles.iter().map(|role| RoleInstance::new(host, *role)))
    }

    /// The instances of a role.
    pub(super) fn places_of(&self, role: Role) -> Vec<RoleInstance> {
        self.with(role)
            .map(|host| RoleInstance::new(host, role))
            .collect()
    }

    /// The host with this name.
    pub(super) fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| host.name == name)
    }
}
