//! Closes a tree that others could write, for `setup-zookeeper --secure`.

use super::access::WRITES;
use super::client::{Access, Kind};
use super::{Failure, Session};

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
    /// Which of the job's persistent znodes everybody may write, or every process of some host.
    pub async fn open_to_everybody(&self) -> Result<Vec<String>, Failure> {
        let mut open = Vec::new();
        for path in self.parents() {
            match self.client().acl(&path).await {
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

    /// Gives the job's znodes the ACLs that this session would create them with. Control and requests are replaced by empty
    /// ones, whoever wrote them: they are never both closed and another's. Znodes of other identities are removed.
    ///
    /// The znodes above the job's namespace are left alone: they are not its own.
    ///
    /// # Notable errors
    /// [`Failure::Refused`] if the namespace belongs to another identity, or is the root, which belongs to all.
    pub async fn secure(&self) -> Result<Secured, Failure> {
        let namespace = self.paths().namespace().to_string();
        if namespace.is_empty() {
            let why = "the root belongs to all jobs: give this one a --namespace of its own";
            return Err(Failure::Refused(why.to_owned()));
        }
        let mut secured = Secured {
            open: self.open_to_everybody().await?,
            ..Secured::default()
        };
        // First of all: who may write the namespace may replace everything below it.
        self.client().set_acl(&namespace, Access::Shared).await?;
        let (control, requests) = (self.paths().control(), self.paths().requests());
        self.replace(control, "", Kind::Persistent).await?;
        for _ in 0..ATTEMPTS {
            for request in self.names_below(requests).await? {
                self.remove(&self.paths().request(&request)).await?;
            }
            match self.replace(requests, "", Kind::Persistent).await {
                // Somebody was faster.
                Err(Failure::Refused(_)) => {}
                replaced => {
                    replaced?;
                    self.secure_rest(&mut secured).await?;
                    return Ok(secured);
                }
            }
        }
        let why = format!("others go on to write {requests}; end them, and run this again");
        Err(Failure::Refused(why))
    }

    /// All but the namespace, the control and the requests.
    async fn secure_rest(&self, secured: &mut Secured) -> Result<(), Failure> {
        let paths = self.paths();
        let lists = [
            (paths.master(), Access::Private),
            (paths.members(), Access::Shared),
            (paths.snapshots(), Access::Shared),
            (paths.commits(), Access::Shared),
        ];
        for (list, access) in lists {
            match self.client().set_acl(list, Access::Shared).await {
                Err(Failure::NoNode) => continue,
                set => set?,
            }
            for name in self.names_below(list).await? {
                let path = format!("{list}/{name}");
                match self.client().set_acl(&path, access).await {
                    Ok(()) | Err(Failure::NoNode) => {}
                    Err(Failure::Refused(_)) => match self.remove(&path).await {
                        Ok(()) => secured.removed.push(path),
                        Err(failure @ Failure::Refused(_)) => secured.left.push((path, failure)),
                        Err(failure) => return Err(failure),
                    },
                    Err(failure) => return Err(failure),
                }
            }
        }
        Ok(())
    }

    /// The namespace, and the job's persistent znodes below it.
    fn parents(&self) -> Vec<String> {
        let paths = self.paths();
        let namespace = paths.namespace().to_string();
        let namespace = if namespace.is_empty() {
            "/"
        } else {
            &namespace
        };
        let parents = [
            namespace,
            paths.master(),
            paths.members(),
            paths.control(),
            paths.requests(),
            paths.snapshots(),
            paths.commits(),
        ];
        parents.map(ToOwned::to_owned).to_vec()
    }
}
