//! A znode's value and stat.

use super::client::Stat;

/// A znode's value and stat at the time of reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// The value in bytes.
    pub bytes: Vec<u8>,
    /// ZooKeeper's metadata of the znode.
    pub stat: Stat,
}
