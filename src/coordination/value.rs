//! A znode's value as it was read.

use super::client::Stat;

/// A znode's value as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The value itself.
    pub bytes: Vec<u8>,
    /// What ZooKeeper knows of the znode.
    pub stat: Stat,
}
