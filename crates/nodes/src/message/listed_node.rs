//! A node in the list for people, as the server writes it and `heartline nodes list` reads it.

use serde::{Deserialize, Serialize};

use super::raw::Truth;

/// A row of the list.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListedNode {
    /// The node's name.
    pub hostname: String,
    /// The address at which others reach it, if known.
    pub ip: Option<String>,
    /// `master`, `standby` or `slave`.
    pub role: String,
    /// The user that owns its key.
    pub username: String,
    /// What the server says of it.
    pub verdict: String,
    /// Whether it sends heartbeats.
    pub is_alive: Truth,
    /// Milliseconds since the last heartbeat; `None` if none came since the server's start.
    pub age_ms: Option<u64>,
}
