//! Agents and their server: the files stay correct, and nothing is lost when the server fails.

use crate::support;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::left_out::{self, leave_out};
use crate::support::{Program, SOON, ServerOfNodes, Storm, no_small_disk, node_folder, wait_until};
use rustix::process::Signal;
use tempfile::TempDir;

fn text(folder: &TempDir, name: &str) -> String {
    fs::read_to_string(folder.path().join(name)).unwrap_or_default()
}

fn wait_for_text(folder: &TempDir, name: &str, what: &str, hoped: impl Fn(&str) -> bool) {
    wait_until(what, SOON, || hoped(&text(folder, name)));
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one sequence of steps with real processes"
)]
fn every_node_learns_of_every_other_and_a_leave_leaves_nothing() {
    let mut server = ServerOfNodes::bare(&[]);
    let hosts = "127.0.0.1\tlocalhost\n";
    let folders = [node_folder(hosts), node_folder(hosts), node_folder(hosts)];
    fs::write(
        folders[0].path().join("authorized_keys"),
        "ssh-ed25519 AAAA own",
    )
    .expect("written");
    let slave = server.agent(folders[0].path(), "s1", "slave", "127.0.1.1");
    let master = server.agent(folders[1].path(), "m1", "master", "127.0.1.2");
    master.wait_for("m1 is master now");
    let mut standby = server.agent(folders[2].path(), "m2", "master", "127.0.1.3");
    standby.wait_for("m2 is standby now: 'm1 is master and lives; m2 stands by");
    for folder in &folders {
        wait_for_text(
            folder,
            "hosts",
            "all three are in the block, the master first",
            |text| {
                let entries = "127.0.1.2\tm1\n127.0.1.1\ts1\n127.0.1.3\tm2\n# END";
                text.starts_with(hosts) && text.contains(entries)
            },
        );
        wait_for_text(folder, "authorized_keys", "all three keys", |text| {
            let lines: Vec<&str> = text.lines().collect();
            ["m1", "s1", "m2"].iter().all(|name| {
                lines
                    .iter()
                    .any(|line| line.starts_with("ssh-ed25519 AAAA") && line.ends_with(name))
            })
        });
    }

    // The master is killed: all nodes get that, and the other one takes over.
    master.signal(Signal::KILL);
    slave.wait_for("m1 is dead");
    standby.wait_for("m2 is master now");
    server.wait_for_verdict("m1", "dead");
    assert!(
        text(&folders[0], "hosts").contains("127.0.1.2\tm1\n"),
        "kept until forgotten"
    );

    // The server is killed and started again: it knows all nodes, and they reconnect.
    server.kill();
    slave.wait_for("trying again");
    server.start_again();
    server.log().wait_for("3 nodes are known");
    // Nodes that were alive count as alive for a while, until they have reconnected.
    slave.wait_for_times("s1 is slave now", 2);
    standby.wait_for_times("m2 is master now", 2);
    server.wait_for_verdict("s1", "alive");
    server.wait_for_verdict("m2", "alive");
    server.wait_for_verdict("m1", "dead");

    let again = server.agent(folders[1].path(), "m1", "master", "127.0.1.2");
    again.wait_for("m1 is standby now");
    slave.wait_for("m1 lives again");

    let leave = server
        .agent_command(folders[2].path(), &["leave"])
        .args(["--hostname", "m2", "--ip", "127.0.1.3"])
        .output()
        .expect("it runs");
    assert!(leave.status.success(), "{leave:?}");
    wait_until("its agent ends too", SOON, || !standby.is_running());
    assert_eq!(text(&folders[2], "hosts"), hosts);
    assert_eq!(text(&folders[2], "authorized_keys"), "");
    again.wait_for("m1 is master now");
    wait_for_text(&folders[0], "hosts", "the one that left is gone", |text| {
        !text.contains("m2")
    });

    let leave = server
        .agent_command(folders[0].path(), &["leave"])
        .args(["--hostname", "s1", "--ip", "127.0.1.1"])
        .output()
        .expect("it runs");
    assert!(leave.status.success(), "{leave:?}");
    wait_for_text(
        &folders[0],
        "authorized_keys",
        "its own line is as it was",
        |text| text == "ssh-ed25519 AAAA own",
    );
}

