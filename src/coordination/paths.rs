//! The znodes of one job, all below one namespace.

use std::fmt;
use std::str::FromStr;

/// A path that others are put below; the root unless told otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespace(String);

impl Namespace {
    /// The same namespace, below another one.
    #[must_use]
    pub fn below(&self, outer: &Self) -> Self {
        Self(format!("{}{}", outer.0, self.0))
    }

    /// The path itself and all paths above it, topmost first; none for the root.
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

    /// ZooKeeper's own rules for paths.
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
    /// The znodes of the job whose namespace this is.
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

    /// Where they all are.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// What the master says; the line of claims is below it.
    pub fn master(&self) -> &str {
        &self.master
    }

    /// What the followers' znodes are below.
    pub fn members(&self) -> &str {
        &self.members
    }

    /// One follower's znode.
    pub fn member(&self, name: &str) -> String {
        format!("{}/{name}", self.members)
    }

    /// What the master tells all members to do.
    pub fn control(&self) -> &str {
        &self.control
    }

    /// What the requests of operators are below.
    pub fn requests(&self) -> &str {
        &self.requests
    }

    /// One request.
    pub fn request(&self, name: &str) -> String {
        format!("{}/{name}", self.requests)
    }

    /// What the snapshots of stalled members are below.
    pub fn snapshots(&self) -> &str {
        &self.snapshots
    }

    /// The snapshot of one member.
    pub fn snapshot(&self, name: &str) -> String {
        format!("{}/{name}", self.snapshots)
    }

    /// What the commits of tasks are below.
    pub fn commits(&self) -> &str {
        &self.commits
    }

    /// How far the commit of one task is.
    pub fn commit(&self, task: &str) -> String {
        format!("{}/{task}", self.commits)
    }

    /// One claim in the line.
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
