//! Closes a tree that others could write, for `setup-zookeeper --secure`: the job's znodes, and those of groups
//! (`heartline member`) and of nodes (`heartline nodes`) in its namespace.

use futures_util::future::join_all;

use super::access::WRITES;
use super::client::{Access, Kind};
use super::{Failure, GROUP_MASTER, GROUP_WORKERS, Namespace, Paths, Session};

/// How often the requests are emptied before their parent can be replaced: others may add some meanwhile.
const ATTEMPTS: usize = 50;

/// What was found and mended by [`Session::secure`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secured {
    /// The znodes that everybody could write.
    pub open: Vec<String>,
    /// The znodes of other identities, which are removed.
    pub removed: Vec<String>,
    /// Those that cannot be removed, with the reason.
    pub left: Vec<(String, Failure)>,
}

impl Session {
    /// Which of the parents of znodes in the job's namespace everybody may write, or every process of some host. `more` are
    /// further ones, below the namespace, such as the `--path` and `--workers` of a group.
    pub async fn open_to_everybody(&self, more: &[Namespace]) -> Result<Vec<String>, Failure> {
        let mut all = parents(self.paths());
        all.extend(parents(&self.paths_of_nodes()));
        all.extend(self.trees_of_groups());
        all.extend(more.iter().flat_map(|path| self.with_those_above(path)));
        // One behind the other on the connection, and none waits for the answer to another.
        let asked = join_all(all.iter().map(|path| self.client().acl(path))).await;
        let mut open = Vec::new();
        for (path, acl) in all.into_iter().zip(asked) {
            match acl {
                Ok(acl) => {
                    let mut open_entries = acl.iter().filter(|entry| entry.needs_no_proof());
                    if open_entries.any(|entry| entry.may(WRITES)) {
                        open.push(path);
                    }
                }
                Err(Failure::NoNode | Failure::Refused(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(open)
    }

    /// Gives the znodes in the job's namespace the ACLs that this session would create them with: the job's, those of nodes
    /// and of groups, and `more` with all below them and those between them and the namespace. Control and requests are
    /// replaced by empty ones, whoever wrote them: they are never both closed and another's. Znodes of other identities are
    /// removed.
    ///
    /// The znodes above the job's namespace are left alone: they are not its own.
    ///
    /// # Notable errors
    /// [`Failure::Refused`] if the namespace belongs to another identity, or is the root, which belongs to all.
    pub async fn secure(&self, more: &[Namespace]) -> Result<Secured, Failure> {
        if self.paths().namespace() == &Namespace::default() {
            let why = "the root belongs to all jobs: give this one a --namespace of its own; for heartline nodes, name theirs: \
                       /heart_beat_nodes";
            return Err(Failure::Refused(why.to_owned()));
        }
        let mut secured = Secured {
            open: self.open_to_everybody(more).await?,
            ..Secured::default()
        };
        let namespace = self.paths().namespace().to_string();
        // First of all: who may write the namespace may replace everything below it.
        self.client().set_acl(&namespace, Access::Shared).await?;
        self.close_job(self.paths(), &mut secured).await?;
        let nodes = self.paths_of_nodes();
        let root = nodes.namespace().to_string();
        // It may belong to somebody else: that keeps nothing else open.
        if self.owner(&root).await?.is_some()
            && self
                .close_znode(&root, Access::Shared, &mut secured)
                .await?
        {
            self.close_job(&nodes, &mut secured).await?;
        }
        for root in self.trees_of_groups() {
            self.close_tree(root, &mut secured).await?;
        }
        for path in more {
            let mut above = self.with_those_above(path);
            let root = above.pop().unwrap_or_default();
            for path in above {
                self.close_znode(&path, Access::Shared, &mut secured)
                    .await?;
            }
            self.close_tree(root, &mut secured).await?;
        }
        Ok(secured)
    }

    /// Closes the znodes of the job or the control servers in a namespace that is closed already.
    async fn close_job(&self, paths: &Paths, secured: &mut Secured) -> Result<(), Failure> {
        let (control, requests) = (paths.control(), paths.requests());
        // Each is there for `replace` to delete it.
        self.ensure(control, b"").await?;
        self.ensure(requests, b"").await?;
        // Nothing of heartline stands below it, and with something there it could not be replaced.
        for name in self.names_below(control).await? {
            self.remove(&format!("{control}/{name}")).await?;
        }
        self.replace(control, "", Kind::Persistent).await?;
        for _ in 0..ATTEMPTS {
            for request in self.names_below(requests).await? {
                self.remove(&paths.request(&request)).await?;
            }
            match self.replace(requests, "", Kind::Persistent).await {
                // Somebody was faster.
                Err(Failure::Refused(_)) => {}
                replaced => {
                    replaced?;
                    return self.close_lists(paths, secured).await;
                }
            }
        }
        let why = format!("others go on to write {requests}; end them, and run this again");
        Err(Failure::Refused(why))
    }

    /// All but the namespace, the control and the requests.
    async fn close_lists(&self, paths: &Paths, secured: &mut Secured) -> Result<(), Failure> {
        let lists = [
            (paths.master(), Access::Private),
            (paths.members(), Access::Shared),
            (paths.snapshots(), Access::Shared),
            (paths.commits(), Access::Shared),
        ];
        for (list, access) in lists {
            if !self.close_znode(list, Access::Shared, secured).await? {
                continue;
            }
            for name in self.names_below(list).await? {
                self.close_znode(&format!("{list}/{name}"), access, secured)
                    .await?;
            }
        }
        match paths.nodes() {
            Some(nodes) => self.close_tree(nodes, secured).await,
            None => Ok(()),
        }
    }

    /// Closes a znode, and then those below it: by then nobody else can add one.
    async fn close_tree(&self, root: String, secured: &mut Secured) -> Result<(), Failure> {
        let mut waiting = vec![root];
        while let Some(path) = waiting.pop() {
            if self.close_znode(&path, Access::Shared, secured).await? {
                let names = self.names_below(&path).await?;
                waiting.extend(names.iter().map(|name| format!("{path}/{name}")));
            }
        }
        Ok(())
    }

    /// Closes one znode, or removes it if it belongs to another identity. Returns whether it is closed now.
    async fn close_znode(
        &self,
        path: &str,
        access: Access,
        secured: &mut Secured,
    ) -> Result<bool, Failure> {
        match self.client().set_acl(path, access).await {
            Ok(()) => Ok(true),
            Err(Failure::NoNode) => Ok(false),
            Err(Failure::Refused(_)) => {
                match self.remove(path).await {
                    Ok(()) => secured.removed.push(path.to_owned()),
                    Err(failure @ Failure::Refused(_)) => {
                        secured.left.push((path.to_owned(), failure));
                    }
                    Err(failure) => return Err(failure),
                }
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The znodes of the nodes' control servers in the job's namespace.
    fn paths_of_nodes(&self) -> Paths {
        Paths::new(self.paths().namespace().of_nodes())
    }

    /// The roots of a group's znodes, unless its members are told others.
    fn trees_of_groups(&self) -> [String; 2] {
        let namespace = self.paths().namespace();
        [GROUP_MASTER, GROUP_WORKERS].map(|path| format!("{namespace}{path}"))
    }

    /// A path below the namespace, after those between the two.
    fn with_those_above(&self, path: &Namespace) -> Vec<String> {
        let namespace = self.paths().namespace();
        let all = path.ancestry().map(|above| format!("{namespace}{above}"));
        all.collect()
    }
}

/// The namespace, and the persistent znodes of the job or the control servers below it.
fn parents(paths: &Paths) -> Vec<String> {
    let namespace = paths.namespace().to_string();
    let namespace = if namespace.is_empty() {
        "/".to_owned()
    } else {
        namespace
    };
    let mut parents = vec![namespace];
    let below = [
        paths.master(),
        paths.members(),
        paths.control(),
        paths.requests(),
        paths.snapshots(),
        paths.commits(),
    ];
    parents.extend(below.map(ToOwned::to_owned));
    parents.extend(paths.nodes());
    parents
}
