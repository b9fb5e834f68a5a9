//! Values of the client library, as those of the port.

use chrono::DateTime;
use zookeeper_client::{Acl, Error, MultiWriteError, Permission};

use super::client::{AclEntry, Refusal, Stat, right};

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self {
            at: None,
            failure: error.into(),
        }
    }
}

impl From<MultiWriteError> for Refusal {
    fn from(error: MultiWriteError) -> Self {
        match error {
            MultiWriteError::RequestFailed { source } => source.into(),
            MultiWriteError::OperationFailed { index, source } => Self {
                at: Some(index),
                failure: source.into(),
            },
        }
    }
}

impl From<&Acl> for AclEntry {
    fn from(acl: &Acl) -> Self {
        let all = [
            (Permission::READ, right::READ),
            (Permission::WRITE, right::WRITE),
            (Permission::CREATE, right::CREATE),
            (Permission::DELETE, right::DELETE),
            (Permission::ADMIN, right::ADMIN),
        ];
        let given = all
            .iter()
            .filter(|(permission, _)| acl.permission().has(*permission));
        Self {
            rights: given.map(|(_, right)| right).sum(),
            scheme: acl.scheme().to_owned(),
            id: acl.id().to_owned(),
        }
    }
}

impl From<&zookeeper_client::Stat> for Stat {
    fn from(stat: &zookeeper_client::Stat) -> Self {
        Self {
            created: stat.czxid,
            modified: stat.mzxid,
            version: stat.version,
            owner: stat.ephemeral_owner,
            children: stat.num_children,
            children_changed: stat.pzxid,
            acl_version: stat.aversion,
            made: DateTime::from_timestamp_millis(stat.ctime).unwrap_or_default(),
            written: DateTime::from_timestamp_millis(stat.mtime).unwrap_or_default(),
        }
    }
}
