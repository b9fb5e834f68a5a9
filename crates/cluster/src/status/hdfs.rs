//! HDFS as its daemons report it in their JMX pages. Pure: no IO, only data and URL paths.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The JMX query for the state of a NameNode and all its `DataNode`s.
pub(super) const NAMENODE: &str = "jmx?qry=Hadoop:service=NameNode,name=NameNode*";
/// The JMX query for the journals of a `JournalNode`.
pub(super) const JOURNALNODE: &str = "jmx?qry=Hadoop:service=JournalNode,name=Journal-*";
/// The JMX query for the state of a DataNode.
pub(super) const DATANODE: &str = "jmx?qry=Hadoop:service=DataNode,name=DataNodeInfo";

/// A JMX page.
#[derive(Debug, Deserialize)]
pub(super) struct Beans {
    beans: Vec<Value>,
}

impl Beans {
    fn named(&self, name: &str) -> Option<&Value> {
        let end = format!("name={name}");
        let of = |bean: &&Value| {
            bean["name"]
                .as_str()
                .is_some_and(|name| name.ends_with(&end))
        };
        self.beans.iter().find(of)
    }
}

/// The state of a NameNode.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Namenode {
    /// `active`, `standby`, `observer` or `initializing`, as in `haadmin -getServiceState`.
    pub(super) state: String,
    /// The reason for safe mode; `None` outside safe mode.
    pub(super) safe_mode: Option<String>,
    /// The id of the last transaction that it has written or read.
    pub(super) transaction: Option<u64>,
    /// The capacity of all live `DataNode`s in bytes.
    pub(super) capacity: Option<u64>,
    /// The part of the capacity that HDFS uses, in bytes.
    pub(super) used: Option<u64>,
    /// The number of blocks without a known replica.
    pub(super) missing_blocks: Option<u64>,
    /// The `DataNode`s that it lists.
    #[serde(skip)]
    pub(super) datanodes: Vec<Listed>,
}

/// A `DataNode` as a `NameNode` lists it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Listed {
    /// `HOST:PORT` with the host's name.
    pub(super) name: String,
    /// `HOST:PORT` with the numeric address.
    pub(super) address: String,
    /// `HOST:PORT` of its HTTP server; not known for a dead DataNode.
    pub(super) page: Option<String>,
    /// Whether the NameNode counts it as live.
    pub(super) live: bool,
    /// Seconds since its last heartbeat.
    pub(super) last_contact: Option<u64>,
    /// `In Service`, or the stage of its decommissioning.
    pub(super) admin_state: Option<String>,
    /// The capacity in bytes.
    pub(super) capacity: Option<u64>,
    /// The used space in bytes.
    pub(super) used: Option<u64>,
    /// The free space in bytes.
    pub(super) remaining: Option<u64>,
    /// The number of blocks.
    pub(super) blocks: Option<u64>,
}

impl Namenode {
    /// Reads the state from its page.
    pub(super) fn of(page: &Beans) -> Self {
        let nothing = Value::Null;
        let status = page.named("NameNodeStatus").unwrap_or(&nothing);
        let info = page.named("NameNodeInfo").unwrap_or(&nothing);
        let journal = inner(&info["JournalTransactionInfo"]).unwrap_or_default();
        let transaction = journal["LastAppliedOrWrittenTxId"].as_str();
        let safe_mode = info["Safemode"].as_str().filter(|why| !why.is_empty());
        let mut datanodes = listed(&info["LiveNodes"], true);
        datanodes.extend(listed(&info["DeadNodes"], false));
        Self {
            // Its HTTP server starts before the rest of it.
            state: status["State"]
                .as_str()
                .unwrap_or("initializing")
                .to_owned(),
            safe_mode: safe_mode.map(str::to_owned),
            transaction: transaction.and_then(|number| number.parse().ok()),
            capacity: info["Total"].as_u64(),
            used: info["Used"].as_u64(),
            missing_blocks: info["NumberOfMissingBlocks"].as_u64(),
            datanodes,
        }
    }

    /// Whether this is the active NameNode.
    pub(super) fn is_active(&self) -> bool {
        self.state == "active"
    }
}