#[test]
fn nothing_is_written_when_nothing_has_changed_and_a_damaged_block_is_left_alone() {
    let server = ServerOfNodes::bare(&[]);
    let first = node_folder("127.0.0.1\tlocalhost\n");
    let agent = server.agent(first.path(), "n1", "slave", "127.0.1.1");
    wait_for_text(&first, "hosts", "its own entry", |text| {
        text.contains("\tn1\n")
    });
    let written = || {
        let lines = agent.lines();
        lines
            .iter()
            .filter(|line| line.contains("/hosts is written"))
            .count()
    };
    agent.wait_for_times("/hosts is written", 1);
    assert_eq!(written(), 1);
    agent.signal(Signal::STOP);
    agent.signal(Signal::CONT);
    // Another node: one more write of the file, and none for all the beats in between.
    let damaged = node_folder("127.0.0.1 a\n# END heartline nodes\n");
    let other = server.agent(damaged.path(), "n2", "slave", "127.0.1.2");
    wait_for_text(&first, "hosts", "the other's entry", |text| {
        text.contains("\tn2\n")
    });
    agent.wait_for_times("/hosts is written", 2);
    assert_eq!(written(), 2);
    other.wait_for(
        "line 2: the block of heartline nodes ends without a begin marker; nothing was written",
    );
    assert_eq!(
        text(&damaged, "hosts"),
        "127.0.0.1 a\n# END heartline nodes\n"
    );
}

/// Runs a command whose hosts file, the second word, is mounted from a small disk, and which has room for little more
/// than that: an old text of whole pages, and the rest filled up.
const MOUNTED_FROM_A_FULL_DISK: [&str; 5] = [
    "unshare",
    "-rm",
    "sh",
    "-c",
    r#"mount -t tmpfs -o size=64k none "$0" && cp "$1" "$0/hosts" && mount --bind "$0/hosts" "$1" &&
       { cat /dev/zero > "$0/filler" 2> /dev/null; shift; exec "$@"; }"#,
];

#[test]
fn a_full_disk_costs_no_line_of_a_mounted_hosts_file() {
    let node = node_folder("");
    let disk = TempDir::with_prefix("heartline-disk-").expect("a temporary folder");
    let path = node.path().join("hosts");
    // To the end of a page: the block needs another one, and what follows it moves there.
    let block =
        "# BEGIN heartline nodes (made by heartline; changes are lost)\n# END heartline nodes\n";
    let after = "10.9.9.9 the-last-of-all\n".repeat(20);
    let before = format!("#{}\n", "-".repeat(4094 - block.len() - after.len()));
    let own = [&*before, block, &after].concat();
    assert_eq!(own.len(), 4096);
    fs::write(&path, &own).expect("written");
    let within = |words: &mut Command| {
        let mut command = Command::new(MOUNTED_FROM_A_FULL_DISK[0]);
        command.args(&MOUNTED_FROM_A_FULL_DISK[1..]);
        command.args([disk.path(), &path]).arg(words.get_program());
        command.args(words.get_args());
        command
    };
    let tried = within(&mut Command::new("true")).output();
    if let Some(why) = no_small_disk(tried) {
        leave_out!("{why}");
    }
    let server = ServerOfNodes::bare(&[]);
    let mut agent = server.agent_command(node.path(), &["--role", "slave"]);
    agent.args(["--hostname", "n1", "--ip", "127.0.1.1"]);
    let agent = Program::start(&mut within(&mut agent));
    agent.wait_for("hosts cannot be written");
    agent.wait_for("No space left on device");
    let seen = |path: &Path| {
        // Only the agent sees the small disk.
        let root = PathBuf::from(format!("/proc/{}/root", agent.id()));
        root.join(path.strip_prefix("/").expect("an absolute path"))
    };
    assert_eq!(fs::read_to_string(seen(&path)).expect("there"), own);

    // With room again the file is written, in place.
    fs::remove_file(seen(&disk.path().join("filler"))).expect("it was there");
    wait_until("the block is there", SOON, || {
        let text = fs::read_to_string(seen(&path)).expect("there");
        text.starts_with(&before) && text.contains("127.0.1.1\tn1\n") && text.ends_with(&after)
    });
    assert_eq!(fs::read_to_string(&path).expect("below"), own);
}

