//! Who may give orders, depose and take names in a job with an identity, and how an open tree is closed.

use std::process::Command;
use std::time::Duration;

use heartline::protocol::control::Control;

use super::{HEARTLINE, JOB, SETUP, act, complaint, events, mapper, run, succeed, text_of};
use crate::support::{PASSWORD, SOON, Secured, ZooKeeper, wait_until};

#[test]
fn a_stranger_can_neither_order_nor_depose_nor_take_a_name() {
    let secured = Secured::start(&[]);
    let address = secured.zookeeper.address();
    let job = secured.files.digest("job");
    let options = [job.as_str()];
    let watcher = events(&address, &options);
    let _master = mapper(&address, "map1", &options);
    watcher.wait_for_event("claimed", "map1");
    let mut follower = mapper(&address, "map2", &options);
    watcher.wait_for_event("joined", "map2");
    let stranger = secured.files.digest("stranger");
    for who in [Some(stranger.as_str()), None] {
        let own: Vec<&str> = who.into_iter().collect();
        assert_tools_are_refused(&address, &own);
    }
    act(
        &secured.zookeeper,
        Some("stranger:x"),
        assert_requests_are_refused,
    );
    assert!(follower.is_running());
}

/// The tools of a stranger with these options can do nothing to the job of the master `map1` and the follower `map2`.
pub(super) fn assert_tools_are_refused(address: &str, own: &[&str]) {
    let words = [&["--zookeeper", address, JOB], own].concat();
    // It may see who is there.
    let status = succeed(HEARTLINE, &[&["status"], &words[..]].concat());
    assert!(status.contains("map2"), "{status}");
    let why = complaint(HEARTLINE, &[&["kill", "map2"], &words[..]].concat());
    assert!(
        why.contains("may not create /job/heart_beat_requests/"),
        "{why}"
    );
    for option in ["--force", "--secure"] {
        let why = complaint(SETUP, &[&[option], &words[..]].concat());
        assert!(
            why.contains("may not ") || why.contains("needs an identity"),
            "{why}"
        );
    }
    let joins = mapper(address, "map3", own);
    assert!(
        joins.finish().stderr().contains("may not create /job/"),
        "no refusal"
    );
}

/// The same for the requests of which the tools consist, one by one.
pub(super) async fn assert_requests_are_refused(client: &zookeeper_client::Client) {
    let refused = |made: Result<(), zookeeper_client::Error>, what: &str| {
        assert_eq!(made, Err(zookeeper_client::Error::NoAuth), "{what}");
    };
    let claims = client.list_children("/job/heart_beat_master").await;
    let claim = format!("/job/heart_beat_master/{}", claims.expect("readable")[0]);
    // It has the key of the direct connections.
    refused(client.get_data(&claim).await.map(|_| ()), "read a claim");
    refused(client.delete(&claim, None).await, "depose");
    let follower = "/job/heart_beat/map2";
    refused(client.delete(follower, None).await, "end a follower");
    for path in [
        follower,
        "/job/heart_beat_control",
        "/job/heart_beat_master",
    ] {
        refused(client.set_data(path, b"x", None).await.map(|_| ()), path);
    }
    let everybody = zookeeper_client::Acls::anyone_all();
    let kind = zookeeper_client::CreateMode::Ephemeral.with_acls(everybody);
    for path in [
        "/job/heart_beat/map9",
        "/job/heart_beat_master/lock-0000000000",
        "/job/heart_beat_requests/request-1",
        "/job/other",
    ] {
        refused(client.create(path, b"x", &kind).await.map(|_| ()), path);
    }
    let open = [zookeeper_client::Acl::new(
        zookeeper_client::Permission::ALL,
        zookeeper_client::AuthId::anyone(),
    )];
    for path in ["/job", follower] {
        refused(client.set_acl(path, &open, None).await.map(|_| ()), path);
    }
}

#[test]
fn who_asks_for_privacy_is_not_even_read() {
    let secured = Secured::start(&[]);
    let address = secured.zookeeper.address();
    let job = secured.files.sasl("job");
    succeed(
        SETUP,
        &["--zookeeper", &address, JOB, &job, "--acl=private"],
    );
    let stranger = secured.files.sasl("stranger");
    let words = ["status", "--zookeeper", &address, JOB, &stranger];
    let output = run(HEARTLINE, &words);
    let why = text_of(&output.stdout) + &text_of(&output.stderr);
    assert!(
        why.contains("the user stranger of --zookeeper-sasl digest-md5:/"),
        "{why}"
    );
    assert!(why.contains("may not "), "{why}");
}

/// Writes an order of the current epoch to the control of an open tree, as anybody could.
fn plant_order(zookeeper: &ZooKeeper) {
    act(zookeeper, None, async |client| {
        let path = "/job/heart_beat_control";
        let (value, _) = client.get_data(path).await.expect("it is open");
        let epoch = Control::parse(&value).epoch.expect("an epoch");
        let order = format!("epoch: {epoch}\ninterval: 5000us\norder 7 kill-task map2 by hand\n");
        let set = client.set_data(path, order.as_bytes(), None).await;
        set.expect("it is open");
    });
}