fn listed(nodes: &Value, live: bool) -> Vec<Listed> {
    let nodes: Option<BTreeMap<String, Value>> = nodes
        .as_str()
        .and_then(|text| serde_json::from_str(text).ok());
    let listed = |(name, node): (String, Value)| Listed {
        address: node["xferaddr"].as_str().unwrap_or(&name).to_owned(),
        page: node["infoAddr"].as_str().map(str::to_owned),
        name,
        live,
        last_contact: node["lastContact"].as_u64(),
        admin_state: node["adminState"].as_str().map(str::to_owned),
        capacity: node["capacity"].as_u64(),
        used: node["used"].as_u64(),
        remaining: node["remaining"].as_u64(),
        blocks: node["numBlocks"].as_u64(),
    };
    nodes.unwrap_or_default().into_iter().map(listed).collect()
}

/// Parses JSON text within a JSON string.
fn inner(text: &Value) -> Option<Value> {
    serde_json::from_str(text.as_str()?).ok()
}

/// The state of one nameservice's journal on a `JournalNode`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Journal {
    /// The id of the last written transaction; `None` before the first one.
    pub(super) transaction: Option<u64>,
    /// The number of transactions that it lags behind the others, as reported by the writer.
    pub(super) lag: Option<u64>,
}

impl Journal {
    /// Reads the state from its page.
    pub(super) fn of(page: &Beans, nameservice: &str) -> Self {
        let nothing = Value::Null;
        let journal = page.named(&format!("Journal-{nameservice}"));
        let journal = journal.unwrap_or(&nothing);
        Self {
            transaction: journal["LastWrittenTxId"].as_u64(),
            lag: journal["CurrentLagTxns"].as_u64(),
        }
    }
}

/// The state of a DataNode, as it reports itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Datanode {
    /// The state of its connection to each NameNode: `RUNNING`, `CONNECTING`, …
    pub(super) actors: BTreeMap<String, String>,
}

impl Datanode {
    /// Reads the state from its page.
    pub(super) fn of(page: &Beans) -> Self {
        let info = page.named("DataNodeInfo");
        let actors = info.and_then(|info| inner(&info["BPServiceActorInfo"]));
        let actors = actors.as_ref().and_then(Value::as_array);
        let actors = actors.into_iter().flatten().filter_map(|actor| {
            let text = |name: &str| Some(actor[name].as_str()?.to_owned());
            Some((text("NamenodeAddress")?, text("ActorState")?))
        });
        Self {
            actors: actors.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Pages of Hadoop 3.4.2, without unused attributes.
    const NAMENODE: &str = include_str!("pages/namenode.json");
    const JOURNALNODE: &str = include_str!("pages/journalnode.json");
    const DATANODE: &str = include_str!("pages/datanode.json");

    fn page(text: &str) -> Beans {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_namenode_reports_its_state_and_its_datanodes() {
        let namenode = Namenode::of(&page(NAMENODE));
        assert!(namenode.is_active());
        assert_eq!((namenode.safe_mode, namenode.transaction), (None, Some(14)));
        assert_eq!(namenode.missing_blocks, Some(0));
        assert_eq!(namenode.capacity, Some(270_553_174_016));
        let [live, dead] = &namenode.datanodes[..] else {
            panic!("{:?}", namenode.datanodes);
        };
        assert_eq!((live.name.as_str(), live.live), ("h1:9866", true));
        assert_eq!(live.address, "10.91.2.1:9866");
        assert_eq!(live.page.as_deref(), Some("10.91.2.1:9864"));
        assert_eq!((live.last_contact, live.blocks), (Some(1), Some(3)));
        assert_eq!(live.admin_state.as_deref(), Some("In Service"));
        assert_eq!((dead.name.as_str(), dead.live), ("h2:9866", false));
        assert_eq!(dead.last_contact, Some(712));
    }

    #[test]
    fn a_namenode_that_only_begins_says_so() {
        let namenode = Namenode::of(&page(r#"{"beans":[]}"#));
        assert_eq!(namenode.state, "initializing");
        assert!(namenode.datanodes.is_empty());
    }

    #[test]
    fn a_journalnode_and_a_datanode_report_their_own_state() {
        let journal = Journal::of(&page(JOURNALNODE), "small");
        assert_eq!((journal.transaction, journal.lag), (Some(14), Some(0)));
        assert_eq!(Journal::of(&page(JOURNALNODE), "other"), Journal::default());
        let datanode = Datanode::of(&page(DATANODE));
        assert_eq!(datanode.actors["127.77.1.1:8020"], "RUNNING");
        assert_eq!(datanode.actors.len(), 2);
    }
}