#[test]
fn a_leave_makes_no_key_and_says_what_is_left_to_do() {
    let mut server = ServerOfNodes::bare(&[]);
    let hosts = "127.0.0.1\tlocalhost\n";
    let node = node_folder(hosts);
    let leave = |server: &ServerOfNodes| {
        let mut command = server.agent_command(node.path(), &["leave", "--hostname", "n1"]);
        let output = command.args(["--ip", "127.0.1.1"]).output();
        let output = output.expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code(), said)
    };
    let (code, said) = leave(&server);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("there is no key"), "{said}");
    let names = fs::read_dir(node.path()).expect("a folder").count();
    assert_eq!(names, 1, "nothing was made");

    let agent = server.agent(node.path(), "n1", "slave", "127.0.1.1");
    agent.wait_for("hosts is written");
    agent.signal(Signal::KILL);
    server.kill();
    let (code, said) = leave(&server);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("blocks were removed from"), "{said}");
    assert!(said.contains("heartline nodes forget n1"), "{said}");
    assert_eq!(text(&node, "hosts"), hosts);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed_amid_registrations() {
    const NODES: usize = 200;
    let mut server = ServerOfNodes::bare(&["--connections-per-address", "300"]);
    let storm = Storm::of(server.address, NODES);
    storm.wait_for(20);
    server.kill();
    let known = storm.acknowledged();
    assert!(known.len() >= 20);
    eprintln!(
        "{} of {NODES} were acknowledged when the server was killed",
        known.len()
    );
    server.start_again();
    let nodes = server.list();
    for name in &known {
        assert!(
            nodes.iter().any(|node| node["hostname"] == **name),
            "{name} is lost"
        );
    }
}

#[test]
fn two_servers_do_not_share_a_state_file_and_a_damaged_one_is_not_guessed() {
    let mut server = ServerOfNodes::bare(&[]);
    let start = |server: &ServerOfNodes| {
        std::process::Command::new(env!("CARGO_BIN_EXE_heartline"))
            .args(["nodes", "server", "--listen", "127.0.0.1:0", "--state"])
            .arg(server.state())
            .output()
            .expect("it runs")
    };
    let second = start(&server);
    assert_eq!(second.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&second.stderr).contains("another server uses"),
        "{second:?}"
    );
    server.kill();
    fs::write(server.state(), "{\"form\":1,\"nodes\":[{}]}").expect("written");
    let third = start(&server);
    assert_eq!(third.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&third.stderr).contains("is damaged"),
        "{third:?}"
    );
}

#[test]
fn of_two_agents_of_one_name_the_first_rests_and_says_why() {
    let server = ServerOfNodes::bare(&[]);
    let (first, second) = (node_folder(""), node_folder(""));
    let one = server.agent(first.path(), "n1", "slave", "127.0.1.1");
    wait_for_text(&first, "hosts", "its own entry", |text| {
        text.contains("\tn1\n")
    });
    // A clone has the key too.
    for name in ["id_ed25519", "id_ed25519.pub"] {
        fs::copy(first.path().join(name), second.path().join(name)).expect("copied");
    }
    let other = server.agent(second.path(), "n1", "slave", "127.0.1.2");
    one.wait_for("speaks for n1 now'; end one of them; trying again in 30s");
    wait_for_text(&second, "hosts", "the other's address", |text| {
        text.contains("127.0.1.2\tn1\n")
    });
    let moves = |log: &support::Program| {
        log.lines()
            .iter()
            .filter(|line| line.contains("has moved"))
            .count()
    };
    assert_eq!(moves(server.log()), 1);
    let lines = other.lines();
    assert!(
        !lines.iter().any(|line| line.contains("trying again")),
        "{lines:#?}"
    );
}

#[test]
fn a_node_whose_files_cannot_be_written_is_unwell_and_still_leaves_on_request() {
    let server = ServerOfNodes::bare(&[]);
    let folder = node_folder("");
    // A named pipe without a writer: a reader would wait for ever.
    fs::remove_file(folder.path().join("hosts")).expect("there");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path().join("hosts"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .expect("a pipe");
    let mut hung = server.agent(folder.path(), "n1", "slave", "127.0.1.1");
    let bad = node_folder("# END heartline nodes\n");
    let _damaged = server.agent(bad.path(), "n2", "slave", "127.0.1.2");
    server.wait_for_verdict("n2", "unwell");
    hung.wait_for("n1 is slave now");
    hung.wait_for("hosts cannot be read: it is a named pipe, and must be a regular file");
    server.wait_for_verdict("n1", "unwell");
    hung.signal(Signal::TERM);
    wait_until("it ends", SOON, || !hung.is_running());
}

#[test]
fn a_watched_list_goes_on_when_the_server_is_back() {
    let mut server = ServerOfNodes::bare(&[]);
    let list = server.watched_list();
    list.wait_for("no nodes");
    server.kill();
    list.wait_for("trying again");
    server.start_again();
    let folder = node_folder("");
    let _agent = server.agent(folder.path(), "n1", "slave", "127.0.1.1");
    list.wait_for("n1");
}
