//! What a host of a cluster can be, and the ports that each role listens on.

use strum::{Display, EnumIter, EnumString, IntoEnumIterator};

/// What runs on a host. In the order in which a cluster starts.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumIter, EnumString,
)]
#[strum(serialize_all = "lowercase")]
pub enum Role {
    /// A `ZooKeeper` server that votes.
    Zookeeper,
    /// A `ZooKeeper` server that does not.
    Observer,
    /// Keeps the edits of two `NameNode`s.
    Journalnode,
    /// One, or two of which one is active.
    Namenode,
    /// Decides beside each of two `NameNode`s which one is active. Nobody has to name it.
    Zkfc,
    /// Keeps blocks.
    Datanode,
    /// One, or several of which one is active.
    Resourcemanager,
    /// Runs tasks.
    Nodemanager,
    /// A broker.
    Kafka,
}

impl Role {
    /// All roles, as one may write them.
    pub fn all() -> String {
        let names: Vec<String> = Self::iter().map(|role| role.to_string()).collect();
        names.join(", ")
    }

    /// The ports of this role.
    pub fn ports(self) -> impl Iterator<Item = Port> {
        Port::iter().filter(move |port| port.is_of(self))
    }

    /// The greatest heap of its Java, in MiB: enough for some thousand files, tasks or messages.
    pub fn heap(self) -> u32 {
        match self {
            Self::Zookeeper | Self::Observer | Self::Zkfc => 128,
            Self::Journalnode => 192,
            Self::Datanode => 256,
            Self::Namenode | Self::Resourcemanager | Self::Nodemanager | Self::Kafka => 384,
        }
    }
}

/// A port, by the name that it has in a description.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Display, EnumIter, EnumString,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Port {
    /// Where clients find `ZooKeeper`.
    Zookeeper,
    /// Where the leader listens to the others.
    ZookeeperQuorum,
    /// Where leaders are elected.
    ZookeeperElection,
    /// The admin server.
    ZookeeperAdmin,
    /// RPC.
    Journalnode,
    /// Pages.
    JournalnodeHttp,
    /// RPC.
    Namenode,
    /// Pages.
    NamenodeHttp,
    /// RPC.
    Zkfc,
    /// Blocks.
    Datanode,
    /// RPC.
    DatanodeIpc,
    /// Pages.
    DatanodeHttp,
    /// Clients.
    Resourcemanager,
    /// Application masters.
    ResourcemanagerScheduler,
    /// `NodeManager`s.
    ResourcemanagerTracker,
    /// `rmadmin`.
    ResourcemanagerAdmin,
    /// Pages.
    ResourcemanagerHttp,
    /// RPC.
    Nodemanager,
    /// What tasks need is fetched through it.
    NodemanagerLocalizer,
    /// Pages.
    NodemanagerHttp,
    /// Timeline collectors.
    NodemanagerCollector,
    /// Where reducers fetch the mappers' output.
    NodemanagerShuffle,
    /// Producers and consumers.
    Kafka,
}

impl Port {
    /// The number that it has unless a description says another: Hadoop's, `ZooKeeper`'s and Kafka's own, but
    /// for the `NameNode`'s page, which keeps the number that it had up to Hadoop 2.
    pub fn default(self) -> u16 {
        match self {
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
            // Chosen by the system and told to whoever asks: it is bound on all addresses, so that two hosts of
            // one machine could not share a number.
            Self::NodemanagerShuffle => 0,
            Self::Kafka => 9092,
        }
    }

    /// All names, as one may write them.
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
