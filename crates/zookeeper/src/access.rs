//! Who may give orders: whether the ACLs of the znodes with orders let anybody else write them.
//!
//! An order is obeyed because of where it stands. So nobody else may write there: neither set the znode, nor create or
//! delete znodes below it, nor change its ACL. What stands above it may belong to an administrator, but not to everybody:
//! who may delete a znode can put another in its place.

use super::client::{Access, AclEntry, right};
use super::{Failure, Session};

/// What lets somebody give an order.
const WRITES: i32 = right::WRITE | right::CREATE | right::DELETE | right::ADMIN;
/// What lets somebody replace a znode below.
const REPLACES: i32 = right::CREATE | right::DELETE | right::ADMIN;

impl Session {
    /// Refuses orders of the znode at `path` if somebody else may write them; never if the session does not close orders.
    /// `own` is a znode that this session has created: its ACL names this session's identities.
    ///
    /// # Notable errors
    /// [`Failure::Refused`] with who may write there, and what to do; [`Failure::NoNode`] if one of the znodes does not
    /// exist.
    pub async fn refuse_open(&self, path: &str, own: &str) -> Result<(), Failure> {
        if !self.closes_orders() {
            return Ok(());
        }
        let own = self.client().acl(own).await?;
        let others = others(&self.client().acl(path).await?, &own, WRITES);
        if let Some(who) = others.first() {
            return Err(open(path, path, who));
        }
        let above = path.rsplit_once('/').map_or("/", |(above, _)| above);
        let above = if above.is_empty() { "/" } else { above };
        match self.client().acl(above).await {
            Ok(acl)
                if acl
                    .iter()
                    .any(|entry| entry.is_everybody() && entry.may(REPLACES)) =>
            {
                Err(open(path, above, "everybody"))
            }
            // Who is not even shown the ACL is not the one who may change it: it is no open znode.
            Ok(_) | Err(Failure::Refused(_)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }
}

impl Session {
    /// Which of the job's persistent znodes everybody may write.
    pub async fn open_to_everybody(&self) -> Result<Vec<String>, Failure> {
        let mut open = Vec::new();
        for path in self.parents() {
            match self.client().acl(&path).await {
                Ok(acl)
                    if acl
                        .iter()
                        .any(|entry| entry.is_everybody() && entry.may(WRITES)) =>
                {
                    open.push(path);
                }
                Ok(_) | Err(Failure::NoNode | Failure::Refused(_)) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(open)
    }

    /// Gives the job's znodes the ACLs that this session would create them with. Removes what somebody else may have
    /// ordered while they were open: requests, and the control's value. Returns which znodes everybody could write.
    ///
    /// The znodes above the job's namespace are left alone: they are not its own.
    pub async fn secure(&self) -> Result<Vec<String>, Failure> {
        let open = self.open_to_everybody().await?;
        let (control, namespace) = (self.paths().control(), self.paths().namespace().to_string());
        for parent in self.parents() {
            self.set_acl(&parent, Access::Shared).await?;
            let access = if parent == self.paths().master() || parent == self.paths().requests() {
                Access::Private
            } else {
                Access::Shared
            };
            if parent != namespace {
                for child in self.names_below(&parent).await? {
                    self.set_acl(&format!("{parent}/{child}"), access).await?;
                }
            }
        }
        if open.iter().any(|path| path == control) {
            self.set(control, "").await?;
        }
        if open.iter().any(|path| path == self.paths().requests()) {
            for request in self.names_below(self.paths().requests()).await? {
                self.remove(&self.paths().request(&request)).await?;
            }
        }
        Ok(open)
    }

    /// The names of a znode's children; none if it does not exist.
    async fn names_below(&self, path: &str) -> Result<Vec<String>, Failure> {
        match self.client().children(path).await {
            Err(Failure::NoNode) => Ok(Vec::new()),
            names => names,
        }
    }

    async fn set_acl(&self, path: &str, access: Access) -> Result<(), Failure> {
        match self.client().set_acl(path, access).await {
            Err(Failure::NoNode) => Ok(()),
            set => set,
        }
    }

    /// The job's persistent znodes: the namespace, unless it is the root, and the parents below it.
    fn parents(&self) -> Vec<String> {
        let paths = self.paths();
        let namespace = paths.namespace().to_string();
        let parents = [
            namespace.as_str(),
            paths.master(),
            paths.members(),
            paths.control(),
            paths.requests(),
            paths.snapshots(),
            paths.commits(),
        ];
        let parents = parents.into_iter().filter(|path| !path.is_empty());
        parents.map(ToOwned::to_owned).collect()
    }
}

/// The identities, other than `own`, that may do one of these things.
pub(super) fn others(acl: &[AclEntry], own: &[AclEntry], rights: i32) -> Vec<String> {
    let is_own = |entry: &AclEntry| {
        let mut own = own.iter().filter(|own| own.may(right::ADMIN));
        own.any(|own| (&own.scheme, &own.id) == (&entry.scheme, &entry.id))
    };
    let others = acl
        .iter()
        .filter(|entry| entry.may(rights) && !is_own(entry));
    others.map(AclEntry::to_string).collect()
}

fn open(path: &str, place: &str, who: &str) -> Failure {
    let what_to_do = if place == "/" {
        "give the job a --namespace of its own".to_owned()
    } else {
        "run setup-zookeeper --secure as the job's identity".to_owned()
    };
    let replace = if place == path {
        String::new()
    } else {
        format!(" {place}, and so replace it")
    };
    Failure::Refused(format!("{who} may write{replace}: {what_to_do}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(rights: i32, scheme: &str, id: &str) -> AclEntry {
        AclEntry {
            rights,
            scheme: scheme.to_owned(),
            id: id.to_owned(),
        }
    }

    #[test]
    fn only_who_may_write_and_is_not_the_own_identity_is_another() {
        let own = [
            entry(right::ALL, "sasl", "job"),
            entry(right::READ, "world", "anyone"),
        ];
        assert!(others(&own, &own, WRITES).is_empty());
        let acl = [
            entry(right::ALL, "sasl", "job"),
            entry(right::READ | right::WRITE, "world", "anyone"),
            entry(right::ADMIN, "digest", "job:hash"),
            entry(right::READ, "sasl", "reader"),
        ];
        assert_eq!(others(&acl, &own, WRITES), ["everybody", "digest:job:hash"]);
    }

    #[test]
    fn reading_makes_nobody_an_own_identity() {
        let own = [
            entry(right::ALL, "sasl", "job"),
            entry(right::READ, "sasl", "reader"),
        ];
        let acl = [entry(right::WRITE, "sasl", "reader")];
        assert_eq!(others(&acl, &own, WRITES), ["sasl:reader"]);
    }
}
