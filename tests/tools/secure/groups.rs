//! The znodes of `heartline member` and `heartline nodes`: each has the ACL of its settings, and an open tree of them is told
//! and closed.

use std::process::{Command, Output};

use super::{HEARTLINE, JOB, SETUP, act, events, mapper, run, succeed, text_of};
use crate::support::{
    Program, Secured, ServerOfNodes, Watcher, ZooKeeper, assert_closed, node_folder, visit_as,
};
use heartline::coordination::Security;
use tempfile::TempDir;

/// A member of a group.
fn member(address: &str, role: &[&str], own: &[&str]) -> Watcher {
    let place = ["--zookeeper", address, JOB, "--events", "-"];
    let member = Watcher::start(HEARTLINE, &[&["member"], role, &place, own].concat());
    member.wait_for("it is active", |lines| {
        lines.iter().any(|line| line.contains("\"active\""))
    });
    member
}

/// A control server of nodes with its state in ZooKeeper, and the node `m1`.
fn nodes(address: &str, own: &[&str]) -> (ServerOfNodes, Program, TempDir) {
    let place = ["--state", "zookeeper", "--zookeeper", address, JOB];
    let server = ServerOfNodes::bare(&[&place, own].concat());
    server.log().wait_for("has the claim and works");
    let folder = node_folder("127.0.0.1\tlocalhost\n");
    let agent = server.agent(folder.path(), "m1", "master", "127.0.1.1");
    agent.wait_for("m1 is master now");
    (server, agent, folder)
}

/// The znodes of the job, after a check of their ACLs.
fn closed(zookeeper: &ZooKeeper, credentials: &str) -> Vec<String> {
    let digest = format!("digest:{credentials}").parse();
    let security = Security {
        digest: Some(digest.expect("a file")),
        ..Security::default()
    };
    let seen = visit_as(&security, &zookeeper.address(), async |session| {
        assert_closed(session, "/job", "digest:job:").await
    });
    seen.expect("the server answers")
}

/// Checks that each of these is the beginning of a path.
fn assert_has(paths: &[String], wanted: &[&str]) {
    for wanted in wanted {
        let has = paths.iter().any(|path| path.starts_with(wanted));
        assert!(has, "no {wanted} in {paths:#?}");
    }
}

#[test]
fn every_znode_has_the_acl_of_its_settings() {
    let secured = Secured::start(&[]);
    let address = secured.zookeeper.address();
    let job = secured.files.digest("job");
    let own = [job.as_str()];
    let watcher = events(&address, &own);
    let _master = mapper(&address, "map1", &own);
    watcher.wait_for_event("claimed", "map1");
    let _follower = mapper(&address, "map2", &own);
    watcher.wait_for_event("joined", "map2");
    let _active = member(&address, &["master", "--address", "m1:2223"], &own);
    let _worker = member(&address, &["worker", "--address", "w1:2224"], &own);
    let _nodes = nodes(&address, &own);
    let task = ["--commit-command", "true", "--commit-task", "daily"];
    let place = ["run", "--zookeeper", &address, JOB, &job];
    succeed(HEARTLINE, &[&place[..], &task, &["--", "true"]].concat());
    let paths = closed(&secured.zookeeper, &secured.files.credentials("job", "job"));
    assert_has(
        &paths,
        &[
            "/job/heart_beat/map2",
            "/job/heart_beat_commits/daily",
            "/job/heart_beat_control",
            "/job/heart_beat_master/",
            "/job/heart_beat_nodes/heart_beat_control",
            "/job/heart_beat_nodes/heart_beat_master/",
            "/job/heart_beat_nodes/nodes/m1",
            "/job/heart_beat_requests",
            "/job/master",
            "/job/workers/w1",
        ],
    );
}

#[test]
fn an_open_tree_of_groups_and_nodes_is_told_and_closed() {
    let secured = Secured::start(&[]);
    let address = secured.zookeeper.address();
    let _active = member(&address, &["master", "--address", "m1:2223"], &[]);
    let _worker = member(&address, &["worker", "--address", "w1:2224"], &[]);
    let other = [
        "worker",
        "--address",
        "w2:2224",
        "--workers",
        "/app/workers",
    ];
    let _other = member(&address, &other, &[]);
    let _nodes = nodes(&address, &[]);
    take_names(&secured.zookeeper);

    let job = secured.files.digest("job");
    let words = ["--zookeeper", &address, JOB, &job];
    let status = [&["status"], &words[..]].concat();
    let also = [&words[..], &["--also", "/app/workers"]].concat();
    for (told, wanted) in [
        (told(&run(HEARTLINE, &status)), ""),
        (told(&run(SETUP, &also)), "/job/app/workers, "),
    ] {
        for wanted in ["/job/workers", "/job/heart_beat_nodes/nodes", wanted] {
            assert!(told.contains(wanted), "{wanted} is not in: {told}");
        }
    }
    let secure = run(SETUP, &[&also[..], &["--secure"]].concat());
    let why = text_of(&secure.stderr);
    assert_eq!(secure.status.code(), Some(0), "{why}");
    for wanted in [
        "another identity: /job/heart_beat_nodes/nodes/s9, /job/workers/w9",
        "/job/workers is closed; everybody could write it",
        "/job/heart_beat_nodes/nodes is closed; everybody could write it",
        "/job/app/workers is closed; everybody could write it",
    ] {
        assert!(why.contains(wanted), "{wanted} is not in: {why}");
    }
    assert_eq!(told(&run(HEARTLINE, &status)), "");

    let paths = closed(&secured.zookeeper, &secured.files.credentials("job", "job"));
    let names = [
        "/job/workers/w1",
        "/job/app/workers/w2",
        "/job/heart_beat_nodes/nodes/m1",
    ];
    assert_has(&paths, &names);
    serves_its_own_alone(&address, &job);
}

/// The line about znodes that everybody may write; empty if there is none.
fn told(output: &Output) -> String {
    let why = text_of(&output.stderr);
    let line = why
        .lines()
        .find(|line| line.contains("everybody may write"));
    line.unwrap_or_default().to_owned()
}

/// Nobody without the identity may write any more; who has it goes on.
fn serves_its_own_alone(address: &str, job: &str) {
    let _worker = member(address, &["worker", "--address", "w3:2224"], &[job]);
    let mut stranger = Command::new(HEARTLINE);
    stranger
        .args(["member", "worker", "--address", "w4:2224", JOB])
        .args(["--zookeeper", address]);
    let stranger = Program::start(&mut stranger);
    stranger.wait_for("may not create /job/workers/w4");
}

/// Znodes among those of the open tree that only a stranger may give back.
fn take_names(zookeeper: &ZooKeeper) {
    act(zookeeper, Some("stranger:x"), async |client| {
        let own = zookeeper_client::CreateMode::Persistent;
        let own = own.with_acls(zookeeper_client::Acls::creator_all());
        for path in ["/job/workers/w9", "/job/heart_beat_nodes/nodes/s9"] {
            let made = client.create(path, b"", &own).await;
            made.expect("it is open");
        }
    });
}
