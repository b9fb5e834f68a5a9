//! The znodes: what an operation makes of them by ZooKeeper's rules, and how a change is applied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use heartline::coordination::client::{Kind, Operation};
use heartline::coordination::{Failure, Stat};
use zookeeper_client::Error as ClientError;

/// One znode.
#[derive(Clone, Debug)]
pub(crate) struct Znode {
    pub(crate) value: Arc<[u8]>,
    pub(crate) stat: Stat,
    pub(crate) children: BTreeSet<String>,
    /// How many children it ever had: the number of the next sequential one.
    births: i32,
    /// The zxid of the last child that came or went.
    pub(crate) children_changed: i64,
}

/// One change, as all servers apply it.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Created {
        path: String,
        value: Arc<[u8]>,
        stat: Stat,
    },
    Set {
        path: String,
        value: Arc<[u8]>,
        stat: Stat,
    },
    Deleted {
        path: String,
    },
}

/// Who asks for a change, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Actor {
    pub(crate) session: i64,
    pub(crate) zxid: i64,
    pub(crate) at: DateTime<Utc>,
}

/// All znodes.
#[derive(Clone, Debug)]
pub(crate) struct Tree {
    nodes: BTreeMap<String, Znode>,
}

impl Tree {
    /// A tree with nothing but its root.
    pub(crate) fn new() -> Self {
        let stat = Stat {
            acl_version: 0,
            created: 0,
            modified: 0,
            version: 0,
            owner: 0,
            children: 0,
            children_changed: 0,
            made: DateTime::UNIX_EPOCH,
            written: DateTime::UNIX_EPOCH,
        };
        let root = Znode::new(Arc::from([]), stat);
        Self {
            nodes: BTreeMap::from([("/".to_owned(), root)]),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Option<&Znode> {
        self.nodes.get(path)
    }

    /// The paths of a session's ephemeral znodes.
    pub(crate) fn owned_by(&self, session: i64) -> Vec<String> {
        let owned = self
            .nodes
            .iter()
            .filter(|(_, node)| node.stat.owner == session);
        owned.map(|(path, _)| path.clone()).collect()
    }

    /// What one operation changes, without changing it; `None` for a check that holds. The errors
    /// come in the order in which the server looks for them.
    pub(crate) fn decide(
        &self,
        operation: &Operation,
        actor: Actor,
    ) -> Result<Option<Change>, Failure> {
        match operation {
            Operation::Check { path, version } => {
                self.find(path)?.check(*version)?;
                Ok(None)
            }
            Operation::Create { path, value, kind } => {
                self.create(path, value, *kind, actor).map(Some)
            }
            Operation::Set {
                path,
                value,
                version,
            } => {
                let node = self.find(path)?;
                node.check(*version)?;
                let stat = Stat {
                    acl_version: 0,
                    modified: actor.zxid,
                    version: node.stat.version + 1,
                    written: actor.at,
                    ..node.stat()
                };
                Ok(Some(Change::Set {
                    path: path.clone(),
                    value: Arc::from(value.as_slice()),
                    stat,
                }))
            }
            Operation::Delete { path, version } => {
                let node = self.find(path)?;
                node.check(*version)?;
                if !node.children.is_empty() {
                    return Err(ClientError::NotEmpty.into());
                }
                Ok(Some(Change::Deleted { path: path.clone() }))
            }
        }
    }

    fn create(
        &self,
        path: &str,
        value: &[u8],
        kind: Kind,
        actor: Actor,
    ) -> Result<Change, Failure> {
        let parent = self.find(parent(path))?;
        let path = match kind {
            Kind::EphemeralSequential => format!("{path}{:010}", parent.births),
            Kind::Persistent | Kind::Ephemeral => path.to_owned(),
        };
        if self.nodes.contains_key(&path) {
            return Err(Failure::NodeExists);
        }
        if parent.stat.owner != 0 {
            return Err(ClientError::NoChildrenForEphemerals.into());
        }
        let stat = Stat {
            acl_version: 0,
            created: actor.zxid,
            modified: actor.zxid,
            version: 0,
            owner: if kind == Kind::Persistent {
                0
            } else {
                actor.session
            },
            children: 0,
            children_changed: actor.zxid,
            made: actor.at,
            written: actor.at,
        };
        Ok(Change::Created {
            path,
            value: Arc::from(value),
            stat,
        })
    }

    /// Makes a change of the transaction `zxid`. Returns what takes it back.
    pub(crate) fn apply(&mut self, zxid: i64, change: &Change) -> Undo {
        let path = change.path();
        let mut undo = vec![(path.to_owned(), self.nodes.get(path).cloned())];
        if !matches!(change, Change::Set { .. }) {
            let above = parent(path).to_owned();
            let parent = self.nodes.get_mut(&above).expect("decided on this tree");
            undo.push((above, Some(parent.clone())));
            parent.children_changed = zxid;
            let name = path.rsplit('/').next().expect("a last part").to_owned();
            if matches!(change, Change::Created { .. }) {
                parent.births += 1;
                parent.children.insert(name);
            } else {
                parent.children.remove(&name);
            }
        }
        match change {
            Change::Created { path, value, stat } => {
                let node = Znode::new(Arc::clone(value), *stat);
                self.nodes.insert(path.clone(), node);
            }
            Change::Set { path, value, stat } => {
                let node = self.nodes.get_mut(path).expect("decided on this tree");
                node.value = Arc::clone(value);
                node.stat = *stat;
            }
            Change::Deleted { path } => {
                self.nodes.remove(path);
            }
        }
        Undo(undo)
    }

    pub(crate) fn take_back(&mut self, undo: Undo) {
        for (path, node) in undo.0 {
            match node {
                Some(node) => self.nodes.insert(path, node),
                None => self.nodes.remove(&path),
            };
        }
    }

    pub(crate) fn find(&self, path: &str) -> Result<&Znode, Failure> {
        self.nodes.get(path).ok_or(Failure::NoNode)
    }
}

/// The znodes that a change has touched, as they were.
pub(crate) struct Undo(Vec<(String, Option<Znode>)>);

impl Change {
    pub(crate) fn path(&self) -> &str {
        match self {
            Self::Created { path, .. } | Self::Set { path, .. } | Self::Deleted { path } => path,
        }
    }
}

impl Znode {
    fn new(value: Arc<[u8]>, stat: Stat) -> Self {
        Self {
            value,
            stat,
            children: BTreeSet::new(),
            births: 0,
            children_changed: stat.created,
        }
    }

    /// What is known of it at the moment.
    pub(crate) fn stat(&self) -> Stat {
        Stat {
            children: self.children.len().try_into().expect("few children"),
            children_changed: self.children_changed,
            ..self.stat
        }
    }

    fn check(&self, version: Option<i32>) -> Result<(), Failure> {
        if version.is_some_and(|version| version != self.stat.version) {
            return Err(Failure::BadVersion);
        }
        Ok(())
    }
}

/// The path above.
pub(crate) fn parent(path: &str) -> &str {
    match path.rfind('/') {
        Some(0) | None => "/",
        Some(at) => &path[..at],
    }
}
