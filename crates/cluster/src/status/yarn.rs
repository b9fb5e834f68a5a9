//! YARN as its `ResourceManager`s report it in their REST answers. Pure: no IO, only data and URL paths.

use serde::{Deserialize, Serialize};

/// The path of a ResourceManager's state.
pub(super) const RESOURCEMANAGER: &str = "ws/v1/cluster/info";
/// The path of all nodes on the active ResourceManager, including lost ones.
pub(super) const NODES: &str = "ws/v1/cluster/nodes?states=NEW,RUNNING,UNHEALTHY,DECOMMISSIONED,LOST,REBOOTED,\
                                DECOMMISSIONING,SHUTDOWN";
/// The path of a NodeManager's state.
pub(super) const NODEMANAGER: &str = "ws/v1/node/info";

#[derive(Debug, Deserialize)]
pub(super) struct InfoPage {
    #[serde(rename = "clusterInfo")]
    info: Info,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Info {
    ha_state: String,
    #[serde(default)]
    ha_zoo_keeper_connection_state: Option<String>,
}

/// The state of a ResourceManager.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Resourcemanager {
    /// `active`, `standby`, `initializing` or `stopped`, as in `rmadmin -getServiceState`.
    pub(super) state: String,
    /// The state of its ZooKeeper connection, if it has one.
    pub(super) zookeeper: Option<String>,
}

impl Resourcemanager {
    /// Reads the state from its answer.
    pub(super) fn of(page: InfoPage) -> Self {
        Self {
            state: page.info.ha_state.to_lowercase(),
            // A single ResourceManager has a whole sentence here, which says that it has no connection. Hadoop's
            // elector may keep its first state when it misses an event, so a reported end of the connection cannot be
            // trusted.
            zookeeper: page
                .info
                .ha_zoo_keeper_connection_state
                .filter(|state| !state.contains(' ') && state != "TERMINATED"),
        }
    }

    /// Whether this is the active ResourceManager.
    pub(super) fn is_active(&self) -> bool {
        self.state == "active"
    }
}

/// The answer with all nodes.
#[derive(Debug, Deserialize)]
pub(super) struct NodesPage {
    nodes: Option<Nodes>,
}

#[derive(Debug, Deserialize)]
struct Nodes {
    #[serde(default)]
    node: Vec<Node>,
}

impl NodesPage {
    /// The nodes as a list. An answer without nodes has no list.
    pub(super) fn nodes(self) -> Vec<Node> {
        self.nodes.map_or_else(Vec::new, |nodes| nodes.node)
    }
}

/// A NodeManager as the active ResourceManager lists it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Node {
    /// `HOST:PORT`.
    pub(super) id: String,
    /// `HOST:PORT` of its HTTP server.
    #[serde(rename(deserialize = "nodeHTTPAddress"), default)]
    pub(super) page: String,
    /// `RUNNING`, `UNHEALTHY`, `LOST`, …
    pub(super) state: String,
    /// The time of its last health report, in milliseconds by the ResourceManager's clock.
    #[serde(rename(deserialize = "lastHealthUpdate"), default)]
    pub(super) last_report_ms: i64,
    /// Its health report; empty if it is healthy.
    #[serde(rename(deserialize = "healthReport"), default)]
    pub(super) health_report: String,
    /// The number of running containers.
    #[serde(rename(deserialize = "numContainers"), default)]
    pub(super) containers: u64,
    /// The memory in use by containers, in MB.
    #[serde(rename(deserialize = "usedMemoryMB"), default)]
    pub(super) used_memory_mb: i64,
    /// The free memory, in MB.
    #[serde(rename(deserialize = "availMemoryMB"), default)]
    pub(super) free_memory_mb: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resourcemanager_reports_its_state() {
        let text = r#"{"clusterInfo":{"id":1795292824400,"startedOn":1795292824400,"state":"STARTED","haState":"STANDBY","rmStateStoreName":"org.apache.hadoop.yarn.server.resourcemanager.recovery.ZKRMStateStore","resourceManagerVersion":"3.4.2","haZooKeeperConnectionState":"CONNECTED"}}"#;
        let manager = Resourcemanager::of(serde_json::from_str(text).unwrap());
        assert_eq!(manager.state, "standby");
        assert_eq!(manager.zookeeper.as_deref(), Some("CONNECTED"));
        assert!(!manager.is_active());
        let text = r#"{"clusterInfo":{"haState":"ACTIVE","haZooKeeperConnectionState":"Could not find leader elector. Verify both HA and automatic failover are enabled."}}"#;
        let manager = Resourcemanager::of(serde_json::from_str(text).unwrap());
        assert!(manager.is_active() && manager.zookeeper.is_none());
    }

    #[test]
    fn nodes_are_listed_with_their_health() {
        let page: NodesPage = serde_json::from_str(include_str!("pages/nodes.json")).unwrap();
        let nodes = page.nodes();
        assert_eq!(nodes.len(), 2);
        assert_eq!(
            (nodes[0].id.as_str(), nodes[0].state.as_str()),
            ("127.77.1.1:8041", "RUNNING")
        );
        assert_eq!((nodes[0].free_memory_mb, nodes[0].containers), (10240, 0));
        assert_eq!(nodes[1].state, "UNHEALTHY");
        assert!(nodes[1].health_report.contains("local-dirs"));
        let none: NodesPage = serde_json::from_str(r#"{"nodes":null}"#).unwrap();
        assert!(none.nodes().is_empty());
    }
}
