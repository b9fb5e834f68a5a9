//! A host with a network of its own, linked to this machine by a cable that a test can pull.

use std::net::Ipv4Addr;
use std::process::Command;

/// A network namespace with one link to this machine; both are removed when this value is dropped.
pub(crate) struct LinkedHost {
    namespace: String,
    here: Ipv4Addr,
}

impl LinkedHost {
    /// Makes the host and its link. A test process has one at a time.
    pub(crate) fn start() -> Self {
        let pid = std::process::id();
        // A part of 198.18.0.0/15, which is for tests of networks, so that test programs that run at once differ.
        let [.., high, low] = (pid % 0x4000 * 4).to_be_bytes();
        let here = Ipv4Addr::new(198, 18, high, low + 1);
        let there = Ipv4Addr::new(198, 18, high, low + 2);
        let host = Self {
            namespace: format!("hl-link-{pid}"),
            here,
        };
        let link = format!("hll{pid}");
        ip(&["netns", "add", &host.namespace]);
        ip(&[
            "link",
            "add",
            &link,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            &host.namespace,
        ]);
        ip(&["address", "add", &format!("{here}/30"), "dev", &link]);
        ip(&["link", "set", &link, "up"]);
        host.ip_there(&["address", "add", &format!("{there}/30"), "dev", "eth0"]);
        host.ip_there(&["link", "set", "eth0", "up"]);
        host.ip_there(&["link", "set", "lo", "up"]);
        host
    }

    /// This machine's address on the link.
    pub(crate) fn here(&self) -> Ipv4Addr {
        self.here
    }

    /// The command that replaces itself with another one on the host.
    pub(crate) fn starter(&self) -> [&str; 4] {
        ["ip", "netns", "exec", &self.namespace]
    }

    /// Pulls the cable. On this machine nothing changes: the host no longer answers.
    pub(crate) fn unplug(&self) {
        self.ip_there(&["link", "set", "eth0", "down"]);
    }

    fn ip_there(&self, words: &[&str]) {
        ip(&[&["-n", &self.namespace], words].concat());
    }
}

impl Drop for LinkedHost {
    fn drop(&mut self) {
        // The link goes with it.
        let _ = Command::new("ip")
            .args(["netns", "del", &self.namespace])
            .output();
    }
}

fn ip(words: &[&str]) {
    let output = Command::new("ip").args(words).output().expect("ip runs");
    assert!(
        output.status.success(),
        "ip {}: {output:?}",
        words.join(" ")
    );
}
