//! The znodes of one job, all below one namespace.

use std::fmt;
use std::str::FromStr;

/// The namespace of the nodes' control servers, below that of a job.
const NODES: &str = "/heart_beat_nodes";
/// The znode of a group's active master below the namespace, unless its members are told another.
pub const GROUP_MASTER: &str = "/master";
/// The parent of a group's workers below the namespace, unless its members are told another.
pub const GROUP_WORKERS: &str = "/workers";

/// The path above a job's znodes; the root by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// This namespace, below the namespace `outer`.
    #[must_use]
    pub fn below(&self, outer: &Self) -> Self {
        Self(format!("{}{}", outer.0, self.0))
    }

    /// The namespace of the nodes' control servers, below this one.
    #[must_use]
    pub fn of_nodes(&self) -> Self {
        Self(format!("{self}{NODES}"))
    }

    /// The path itself and all paths above it, topmost first; empty for the root.
    pub fn ancestry(&self) -> impl Iterator<Item = &str> {
        let ends = self.0.match_indices('/').skip(1).map(|(at, _)| at);
        let whole = (!self.0.is_empty()).then_some(self.0.len());
        ends.chain(whole).map(|end| &self.0[..end])
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = String;

    /// Checks ZooKeeper's own rules for paths.
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "/" {
            return Ok(Self::default());
        }
        let wanted = "write an absolute path like /jobs/wordcount";
        let Some(rest) = text.strip_prefix('/') else {
            return Err(format!("'{text}' does not begin with '/'; {wanted}"));
        };
        for part in rest.split('/') {
            if part.is_empty() {
                return Err(format!("'{text}' has an empty part; {wanted}"));
            }
            if matches!(part, "." | "..") || part.chars().any(char::is_control) {
                return Err(format!(
                    "'{text}' has a part that ZooKeeper refuses; {wanted}"
                ));
            }
        }
        if rest.split('/').next() == Some("zookeeper") {
            return Err(format!(
                "'/zookeeper' belongs to ZooKeeper itself; {wanted}"
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// The znodes of one job.
#[derive(Clone, Debug)]
pub struct Paths {
    namespace: Namespace,
    master: String,
    members: String,
    control: String,
    requests: String,
    snapshots: String,
    commits: String,
}

impl Paths {
    /// The znodes of the job with this namespace.
    pub fn new(namespace: Namespace) -> Self {
        Self {
            master: format!("{namespace}/heart_beat_master"),
            members: format!("{namespace}/heart_beat"),
            control: format!("{namespace}/heart_beat_control"),
            requests: format!("{namespace}/heart_beat_requests"),
            snapshots: format!("{namespace}/heart_beat_snapshots"),
            commits: format!("{namespace}/heart_beat_commits"),
            namespace,
        }
    }

    /// The namespace above all of them.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// The znode of the master's report; the line of claims is below it.
    pub fn master(&self) -> &str {
        &self.master
    }

    /// The parent of the followers' znodes.
    pub fn members(&self) -> &str {
        &self.members
    }

    /// One follower's znode.
    pub fn member(&self, name: &str) -> String {
        format!("{}/{name}", self.members)
    }

    /// The znode of the master's instructions to all members.
    pub fn control(&self) -> &str {
        &self.control
    }

    /// The parent of the operators' requests.
    pub fn requests(&self) -> &str {
        &self.requests
    }

    /// The znode of one request.
    pub fn request(&self, name: &str) -> String {
        format!("{}/{name}", self.requests)
    }

    /// The parent of the snapshots of stalled members.
    pub fn snapshots(&self) -> &str {
        &self.snapshots
    }

    /// The snapshot of one member.
    pub fn snapshot(&self, name: &str) -> String {
        format!("{}/{name}", self.snapshots)
    }

    /// The parent of the tasks' commits.
    pub fn commits(&self) -> &str {
        &self.commits
    }

    /// The state of one task's commit.
    pub fn commit(&self, task: &str) -> String {
        format!("{}/{task}", self.commits)
    }

    /// The parent of the nodes' znodes; `None` in a namespace that is not that of control servers.
    pub fn nodes(&self) -> Option<String> {
        let is_of_nodes = self.namespace.0.ends_with(NODES);
        is_of_nodes.then(|| format!("{}/nodes", self.namespace))
    }

    /// The znode of one claim in the line.
    pub fn claim(&self, name: &str) -> String {
        format!("{}/{name}", self.master)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_default() {
        let paths = Paths::new("/".parse().unwrap());
        assert_eq!(paths.master(), "/heart_beat_master");
        assert_eq!(paths.member("map1.5"), "/heart_beat/map1.5");
        assert_eq!(paths.namespace().ancestry().count(), 0);
    }

    #[test]
    fn a_namespace_is_put_before_everything() {
        let namespace: Namespace = "/b/c".parse().unwrap();
        let paths = Paths::new(namespace.below(&"/a".parse().unwrap()));
        assert_eq!(paths.claim("x"), "/a/b/c/heart_beat_master/x");
        assert_eq!(
            paths.namespace().ancestry().collect::<Vec<_>>(),
            ["/a", "/a/b", "/a/b/c"]
        );
    }

    #[test]
    fn nodes_have_a_namespace_of_their_own() {
        let job: Namespace = "/job".parse().unwrap();
        assert_eq!(Paths::new(job.clone()).nodes(), None);
        let nodes = Paths::new(job.of_nodes());
        assert_eq!(nodes.nodes().unwrap(), "/job/heart_beat_nodes/nodes");
        assert_eq!(nodes.control(), "/job/heart_beat_nodes/heart_beat_control");
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for wrong in [
            "",
            "a",
            "/a/",
            "//",
            "/a//b",
            "/.",
            "/a/..",
            "/a\0",
            "/zookeeper/x",
        ] {
            assert!(wrong.parse::<Namespace>().is_err(), "{wrong:?}");
        }
    }
}
