//! Who may give orders: whether the ACLs of the znodes with orders let anybody else write them.
//!
//! An order is obeyed because of where it stands. So nobody else may write there: neither set the znode, nor create or
//! delete znodes below it, nor change its ACL, nor put another znode in its place, as who may delete a child of the znode
//! above can.

use std::sync::{Mutex, PoisonError};

use super::client::{AclEntry, Change, right};
use super::{Failure, Session, Value};

/// What lets somebody give an order.
pub(super) const WRITES: i32 = right::WRITE | right::CREATE | right::DELETE | right::ADMIN;
/// What lets somebody replace a znode below.
const REPLACES: i32 = right::CREATE | right::DELETE | right::ADMIN;

/// The most own znodes that are remembered: a member has two at a time.
const MOST_OWN: usize = 4;

/// A znode for which nobody else was found to give orders: the zxid of its creation, and the version of its ACL. It is not
/// examined again while both are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExaminedAccess(Option<(i64, i32)>);

/// The paths of the ephemeral znodes that a session has created: its claim, and its znode as a follower.
#[derive(Debug, Default)]
pub(super) struct OwnZnodes(Mutex<Vec<String>>);

impl OwnZnodes {
    /// Remembers one that is created, or is about to be.
    pub(super) fn note(&self, path: &str) {
        let own = self.0.lock();
        let mut own = own.unwrap_or_else(PoisonError::into_inner);
        own.retain(|other| other != path);
        own.push(path.to_owned());
        if own.len() > MOST_OWN {
            own.remove(0);
        }
    }

    /// Some of them may be gone.
    fn newest_first(&self) -> Vec<String> {
        let own = self.0.lock();
        let own = own.unwrap_or_else(PoisonError::into_inner);
        own.iter().rev().cloned().collect()
    }
}

impl Session {
    /// A znode with orders, and a watch for its next change. The value was written while nobody else could write it, unless
    /// the session does not close orders.
    ///
    /// # Notable errors
    /// [`Failure::Refused`] with who may write there, and what to do. [`Failure::NoNode`] if the znode does not exist, or
    /// this session has no znode yet whose ACL would tell who it is.
    pub async fn read_order(
        &self,
        path: &str,
        examined: &mut ExaminedAccess,
    ) -> Result<(Value, Change), Failure> {
        loop {
            let (value, change) = self.read(path).await?;
            let access = (value.stat.created, value.stat.acl_version);
            if !self.closes_orders() || examined.0 == Some(access) {
                return Ok((value, change));
            }
            self.refuse_open(path).await?;
            // The ACL may be newer than the value: then those wrote it who may not any more.
            let stat = self.client().stat(path).await?;
            if stat.is_some_and(|stat| (stat.created, stat.acl_version) == access) {
                examined.0 = Some(access);
                return Ok((value, change));
            }
        }
    }

    /// Refuses orders at `path` if somebody else may write there; never if the session does not close orders.
    ///
    /// # Notable errors
    /// As of [`Session::read_order`].
    pub async fn refuse_open(&self, path: &str) -> Result<(), Failure> {
        if !self.closes_orders() {
            return Ok(());
        }
        let own = self.own_acl().await?;
        let others_here = others(&self.client().acl(path).await?, &own, WRITES);
        if let Some(who) = others_here.first() {
            let why =
                format!("{who} may write: run setup-zookeeper --secure as the job's identity");
            return Err(Failure::Refused(why));
        }
        let above = path.rsplit_once('/').map_or("/", |(above, _)| above);
        let above = if above.is_empty() { "/" } else { above };
        let others_above = others(&self.client().acl(above).await?, &own, REPLACES);
        match others_above.first() {
            None => Ok(()),
            Some(who) => Err(Failure::Refused(format!(
                "{who} may write {above}, and so replace it: give the job a --namespace of its own, below that"
            ))),
        }
    }

    /// The ACL of a znode that this session has created: it names the identities that the session has.
    async fn own_acl(&self) -> Result<Vec<AclEntry>, Failure> {
        for path in self.own().newest_first() {
            // Somebody else may have made another znode of this name since.
            if self.owner(&path).await? == Some(self.id()) {
                return self.client().acl(&path).await;
            }
        }
        Err(Failure::NoNode)
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
