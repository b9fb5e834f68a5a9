//! Queries the state of a cluster's servers while it starts.

use std::time::{Duration, Instant};

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;

use super::model::{Cluster, Host};
use super::role::{Port, Role};
use super::role_instance::RoleInstance;
use heartline_observe::probe::{Pages, Pending, Silence, ask, knock, word};
use heartline_zookeeper::{Connector, Failure, Namespace, Security, Settings};

/// How long a server may take to answer before it is queried again.
const ANSWER_LIMIT: Duration = Duration::from_secs(2);

fn end() -> Instant {
    Instant::now() + ANSWER_LIMIT
}

/// Whether a process listens at this address.
pub(super) fn listens(place: &str) -> bool {
    knock(place, end()).is_ok()
}

/// The mode of a ZooKeeper server: `leader`, `follower`, `observer` or `standalone`; `None` while it has no mode.
pub(super) fn mode(host: &Host) -> Option<String> {
    let answer = word(&host.address, host.port(Port::Zookeeper), "srvr", end()).ok()?;
    let mode = answer
        .lines()
        .find_map(|line| line.strip_prefix("Mode: "))?;
    Some(mode.to_owned())
}

/// Fetches a JSON page.
fn page(pages: &Pages, place: &str, path: &str) -> Option<Value> {
    // A standby ResourceManager redirects to the active one by a name that perhaps only the hosts know, so redirects
    // are not followed.
    pages.page(&format!("{place}{path}"), end()).ok()
}

/// Fetches a JMX bean of a Hadoop server.
fn bean(pages: &Pages, place: &str, query: &str) -> Option<Value> {
    let page = page(
        pages,
        place,
        &format!("/jmx?qry=Hadoop:service=NameNode,name={query}"),
    )?;
    page.get("beans")?.get(0).cloned()
}

/// The state of a NameNode, `active` or `standby`.
pub(super) fn namenode_state(pages: &Pages, host: &Host) -> Option<String> {
    let bean = bean(pages, &host.reached(Port::NamenodeHttp), "NameNodeStatus")?;
    Some(bean.get("State")?.as_str()?.to_owned())
}

/// Lists HDFS's `/` over `WebHDFS`, as `user` or without a name, on the NameNode with its HTTP port at `place`
/// (`HOST:PORT`). The inner error is its refusal.
pub(super) fn webhdfs_root<T: DeserializeOwned, R: DeserializeOwned>(
    pages: &Pages,
    place: &str,
    user: Option<&str>,
    end: Instant,
) -> Result<Result<T, R>, Silence> {
    let mut query = vec![("op", "LISTSTATUS")];
    query.extend(user.map(|name| ("user.name", name)));
    pages.page_or_refusal(&format!("{place}/webhdfs/v1/"), &query, end)
}

/// Whether a `NameNode` answers over `WebHDFS`, whatever it says.
pub(super) fn answers_webhdfs(pages: &Pages, host: &Host) -> Pending<bool> {
    let place = host.reached(Port::NamenodeHttp);
    let (end, pages) = (end(), pages.clone());
    ask(end, move || {
        let answer = webhdfs_root::<IgnoredAny, IgnoredAny>(&pages, &place, None, end);
        !matches!(answer, Err(Silence::Slow))
    })
}

/// Whether the pages answer that no other condition asks for, each with its server: those of `JournalNode`s and
/// `NodeManager`s.
///
/// # Errors
/// If the secret of the pages cannot be read.
pub(super) fn answers_pages(
    cluster: &Cluster,
) -> Result<Vec<(RoleInstance, Pending<bool>)>, String> {
    let end = end();
    let journal = "/jmx?qry=Hadoop:service=JournalNode,name=JournalNodeInfo";
    let mut asked = Vec::new();
    for (role, port, path) in [
        (Role::Journalnode, Port::JournalnodeHttp, journal),
        (Role::Nodemanager, Port::NodemanagerHttp, "/ws/v1/node/info"),
    ] {
        let pages = cluster.pages_of_starter(role)?;
        for host in cluster.with(role) {
            let (url, pages) = (host.reached(port) + path, pages.clone());
            let answer = ask(end, move || pages.page::<IgnoredAny>(&url, end).is_ok());
            asked.push((RoleInstance::new(host, role), answer));
        }
    }
    Ok(asked)
}

