//! `heartline serve --allow-actions` and TLS: who may kill and set the interval, with a real ZooKeeper and real mappers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Dashboard, Mapper, SOON, ZooKeeper, wait_until};

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");
/// The token of a test's server.
pub(crate) const TOKEN: &str = "0123456789abcdef";
const BEARER: &str = "authorization: Bearer 0123456789abcdef";
const JSON: &str = "content-type: application/json";
const KILL: &str = "/api/v1/jobs/0/members/map2/kill";
const INTERVAL: &str = "/api/v1/jobs/0/interval";

/// A file with [`TOKEN`].
pub(crate) fn write_token(folder: &Path) -> PathBuf {
    let path = folder.join("token");
    fs::write(&path, TOKEN).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("its owner");
    path
}

fn json_of(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {body}"))
}

/// A master and a follower, and a server that lets those act who have the token.
struct Acting {
    dashboard: Dashboard,
    follower: Mapper,
    _master: Mapper,
    zookeeper: ZooKeeper,
    folder: tempfile::TempDir,
}

fn acting() -> Acting {
    let folder = tempfile::tempdir().expect("a folder");
    let token = write_token(folder.path());
    let zookeeper = ZooKeeper::start();
    let master = Mapper::start(&zookeeper, "map1");
    zookeeper.wait_until_in_line("map1");
    let follower = Mapper::start(&zookeeper, "map2");
    let token = token.to_str().expect("a path");
    let allowed = ["--token-file", token, "--allow-actions"];
    let dashboard = Dashboard::start(&zookeeper.address(), &allowed);
    wait_until("both are shown", SOON, || {
        let answer = dashboard.get("/api/v1/jobs/0/members/map2", &[BEARER]);
        answer.status == 200
    });
    Acting {
        dashboard,
        follower,
        _master: master,
        zookeeper,
        folder,
    }
}

#[test]
fn who_may_not_act_is_refused() {
    let acting = acting();
    let dashboard = &acting.dashboard;
    let form = "content-type: application/x-www-form-urlencoded";
    for (path, headers, body, status) in [
        (KILL, &[JSON][..], "{}", 401),
        (KILL, &[BEARER], "{}", 415),
        (KILL, &[BEARER, form], "{}", 415),
        (KILL, &[BEARER, JSON], "kill", 400),
        (
            "/api/v1/jobs/0/members/map3/kill",
            &[BEARER, JSON],
            "{}",
            404,
        ),
        (
            "/api/v1/jobs/9/members/map2/kill",
            &[BEARER, JSON],
            "{}",
            404,
        ),
        (INTERVAL, &[BEARER, JSON], "{\"interval_ms\":0}", 422),
        (INTERVAL, &[BEARER, JSON], "{\"interval_ms\":1e300}", 422),
        (INTERVAL, &[BEARER, JSON], "{\"interval_ms\":\"9\"}", 422),
    ] {
        let answer = dashboard.post(path, headers, body);
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.body);
    }
    assert_eq!(
        dashboard.get(KILL, &[BEARER]).status,
        405,
        "a link kills nobody"
    );
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(9000));
    assert_eq!(dashboard.post(KILL, &[BEARER, JSON], &long).status, 413);
    let token = acting.folder.path().join("token");
    let options = ["--token-file", token.to_str().expect("a path")];
    let read_only = Dashboard::start(&acting.zookeeper.address(), &options);
    assert_eq!(read_only.post(KILL, &[BEARER, JSON], "{}").status, 405);
    let body = read_only.get("/api/v1/jobs", &[BEARER]).body;
    assert_eq!(json_of(&body)["allows_actions"], false);
}

#[test]
fn who_has_the_token_may_act_if_the_server_allows_it() {
    let Acting {
        dashboard,
        follower,
        _master,
        zookeeper: _zookeeper,
        ..
    } = acting();
    let body = dashboard.get("/api/v1/jobs", &[BEARER]).body;
    assert_eq!(json_of(&body)["allows_actions"], true);
    let set = dashboard.post(INTERVAL, &[BEARER, JSON], "{\"interval_ms\":50}");
    assert_eq!(set.status, 200, "{}", set.body);
    wait_until("the interval is set", SOON, || {
        let job = dashboard.get("/api/v1/jobs/0", &[BEARER]).body;
        json_of(&job)["interval_ms"] == json!(50.0)
    });
    let reset = dashboard.post(INTERVAL, &[BEARER, JSON], "{\"interval_ms\":null}");
    assert_eq!(reset.status, 200, "{}", reset.body);
    let killed = dashboard.post(KILL, &[BEARER, JSON], "{}");
    assert_eq!(killed.status, 200, "{}", killed.body);
    assert!(json_of(&killed.body)["result"].as_str().is_some());
    assert_ne!(follower.wait().status(), 0, "it was killed");
    // What was done, and by whom.
    let done = json_of(&dashboard.get("/api/v1/jobs/0/actions", &[BEARER]).body);
    let done = done["actions"].as_array().expect("a list");
    let kinds: Vec<_> = done.iter().map(|one| one["action"].clone()).collect();
    assert_eq!(kinds, ["interval", "interval", "kill"]);
    assert_eq!(done[2]["node"], "map2");
    let by = done[2]["by"].as_str();
    assert!(by.is_some_and(|by| by.starts_with("127.0.0.1:")));
}

#[test]
fn actions_need_a_token() {
    let asked = Command::new(HEARTLINE)
        .args(["serve", "--allow-actions"])
        .output();
    let asked = asked.expect("it runs");
    assert_eq!(asked.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&asked.stderr).contains("--token-file"));
}

#[test]
fn the_page_is_served_by_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("a path")
            .to_owned()
    };
    let (key, certificate) = (path("key.pem"), path("cert.pem"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
        ])
        .args(["-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-keyout", &key, "-out", &certificate])
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{made:?}");
    let token = write_token(folder.path());
    let options = ["--tls-cert", &certificate, "--tls-key", &key];
    let mut command = Command::new(HEARTLINE);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("its owner");
    let refused = command
        .arg("serve")
        .args(options)
        .output()
        .expect("it runs");
    assert_eq!(refused.status.code(), Some(2));
    let why = String::from_utf8_lossy(&refused.stderr);
    assert!(why.contains("can be read by others"), "{why}");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("its owner");
    let token = token.to_str().expect("a path");
    let all = [&options[..], &["--token-file", token]].concat();
    let dashboard = Dashboard::start("127.0.0.1:1", &all);
    let curl = |arguments: &[&str]| {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "20"]).args(arguments);
        let answer = curl.output().expect("curl");
        String::from_utf8_lossy(&answer.stdout).into_owned()
    };
    let url = format!("https://{}", dashboard.address());
    let trusted = ["--cacert", &certificate];
    let health = format!("{url}/healthz");
    assert_eq!(curl(&[&trusted[..], &[&health]].concat()), "ok\n");
    assert_eq!(curl(&[&health]), "", "it is nobody that curl knows");
    let first = format!("{url}/?token={TOKEN}");
    let head = curl(&[&trusted[..], &["-i", &first]].concat());
    assert!(head.contains("; HttpOnly; SameSite=Lax; Secure"), "{head}");
    // Somebody who speaks no TLS, or says nothing, is in nobody's way.
    assert!(curl(&[&format!("http://{}/healthz", dashboard.address())]).is_empty());
    let _silent = std::net::TcpStream::connect(dashboard.address()).expect("it listens");
    assert_eq!(curl(&[&trusted[..], &[&health]].concat()), "ok\n");
}
