//! `heartline serve`: the API, the stream, metrics and who may ask, with a real ZooKeeper and real mappers.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{Dashboard, Mapper, SOON, ZooKeeper, wait_until};

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");

fn members(snapshot: &Value) -> Vec<(String, String)> {
    let members = snapshot["members"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    members
        .map(|member| (text(&member["node"]), text(&member["verdict"])))
        .collect()
}

/// A master and a mapper that follows it.
fn pair(zookeeper: &ZooKeeper) -> (Mapper, Mapper) {
    let master = Mapper::start(zookeeper, "map1");
    zookeeper.wait_until_in_line("map1");
    (master, Mapper::start(zookeeper, "map2"))
}

fn until_shown(dashboard: &Dashboard, names: &[&str]) {
    wait_until("all members are shown", SOON, || {
        let members = members(&dashboard.json("/api/v1/jobs/0"));
        names
            .iter()
            .all(|name| members.iter().any(|(node, _)| node == name))
    });
}

#[test]
fn a_death_is_told_to_those_who_follow_and_to_those_who_were_away() {
    let zookeeper = ZooKeeper::start();
    let dashboard = Dashboard::start(&zookeeper.address(), &[]);
    let (_master, follower) = pair(&zookeeper);
    until_shown(&dashboard, &["map1", "map2"]);
    let mut stream = dashboard.follow(None);
    let (kind, snapshot) = stream.next();
    assert_eq!(kind, "snapshot");
    assert_eq!(snapshot["master"]["node"], "map1");
    assert_eq!(snapshot["missed"], 0);
    let known = &snapshot["members"][0];
    let cells = known["states"]
        .as_str()
        .map(|states| states.chars().count());
    assert_eq!(cells, known["beats"].as_str().map(str::len));
    assert!(cells.is_some_and(|cells| cells > 0));
    let index = |name: &str| members(&snapshot).iter().position(|(node, _)| node == name);
    let (first, second) = (index("map1").unwrap(), index("map2").unwrap());
    // It beats, and the next ticks say so.
    let state = |tick: &Value, index: usize| {
        tick["states"]
            .as_str()
            .and_then(|all| all.chars().nth(index))
    };
    stream.wait_for("tick", |tick| {
        state(tick, second) == Some('s')
            && tick["beats"].as_str().unwrap().as_bytes()[second] >= b'7'
    });
    wait_until("its join is told", SOON, || {
        let events = dashboard.json("/api/v1/jobs/0")["events"].to_string();
        events.matches("joined").count() == 1
    });
    let mut newest = dashboard.follow(None);
    newest.next();
    let last = newest.id().to_owned();
    follower.signal(Signal::KILL);
    let died = stream.wait_for("event", |one| one["event"]["event"] == "died");
    assert_eq!(died["event"]["node"], "map2");
    assert_eq!(died["event"]["cause"], "closed");
    stream.wait_for("tick", |tick| {
        state(tick, second) == Some('d') && state(tick, first) == Some('s')
    });
    // Who was away gets what it missed, and nothing twice.
    let (_, again) = dashboard.follow(Some(&last)).next();
    let kinds = again["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["event"]["event"]);
    assert_eq!(kinds.collect::<Vec<_>>(), ["died"]);
    let (_, again) = dashboard.follow(Some(stream.id())).next();
    assert_eq!(again["events"].as_array().map(Vec::len), Some(0));
    let details = dashboard.json("/api/v1/jobs/0/members/map2");
    assert_eq!(details["verdict"], "dead");
    assert_eq!(
        dashboard.get("/api/v1/jobs/0/members/map9", &[]).status,
        404
    );
}

#[test]
fn an_outage_is_told_and_ends() {
    let mut zookeeper = ZooKeeper::start();
    let dashboard = Dashboard::start(&zookeeper.address(), &["--session-timeout", "2s"]);
    let _pair = pair(&zookeeper);
    until_shown(&dashboard, &["map1", "map2"]);
    assert_eq!(dashboard.get("/readyz", &[]).status, 200);
    let mut stream = dashboard.follow(None);
    zookeeper.kill();
    let away = stream.wait_for("away", |_| true);
    assert!(
        away["problem"]
            .as_str()
            .is_some_and(|why| why.contains("ZooKeeper")),
        "{away}"
    );
    let ready = dashboard.get("/readyz", &[]);
    assert_eq!(
        (ready.status, &*ready.body),
        (503, "a job cannot be read\n")
    );
    assert_eq!(dashboard.get("/healthz", &[]).status, 200);
    assert!(
        dashboard
            .get("/metrics", &[])
            .body
            .contains("heartline_zookeeper_connected{namespace=\"/\"} 0")
    );
    zookeeper.restart();
    stream.wait_for("tick", |tick| tick["connected"] == true);
    wait_until("it is ready again", SOON, || {
        dashboard.get("/readyz", &[]).status == 200
    });
}

#[test]
fn what_strangers_write_is_data() {
    let zookeeper = ZooKeeper::start();
    let dashboard = Dashboard::start(&zookeeper.address(), &[]);
    let master = Mapper::start(&zookeeper, "map1");
    zookeeper.wait_until_in_line("map1");
    // It would remove the znode, perhaps before the first reading.
    master.signal(Signal::KILL);
    master.wait();
    let name = "<b>\"x";
    let value = "this is a map!\nhost: a\"}\u{9b}31m\u{202e}\nb\n";
    zookeeper.create_lasting(&format!("/heart_beat/{name}"), value);
    until_shown(&dashboard, &[name]);
    for path in [
        "/api/v1/jobs/0",
        "/api/v1/jobs/0/members/%3Cb%3E%22x",
        "/api/v1/jobs/0/members/%C2%9Bx/snapshot",
    ] {
        let answer = dashboard.get(path, &[]);
        assert_eq!(answer.status, 200, "{path}");
        assert!(
            !answer.body.contains(['\u{9b}', '\u{202e}']),
            "{}",
            answer.body
        );
    }
    let metrics = dashboard.get("/metrics", &[]).body;
    assert!(
        !metrics.contains("<b>") && metrics.ends_with("# EOF\n"),
        "{metrics}"
    );
}

#[test]
fn metrics_count_members_and_events() {
    let zookeeper = ZooKeeper::start();
    let dashboard = Dashboard::start(&zookeeper.address(), &[]);
    let (_master, follower) = pair(&zookeeper);
    until_shown(&dashboard, &["map1", "map2"]);
    follower.signal(Signal::KILL);
    wait_until("the death is counted", SOON, || {
        let answer = dashboard.get("/metrics", &[]);
        assert_eq!(
            answer.header("content-type"),
            Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
        );
        [
            "heartline_events_total{namespace=\"/\",event=\"died\"} 1",
            "heartline_members{namespace=\"/\",state=\"dead\"} 1",
            "heartline_members{namespace=\"/\",state=\"starved\"} 1",
            "heartline_master{namespace=\"/\"} 1",
            "heartline_interval_seconds{namespace=\"/\"} 0.005",
        ]
        .iter()
        .all(|line| answer.body.lines().any(|one| one.starts_with(line)))
    });
}

#[test]
fn several_jobs_are_shown_and_the_page_has_no_foreign_parts() {
    let zookeeper = ZooKeeper::start();
    let options = ["--namespace", "/a", "--namespace", "/b"];
    let dashboard = Dashboard::start(&zookeeper.address(), &options);
    let jobs = dashboard.json("/api/v1/jobs");
    assert_eq!(jobs["jobs"][1]["namespace"], "/b");
    assert_eq!(dashboard.get("/api/v1/jobs/2", &[]).status, 404);
    let page = dashboard.get("/", &[]);
    assert_eq!(page.status, 200);
    assert!(page.body.contains("<title>"));
    let policy = page.header("content-security-policy").unwrap_or_default();
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    let tag = page.header("etag").expect("a tag").to_owned();
    let again = dashboard.get("/", &[&format!("if-none-match: {tag}")]);
    assert_eq!((again.status, again.body.len()), (304, 0));
    let packed = dashboard.get("/app.js", &["accept-encoding: gzip"]);
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    assert_eq!(dashboard.get("/../Cargo.toml", &[]).status, 404);
}

#[test]
fn only_those_who_may_are_answered() {
    let zookeeper = ZooKeeper::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "0123456789abcdef\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let token = path.to_str().unwrap();
    let open = Dashboard::start(&zookeeper.address(), &[]);
    assert_eq!(
        open.get("/api/v1/jobs", &["host: rebound.example"]).status,
        421
    );
    let closed = Dashboard::start(&zookeeper.address(), &["--token-file", token]);
    for path in ["/", "/api/v1/jobs", "/api/v1/jobs/0/stream", "/metrics"] {
        assert_eq!(closed.get(path, &[]).status, 401, "{path}");
    }
    assert_eq!(closed.get("/healthz", &[]).status, 200);
    let bearer = ["authorization: Bearer 0123456789abcdef"];
    assert_eq!(closed.get("/api/v1/jobs", &bearer).status, 200);
}

#[test]
fn bad_options_are_refused_with_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    for (options, code, said) in [
        (
            ["--listen", "0.0.0.0:0"],
            2,
            "give --token-file, or listen on 127.0.0.1",
        ),
        (["--listen", "nowhere"], 2, "invalid socket address"),
        (["--token-file", "/nowhere/token"], 2, "cannot be read"),
        (
            ["--listen", taken.as_str()],
            1,
            "--listen names another address",
        ),
    ] {
        let output = Command::new(HEARTLINE)
            .arg("serve")
            .args(options)
            .output()
            .unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{stderr}");
        assert!(stderr.contains(said), "{stderr}");
    }
}

#[test]
fn jobs_below_a_path_are_found_also_those_that_begin_later() {
    let zookeeper = ZooKeeper::start();
    let address = zookeeper.address();
    let dashboard = Dashboard::start(&address, &["--discover", "/jobs"]);
    assert_eq!(
        dashboard.json("/api/v1/jobs")["jobs"],
        serde_json::json!([])
    );
    let begin = |name: &str| {
        let namespace = format!("/jobs/{name}");
        Mapper::with_options(&address, &["--namespace", &namespace, "--name", name])
    };
    let shown = |number: usize, name: &str| {
        wait_until(name, SOON, || {
            let jobs = dashboard.json("/api/v1/jobs");
            jobs["jobs"][number]["namespace"] == format!("/jobs/{name}")
        });
        wait_until(name, SOON, || {
            let job = dashboard.json(&format!("/api/v1/jobs/{number}"));
            members(&job).iter().any(|(node, _)| node == name)
        });
    };
    let _first = begin("b");
    shown(0, "b");
    // Its number stays.
    let _second = begin("a");
    shown(1, "a");
    shown(0, "b");
}
