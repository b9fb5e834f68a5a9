//! What a host of a cluster can be, and the ports that each role listens on.

use strum::{Display, EnumIter, EnumString, IntoEnumIterator};

/// A role on a host, in the order in which a cluster starts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumIter, EnumString,
)]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// The KDC of a cluster with Kerberos, which issues the tickets. A description need not name it.
    Kdc,
    /// A ZooKeeper server that votes.
    Zookeeper,
    /// A ZooKeeper server that does not vote.
    Observer,
    /// A `JournalNode`, which stores the edit log that two `NameNode`s share.
    Journalnode,
    /// A NameNode: one, or two of which one is active.
    Namenode,
    /// The failover controller beside each of two `NameNode`s: decides which one is active. A description need not name
    /// it.
    Zkfc,
    /// A DataNode, which stores blocks.
    Datanode,
    /// A ResourceManager: one, or several of which one is active.
    Resourcemanager,
    /// A NodeManager, which runs tasks.
    Nodemanager,
    /// A Kafka broker.
    Kafka,
}

impl Role {
    /// The names of all roles, as they are written in a description.
    pub fn all() -> String {
        let names: Vec<String> = Self::iter().map(|role| role.to_string()).collect();
        names.join(", ")
    }

    /// The ports of this role.
    pub fn ports(self) -> impl Iterator<Item = Port> {
        Port::iter().filter(move |port| port.is_of(self))
    }

    /// The default maximum Java heap in MiB: enough for some thousand files, tasks or messages.
    pub fn heap(self) -> u32 {
        match self {
            // The KDC has no Java.
            Self::Kdc | Self::Zookeeper | Self::Observer | Self::Zkfc => 128,
            Self::Journalnode => 192,
            Self::Datanode => 256,
            Self::Namenode | Self::Resourcemanager | Self::Nodemanager | Self::Kafka => 384,
        }
    }
}

/// A port, by its name in a description.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumIter, EnumString,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Port {
    /// The port of the KDC.
    Kdc,
    /// ZooKeeper's client port.
    Zookeeper,
    /// The port on which a ZooKeeper leader listens to the other servers.
    ZookeeperQuorum,
    /// The port of ZooKeeper's leader election.
    ZookeeperElection,
    /// The HTTP port of ZooKeeper's admin server.
    ZookeeperAdmin,
    /// The RPC port of a `JournalNode`.
    Journalnode,
    /// The HTTP port of a `JournalNode`.
    JournalnodeHttp,
    /// The RPC port of a NameNode.
    Namenode,
    /// The HTTP port of a NameNode.
    NamenodeHttp,
    /// The RPC port of a failover controller.
    Zkfc,
    /// The port for block transfers of a DataNode.
    Datanode,
    /// The RPC port of a DataNode.
    DatanodeIpc,
    /// The HTTP port of a DataNode.
    DatanodeHttp,
    /// The ResourceManager's RPC port for clients.
    Resourcemanager,
    /// The ResourceManager's RPC port for application masters.
    ResourcemanagerScheduler,
    /// The ResourceManager's RPC port for `NodeManager`s.
    ResourcemanagerTracker,
    /// The ResourceManager's RPC port for `rmadmin`.
    ResourcemanagerAdmin,
    /// The ResourceManager's HTTP port.
    ResourcemanagerHttp,
    /// The RPC port of a NodeManager.
    Nodemanager,
    /// The port of the NodeManager's localizer, which fetches the files that tasks need.
    NodemanagerLocalizer,
    /// The HTTP port of a NodeManager.
    NodemanagerHttp,
    /// The NodeManager's port for timeline collectors.
    NodemanagerCollector,
    /// The port where reducers fetch the mappers' output.
    NodemanagerShuffle,
    /// The port for Kafka producers and consumers.
    Kafka,
}

impl Port {
    /// The number unless a description overrides it: the default of Hadoop, ZooKeeper and Kafka, except for the
    /// KDC's and the NameNode's HTTP port, which has its number from Hadoop 2. With Kerberos, HTTPS takes the place of
    /// HTTP on the same port.
    pub fn default(self) -> u16 {
        match self {
            // Kerberos' own port, 88, is for root alone.
            Self::Kdc => 10088,
            Self::Zookeeper => 2181,
            Self::ZookeeperQuorum => 2888,
            Self::ZookeeperElection => 3888,
            Self::ZookeeperAdmin => 8080,
            Self::Journalnode => 8485,
            Self::JournalnodeHttp => 8480,
            Self::Namenode => 8020,
            Self::NamenodeHttp => 50070,
            Self::Zkfc => 8019,
            Self::Datanode => 9866,
            Self::DatanodeIpc => 9867,
            Self::DatanodeHttp => 9864,
            Self::Resourcemanager => 8032,
            Self::ResourcemanagerScheduler => 8030,
            Self::ResourcemanagerTracker => 8031,
            Self::ResourcemanagerAdmin => 8033,
            Self::ResourcemanagerHttp => 8088,
            Self::Nodemanager => 8041,
            Self::NodemanagerLocalizer => 8040,
            Self::NodemanagerHttp => 8042,
            Self::NodemanagerCollector => 8048,
            // The system assigns the number, and clients ask for it: the port is bound on all addresses, so two hosts
            // on one machine could not share a fixed number.
            Self::NodemanagerShuffle => 0,
            Self::Kafka => 9092,
        }
    }

    /// The names of all ports, as they are written in a description.
    pub fn all() -> String {
        let names: Vec<String> = Self::iter().map(|port| port.to_string()).collect();
        names.join(", ")
    }

    fn is_of(self, role: Role) -> bool {
        let voters = [
            Self::Zookeeper,
            Self::ZookeeperQuorum,
            Self::ZookeeperElection,
            Self::ZookeeperAdmin,
        ];
        match role {
            Role::Zookeeper | Role::Observer => voters.contains(&self),
            role => {
                let name = self.to_string();
                name.split('-').next() == Some(&role.to_string()) && !voters.contains(&self)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_port_belongs_to_a_role() {
        for port in Port::iter() {
            assert!(
                Role::iter().any(|role| role.ports().any(|of| of == port)),
                "{port}"
            );
        }
        assert_eq!(Role::Namenode.ports().count(), 2);
        assert_eq!(Role::Observer.ports().count(), 4);
        assert_eq!(
            "nodemanager-http".parse(),
            Ok::<_, strum::ParseError>(Port::NodemanagerHttp)
        );
    }
}
