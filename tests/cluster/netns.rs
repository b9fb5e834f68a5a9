//! Hosts with networks of their own: heartline's agents keep their files, ssh fences them, and they are cut off and
//! reconnected. About three
//! minutes; needs root, ip, ssh and sshd.

use crate::support;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::support::left_out::{self, leave_out};
use crate::support::{Described, no_namespaces, wait_until};

/// The time limit of a step, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(180);

/// The hosts file before the agent changes it.
const LOCALHOST: &str = "127.0.0.1 localhost\n::1 localhost\n";
const BEGIN: &str = "# BEGIN heartline nodes";

/// One cluster at a time: each alone fills two cores while it starts.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file of a host's ssh folder.
fn ssh(cluster: &Described, host: &str, file: &str) -> PathBuf {
    cluster.folder().join(host).join("ssh").join(file)
}

/// A host's public key: kind and bytes.
fn public_key(cluster: &Described, host: &str) -> String {
    let text = fs::read_to_string(ssh(cluster, host, "id_ecdsa.pub")).expect("a key");
    let words: Vec<&str> = text.split_whitespace().take(2).collect();
    words.join(" ")
}

/// The hosts file as it is seen on a host.
fn hosts_file(cluster: &Described, host: &str) -> String {
    let output = cluster.on(host, &["cat", "/etc/hosts"]);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn keys_file(cluster: &Described, host: &str) -> String {
    fs::read_to_string(ssh(cluster, host, "authorized_keys")).unwrap_or_default()
}

/// Logs in from one host to another, by name and with its own key. Returns the other one's name, and the address by
/// which it was reached.
fn log_in(cluster: &Described, from: &str, to: &str) -> String {
    let key = ssh(cluster, from, "id_ecdsa");
    let (key, to) = (key.display().to_string(), format!("root@{to}"));
    let words = "ssh -F none -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
                 -o LogLevel=ERROR -o ConnectTimeout=60 -o IdentitiesOnly=yes -i";
    let mut words: Vec<&str> = words.split_whitespace().collect();
    words.extend([key.as_str(), &to, "hostname; echo $SSH_CONNECTION"]);
    let output = cluster.on(from, &words);
    assert!(output.status.success(), "{from} to {to}: {output:?}");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let said: Vec<&str> = said.split_whitespace().collect();
    // From where, its port, to where, its port.
    format!("{} {}", said[0], said[3])
}

/// Each host's agent keeps its files, and each host reaches every other with its own key.
fn assert_all_reach_all(cluster: &Described, ids: &[u32]) {
    let name = |id: &u32| format!("h{id}");
    let keys: BTreeSet<String> = ids
        .iter()
        .map(|id| public_key(cluster, &name(id)))
        .collect();
    assert_eq!(keys.len(), ids.len(), "each has its own: {keys:?}");
    for from in ids {
        let from = &name(from);
        let hosts = hosts_file(cluster, from);
        let block = hosts.strip_prefix(LOCALHOST).unwrap_or_default();
        assert!(block.starts_with(BEGIN), "{hosts}");
        let (names, known) = (block.lines().count(), keys_file(cluster, from));
        assert_eq!(names, ids.len() + 2, "{hosts}");
        assert!(known.starts_with(BEGIN), "{known}");
        assert_eq!(known.lines().count(), ids.len() + 2, "{known}");
        for id in ids {
            let (to, address) = (name(id), cluster.address(*id));
            assert!(hosts.contains(&format!("\n{address}\t{to}\n")), "{hosts}");
            let line = format!("\n{} {to}\n", public_key(cluster, &to));
            assert!(known.contains(&line), "{known}");
            assert_eq!(log_in(cluster, from, &to), format!("{to} {address}"));
        }
    }
}

/// How often a host's sshd has let another host's key in.
fn let_in(cluster: &Described, host: &str, other: &str) -> usize {
    let key = ssh(cluster, other, "id_ecdsa.pub");
    let output = Command::new("ssh-keygen").arg("-lf").arg(key).output();
    let said = String::from_utf8_lossy(&output.expect("ssh-keygen runs").stdout).into_owned();
    let print = said.split(' ').nth(1).expect("a fingerprint").to_owned();
    let log = cluster.log(host, "sshd");
    let mut accepted: Vec<&str> = log.lines().collect();
    accepted.retain(|line| line.contains("Accepted publickey") && line.ends_with(&print));
    accepted.len()
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one sequence of steps with real processes"
)]
fn hosts_are_kept_right_by_a_server_and_agents_of_the_clusters_own() {
    let _machine = crate::support::whole_machine();
    let _alone = alone();
    if let Some(why) = no_namespaces(&["sshd", "ssh", "fuser"]) {
        leave_out!("{why}");
    }
    let host = |id| format!("[[host]]\nname = \"h{id}\"\nid = {id}\nroles = [\"zookeeper\"]\n");
    let cluster = Described::new("netns", &[1, 2, 3].map(host).concat());
    let said = cluster.up();
    let at = |what: &str| said.find(what).unwrap_or_else(|| panic!("{what}: {said}"));
    let known = at("hosts: 3 know each other's names and keys");
    assert!(known < at("h1 zookeeper: started"), "{said}");
    assert_all_reach_all(&cluster, &[1, 2, 3]);
    let said = cluster.up();
    assert!(!said.contains("started"), "{said}");
    assert!(said.contains("h2 agent: runs already, pid"), "{said}");

    // A whole host is killed, and the server: the rest goes on, and only these two are started again.
    let (status, said) = cluster.ask("kill", &["h3"]);
    assert_eq!(status, 0, "{said}");
    for what in ["agent", "sshd", "zookeeper"] {
        let line = format!("h3 {what}: killed, pid");
        assert!(said.contains(&line), "{said}");
    }
    let server = cluster.pid("this_machine", "nodes-server");
    let killed = Command::new("kill").args(["-KILL", &server]).status();
    assert!(killed.is_ok_and(|status| status.success()));
    let agent = cluster.pid("h1", "agent");
    let said = cluster.up();
    for line in [
        "this_machine nodes-server: started, pid",
        "h3 agent: started, pid",
        &format!("h1 agent: runs already, pid {agent}\n"),
    ] {
        assert!(said.contains(line), "'{line}' is not in:\n{said}");
    }
    assert_all_reach_all(&cluster, &[1, 2, 3]);

    // A host that has lost its data comes back with another key; no host accepts the old key any more.
    let lost = public_key(&cluster, "h2");
    cluster.kill("h2");
    fs::remove_dir_all(cluster.folder().join("h2")).expect("it is removed");
    cluster.up();
    assert_ne!(public_key(&cluster, "h2"), lost);
    wait_until("the old key is gone", LIMIT, || {
        let mut hosts = ["h1", "h2", "h3"].into_iter();
        hosts.all(|host| !keys_file(&cluster, host).contains(&lost))
    });
    assert_all_reach_all(&cluster, &[1, 2, 3]);

    // A start that was killed before it recorded what it had started.
    let strays = [("h1", "agent"), ("this_machine", "nodes-server")];
    let strays = strays.map(|(host, what)| {
        let pid = cluster.pid(host, what);
        let file = cluster.folder().join(format!("{host}/run/{what}.pid"));
        fs::remove_file(file).expect("it is removed");
        format!("left by a start that was killed: pid {pid} ")
    });
    let said = cluster.up();
    for line in &strays {
        assert!(said.contains(line), "'{line}' is not in:\n{said}");
    }
    cluster.down();

    // What was reported on a network that is gone is not reported again.
    let description = fs::read_to_string(cluster.file()).expect("a description");
    let shorter = description.replace(&host(3), "");
    fs::write(cluster.file(), &shorter).expect("written");
    cluster.up();
    assert_all_reach_all(&cluster, &[1, 2]);

    // A host that becomes a master registers again.
    let before = public_key(&cluster, "h2");
    let master = host(2).replace(
        "[\"zookeeper\"",
        "[\"zookeeper\", \"namenode\", \"datanode\"",
    );
    let changed = shorter.replace(&host(2), &master);
    assert_ne!(changed, shorter);
    fs::write(cluster.file(), changed).expect("written");
    let said = cluster.up();
    assert!(
        said.contains("nodes-server: h2 has changed or was removed\n"),
        "{said}"
    );
    assert!(
        cluster.log("h2", "agent").contains("h2 is master now"),
        "{said}"
    );
    assert_ne!(public_key(&cluster, "h2"), before);
    assert_all_reach_all(&cluster, &[1, 2]);
    cluster.down();
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one sequence of steps with real processes"
)]
fn a_namenode_that_hangs_is_fenced_by_ssh_and_a_host_is_cut_off() {
    let _machine = crate::support::whole_machine();
    let _alone = alone();
    if let Some(why) = no_namespaces(&["sshd", "ssh", "fuser"]) {
        leave_out!("{why}");
    }
    let cluster = Described::sample("netns", "three-hosts-ha");
    cluster.up();
    let mut modes = cluster.modes(&[1, 2, 3]);
    modes.sort();
    assert_eq!(modes, ["follower", "follower", "leader"]);
    assert_eq!([1, 2].map(|id| cluster.namenode(id)), ["active", "standby"]);
    cluster.fs("h3", &["-mkdir", "/kept"]);
    assert_all_reach_all(&cluster, &[1, 2, 3]);
    let let_in_before = let_in(&cluster, "h1", "h2");
    assert_eq!(let_in_before, 1);

    // Neither a NameNode that hangs nor its ZKFC gives up the active state: the other host has to kill it.
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
    // With the other host's own key, which h1 has from its agent.
    assert!(let_in(&cluster, "h1", "h2") > let_in_before);
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
    wait_until("its agent is missed", LIMIT, || {
        cluster.log("h1", "agent").contains("h2 is dead")
    });
    let (status, said) = cluster.ask("mend", &["h2"]);
    assert_eq!(status, 0, "{said}");
    wait_until("its agent is back", LIMIT, || {
        cluster.log("h1", "agent").contains("h2 lives again")
    });
    let said = cluster.up();
    assert!(
        said.contains("namenodes: nn1 active, nn2 standby"),
        "{said}"
    );
    assert_all_reach_all(&cluster, &[1, 2, 3]);

    // Meanwhile the same cluster cannot have another kind of hosts.
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
    let description = fs::read_to_string(cluster.file()).unwrap();
    let name = description.split('"').nth(1).unwrap();
    assert!(!names.contains(&format!("hl-{name}-")), "{names}");
}