/// Takes a name that only a stranger may give back.
fn take_name(zookeeper: &ZooKeeper) {
    act(zookeeper, Some("stranger:x"), async |client| {
        let own = zookeeper_client::CreateMode::Persistent;
        let own = own.with_acls(zookeeper_client::Acls::creator_all());
        let made = client.create("/job/heart_beat/map9", b"", &own).await;
        made.expect("it is open");
    });
}

#[test]
fn who_may_replace_the_control_gives_no_orders() {
    let secured = Secured::start(&[]);
    let address = secured.zookeeper.address();
    let job = secured.files.digest("job");
    let password = format!("job:job{PASSWORD}");
    let everything = zookeeper_client::CreateMode::Persistent;
    // How the server calls the job.
    let id = act(&secured.zookeeper, Some(&password), async |client| {
        let acl = zookeeper_client::Acls::creator_all();
        let made = client.create("/x", b"", &everything.with_acls(acl)).await;
        made.expect("the root is open");
        client.get_acl("/x").await.expect("readable").0[0]
            .id()
            .to_owned()
    });
    // A stranger was first, and lets the job do everything, besides himself.
    act(&secured.zookeeper, Some("stranger:x"), async |client| {
        let all = zookeeper_client::Permission::ALL;
        let job = zookeeper_client::AuthId::new("digest", &id);
        let acl = [
            zookeeper_client::Acl::new(all, zookeeper_client::AuthId::authed()),
            zookeeper_client::Acl::new(all, job),
        ];
        let options = everything.with_acls(zookeeper_client::Acls::new(&acl));
        client
            .create("/job", b"", &options)
            .await
            .expect("the root is open");
    });
    let watcher = events(&address, &[&job]);
    let master = mapper(&address, "map1", &[&job]);
    watcher.wait_for_event("claimed", "map1");
    let mut follower = mapper(&address, "map2", &[&job]);
    watcher.wait_for_event("joined", "map2");
    let why = complaint(
        HEARTLINE,
        &["kill", "map2", "--zookeeper", &address, JOB, &job],
    );
    assert!(why.contains("no master answered"), "{why}");
    assert!(follower.is_running());
    let why = master.finish().stderr();
    assert!(why.contains("digest:stranger:"), "{why}");
    assert!(why.contains("may write /job, and so replace it"), "{why}");
}

#[test]
fn orders_in_an_open_tree_are_refused_until_it_is_closed() {
    let secured = Secured::start(&[]);
    let address = secured.zookeeper.address();
    // Somebody without an identity was first.
    succeed(SETUP, &["--zookeeper", &address, JOB]);
    let job = secured.files.sasl("job");
    let output = run(SETUP, &["--zookeeper", &address, JOB, &job]);
    let why = text_of(&output.stderr);
    assert!(
        why.contains("everybody may write /job, ") && why.contains("--secure"),
        "{why}"
    );
    let watcher = events(&address, &[&job]);
    let mut master = mapper(&address, "map1", &[&job]);
    watcher.wait_for_event("claimed", "map1");
    let mut follower = mapper(&address, "map2", &[&job]);
    watcher.wait_for_event("joined", "map2");
    let kill = ["kill", "map2", "--zookeeper", &address, JOB];
    let asked = Command::new(HEARTLINE)
        .args(kill)
        .output()
        .expect("it runs");
    assert_eq!(asked.status.code(), Some(1), "{asked:?}");
    plant_order(&secured.zookeeper);
    // Without the check it would be obeyed within milliseconds.
    std::thread::sleep(Duration::from_secs(1));
    assert!(follower.is_running());
    take_name(&secured.zookeeper);
    let secure = run(SETUP, &["--zookeeper", &address, JOB, &job, "--secure"]);
    assert_eq!(secure.status.code(), Some(0), "{secure:?}");
    let why = text_of(&secure.stderr);
    assert!(
        why.contains("belong to another identity: /job/heart_beat/map9\n"),
        "{why}"
    );
    let orders = act(&secured.zookeeper, None, async |client| {
        client.get_data("/job/heart_beat_control").await
    });
    assert_eq!(orders.expect("readable").0, b"");
    assert!(
        why.contains("/job/heart_beat_control is closed; everybody could write it"),
        "{why}"
    );
    // The members look again after a while.
    let own = [&kill[..], &[&job]].concat();
    wait_until("the order is obeyed", SOON, || {
        let asked = run(HEARTLINE, &own);
        asked.status.success() || !follower.is_running()
    });
    let ended = follower.wait();
    assert_eq!(ended.status(), 1);
    let why = ended.stderr();
    assert!(why.contains("kill-task: by an operator\n"), "{why}");
    assert!(!why.contains("by hand"), "{why}");
    assert!(master.is_running());
    let why = master.finish().stderr();
    assert!(
        why.contains("everybody may write: run setup-zookeeper --secure"),
        "{why}"
    );
}
