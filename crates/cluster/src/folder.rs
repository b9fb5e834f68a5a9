//! The names of the files in a cluster's folder.

/// The kind of the hosts of the started cluster.
pub(super) const HOST_KIND: &str = "form";
/// How the parts of the started cluster authenticate; a cluster from before there was a choice has no such file.
pub(super) const AUTHENTICATION: &str = "security";
/// The description it was started with.
pub(super) const DESCRIPTION: &str = "description.toml";
/// Locked by one start or stop at a time.
pub(super) const LOCK: &str = "lock";
