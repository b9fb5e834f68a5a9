//! Hosts with networks of their own: fenced by ssh, cut off and mended. About two minutes; needs root, ip and sshd.

mod support;

use std::process::Command;
use std::time::Duration;

use support::{Described, no_namespaces, wait_until};

/// What a busy machine may need.
const LIMIT: Duration = Duration::from_secs(180);

#[test]
fn a_namenode_that_hangs_is_fenced_by_ssh_and_a_host_is_cut_off() {
    if let Some(why) = no_namespaces(&["sshd", "fuser"]) {
        eprintln!("skipped: {why}");
        return;
    }
    let cluster = Described::sample("netns", "three-hosts-ha");
    cluster.up();
    let mut modes = cluster.modes(&[1, 2, 3]);
    modes.sort();
    assert_eq!(modes, ["follower", "follower", "leader"]);
    assert_eq!([1, 2].map(|id| cluster.namenode(id)), ["active", "standby"]);
    cluster.fs("h3", &["-mkdir", "/kept"]);

    // Neither a NameNode that only hangs nor its ZKFC lets go by itself: the other host has to kill it.
    for role in ["zkfc", "namenode"] {
        let stopped = Command::new("kill")
            .args(["-STOP", &cluster.pid("h1", role)])
            .status();
        assert!(stopped.is_ok_and(|status| status.success()));
    }
    wait_until("nn2 takes over", LIMIT, || cluster.namenode(2) == "active");
    let log = cluster.log("h2", "zkfc");
    let by_ssh = "Fencing successful by method org.apache.hadoop.ha.SshFenceByTcpPort";
    assert!(log.contains(by_ssh), "{log}");
    assert!(cluster.log("h1", "sshd").contains("Accepted publickey"));
    assert!(cluster.fs("h3", &["-ls", "/"]).contains("/kept"));
    cluster.kill("h1/zkfc");
    let said = cluster.up();
    assert!(
        said.contains("namenodes: nn2 active, nn1 standby"),
        "{said}"
    );

    let (status, said) = cluster.ask("cut", &["h2"]);
    assert_eq!(status, 0, "{said}");
    wait_until("nn1 takes over from a host that is cut off", LIMIT, || {
        cluster.namenode(1) == "active"
    });
    let (status, said) = cluster.ask("mend", &["h2"]);
    assert_eq!(status, 0, "{said}");
    let said = cluster.up();
    assert!(
        said.contains("namenodes: nn1 active, nn2 standby"),
        "{said}"
    );

    // The same cluster cannot be something else meanwhile.
    let other = Command::new(env!("CARGO_BIN_EXE_heartline"))
        .args(["cluster", "up", "--hosts", "loopback"])
        .arg(cluster.file())
        .env("HEARTLINE_HOME_DIR", support::Parts::home())
        .output()
        .unwrap();
    assert_eq!(other.status.code(), Some(1));
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(
        said.contains("was started with --hosts netns, and not ended; end it first"),
        "{said}"
    );
    cluster.down();
    let names = Command::new("ip").args(["netns", "list"]).output().unwrap();
    let names = String::from_utf8_lossy(&names.stdout).into_owned();
    let description = std::fs::read_to_string(cluster.file()).unwrap();
    let name = description.split('"').nth(1).unwrap();
    assert!(!names.contains(&format!("hl-{name}-")), "{names}");
}