/// The number of live `DataNode`s by a NameNode's count, and whether it is out of safe mode.
pub(super) fn datanodes(pages: &Pages, host: &Host) -> Option<(u64, bool)> {
    let bean = bean(
        pages,
        &host.reached(Port::NamenodeHttp),
        "FSNamesystemState",
    )?;
    let live = bean.get("NumLiveDataNodes")?.as_u64()?;
    let state = bean.get("FSState")?.as_str()?;
    Some((live, state == "Operational"))
}

/// Whether a DataNode is connected to each of its `NameNode`s.
pub(super) fn datanode_serves(pages: &Pages, host: &Host) -> bool {
    let actors = || {
        let place = host.reached(Port::DatanodeHttp);
        let path = "/jmx?qry=Hadoop:service=DataNode,name=DataNodeInfo";
        let page = page(pages, &place, path)?;
        // The attribute is a string that contains JSON.
        let actors = page
            .get("beans")?
            .get(0)?
            .get("BPServiceActorInfo")?
            .as_str()?;
        serde_json::from_str::<Vec<Value>>(actors).ok()
    };
    let runs = |actor: &Value| {
        actor
            .get("ActorState")
            .is_some_and(|state| state == "RUNNING")
    };
    actors().is_some_and(|actors| !actors.is_empty() && actors.iter().all(runs))
}

/// The state of a ResourceManager, `active` or `standby`.
pub(super) fn manager_state(pages: &Pages, host: &Host) -> Option<String> {
    let info = page(
        pages,
        &host.reached(Port::ResourcemanagerHttp),
        "/ws/v1/cluster/info",
    )?;
    let state = info.get("clusterInfo")?.get("haState")?.as_str()?;
    Some(state.to_lowercase())
}

/// A NodeManager as the active ResourceManager lists it.
#[derive(Clone, Debug)]
pub(super) struct NodeManagerReport {
    /// The host's name.
    pub(super) host: String,
    /// Whether it accepts tasks.
    pub(super) running: bool,
    /// The time of its last health report, in milliseconds.
    pub(super) reported_at: i64,
}

/// The `NodeManager`s that the active ResourceManager lists.
///
/// # Errors
/// If the secret of the pages cannot be read.
pub(super) fn nodemanagers(cluster: &Cluster) -> Result<Option<Vec<NodeManagerReport>>, String> {
    let pages = cluster.pages_of_starter(Role::Resourcemanager)?;
    Ok(listed_nodemanagers(cluster, &pages))
}

fn listed_nodemanagers(cluster: &Cluster, pages: &Pages) -> Option<Vec<NodeManagerReport>> {
    let is_active = |host: &&Host| manager_state(pages, host).as_deref() == Some("active");
    let active = cluster.with(Role::Resourcemanager).find(is_active)?;
    let page = page(
        pages,
        &active.reached(Port::ResourcemanagerHttp),
        "/ws/v1/cluster/nodes",
    )?;
    let node = |node: &Value| {
        Some(NodeManagerReport {
            host: node.get("nodeHostName")?.as_str()?.to_owned(),
            running: node.get("state")? == "RUNNING",
            reported_at: node.get("lastHealthUpdate")?.as_i64()?,
        })
    };
    let nodes = page.get("nodes")?.get("node")?.as_array()?;
    Some(nodes.iter().filter_map(node).collect())
}

/// Whether each of these znodes exists. Asked without a ticket: a refusal says that, too.
pub(super) fn exist(cluster: &Cluster, znodes: &[String]) -> anyhow::Result<Vec<bool>> {
    let settings = Settings {
        address: cluster
            .quorum_reached()
            .parse()
            .map_err(anyhow::Error::msg)?,
        namespace: Namespace::default(),
        session_timeout: Duration::from_secs(10),
        security: Security::default(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let session = Connector::new(settings.clone())
            .connect_within(Duration::from_secs(20))
            .await
            .map_err(|why| anyhow::anyhow!("no session with ZooKeeper: {why}"))?;
        let mut found = Vec::new();
        for znode in znodes {
            match session.read_fresh(znode).await {
                // Whoever made the znode may keep it for itself.
                Ok(_) | Err(Failure::Refused(_)) => found.push(true),
                Err(Failure::NoNode) => found.push(false),
                Err(failure) => return Err(failure.into()),
            }
        }
        session.close(Duration::from_secs(2)).await;
        Ok(found)
    })
}
