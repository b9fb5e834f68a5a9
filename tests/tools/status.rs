//! `heartline status`: all members with their roles and rates, and which ones are dead or stalled.

use std::process::{Command, Output, Stdio};

use crate::support::{Mapper, SOON, ZooKeeper, wait_until};
use rustix::process::Signal;
use serde_json::Value;

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");

/// Runs `heartline status` to its end; its output is a pipe.
fn status(address: &str, options: &[&str]) -> Output {
    let mut command = Command::new(HEARTLINE);
    command
        .args(["status", "--zookeeper", address])
        .args(options);
    let output = command.stdin(Stdio::null()).output().expect("it runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(!stdout.contains('\u{1b}'), "escapes in a pipe: {stdout}");
    output
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The content of `--json`, and the exit code.
fn summary(address: &str) -> (Value, Option<i32>) {
    let output = status(address, &["--json"]);
    let text = stdout(&output);
    assert_eq!(text.lines().count(), 1, "{text}{}", stderr(&output));
    (
        serde_json::from_str(&text).expect("JSON"),
        output.status.code(),
    )
}

/// The member with this name in that content.
fn member<'a>(json: &'a Value, name: &str) -> Option<&'a Value> {
    let members = json["members"].as_array().expect("a list");
    members.iter().find(|member| member["node"] == name)
}

fn roles(json: &Value) -> Vec<String> {
    let members = json["members"].as_array().expect("a list").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    members
        .map(|member| format!("{} {}", text(&member["role"]), text(&member["node"])))
        .collect()
}

/// A master and two mappers that follow it.
fn group(zookeeper: &ZooKeeper) -> [Mapper; 3] {
    let master = Mapper::start(zookeeper, "map1");
    zookeeper.wait_until_in_line("map1");
    let followers = ["map2", "map10"].map(|name| Mapper::start(zookeeper, name));
    wait_until("all beat", SOON, || {
        let (json, _) = summary(&zookeeper.address());
        let beats = |name| Some(member(&json, name)?["beats_per_second"].as_f64()? > 0.0);
        let all = ["map1", "map2", "map10"].map(|name| beats(name).unwrap_or_default());
        json["master"]["epoch"].is_i64() && all == [true; 3]
    });
    let [second, third] = followers;
    [master, second, third]
}

#[test]
fn all_members_are_shown_with_their_roles_and_rates() {
    let zookeeper = ZooKeeper::start();
    let address = zookeeper.address();
    let [_master, mut second, _third] = group(&zookeeper);
    let (json, code) = summary(&address);
    assert_eq!(
        roles(&json),
        ["master map1", "follower map2", "follower map10"]
    );
    assert_eq!(code, Some(0), "{json}");
    assert_eq!(json["master"]["node"], "map1");
    for member in json["members"].as_array().unwrap() {
        // At most one beat every 5 ms, and a few that were delayed.
        let rate = member["beats_per_second"].as_f64().unwrap();
        assert!(rate > 0.0 && rate < 300.0, "{member}");
        assert!(member["age_ms"].as_f64().unwrap() >= 0.0, "{member}");
        assert!(member["pid"].as_u64().unwrap() > 1, "{member}");
        assert!(!member["host"].as_str().unwrap().is_empty(), "{member}");
    }
    let table = stdout(&status(&address, &[]));
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("master map1 since "), "{table}");
    assert!(lines[0].contains(", epoch "), "{table}");
    assert!(
        lines[1].starts_with("ROLE") && lines[1].ends_with("MEMORY"),
        "{table}"
    );
    let begins = ["master    map1", "follower  map2", "follower  map10"];
    for (line, begin) in lines[2..].iter().zip(begins) {
        assert!(line.starts_with(begin), "{table}");
    }
    assert_eq!(lines.len(), 5, "{table}");
    // Records that arrive between the two looks give a rate.
    wait_until("records are taken", SOON, || {
        let look = Command::new(HEARTLINE)
            .args([
                "status",
                "--json",
                "--over",
                "300ms",
                "--zookeeper",
                &address,
            ])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it runs");
        for _ in 0..20 {
            second.feed(&b"a b c\n".repeat(50));
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let output = look.wait_with_output().expect("it ends");
        let json: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
        let rate = member(&json, "map2").and_then(|one| one["records_per_second"].as_f64());
        rate.is_some_and(|rate| rate > 0.0)
    });
}

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one sequence of steps with real processes"
)]
fn a_killed_one_is_shown_as_dead_and_is_why_it_fails() {
    let zookeeper = ZooKeeper::start();
    let address = zookeeper.address();
    let [_master, second, _third] = group(&zookeeper);
    assert_eq!(status(&address, &[]).status.code(), Some(0));
    let attempt = "attempt_1_0001_m_000007_0";
    let fourth = Mapper::with_attempt(&zookeeper, "map4", attempt);
    wait_until("it beats", SOON, || {
        let (json, _) = summary(&address);
        member(&json, "map4").is_some_and(|one| one["beats_per_second"].is_f64())
    });
    second.signal(Signal::KILL);
    fourth.signal(Signal::KILL);
    wait_until("both are dead", SOON, || {
        let (json, _) = summary(&address);
        let dead = |name| member(&json, name).is_some_and(|one| one["verdict"] == "dead");
        dead("map2") && dead("map4")
    });
    let (json, code) = summary(&address);
    assert_eq!(code, Some(1));
    let order = [
        "master map1",
        "follower map2",
        "follower map4",
        "follower map10",
    ];
    assert_eq!(roles(&json), order);
    assert_eq!(member(&json, "map4").unwrap()["attempt"], attempt);
    let output = status(&address, &[]);
    assert_eq!(
        (output.status.code(), stderr(&output)),
        (Some(1), String::new())
    );
    let table = stdout(&output);
    let line = table.lines().find(|line| line.contains(attempt)).unwrap();
    assert!(
        line.contains("map4") && line.contains("  dead: closed  "),
        "{table}"
    );
    // For a dead member there is the master's report, and a snapshot if one was made.
    zookeeper.create_lasting("/heart_beat_snapshots", "");
    zookeeper.create_lasting("/heart_beat_snapshots/map4", "stack:\n\tmain\n");
    let output = status(&address, &[attempt]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    for line in [
        "node: map4",
        "verdict: dead: closed",
        "\tmain",
        &format!("attempt: {attempt}"),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(
        text.contains("declared dead: ") && text.contains("\nsnapshot, written "),
        "{text}"
    );
    // A former member may have left a snapshot.
    zookeeper.create_lasting("/heart_beat_snapshots/map0", "stack of long ago\n");
    let output = status(&address, &["map0"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(
        text.contains("no member any more") && text.contains("\nstack of long ago\n"),
        "{text}"
    );
}

#[test]
fn a_stalled_one_is_shown_and_is_why_it_fails() {
    let zookeeper = ZooKeeper::start();
    let address = zookeeper.address();
    zookeeper.visit(async |session| session.prepare().await.unwrap());
    let beat =
        |lines: &str| format!("alive at 1.5!\nhost: hd1\npid: 7\ninterval: 60000000us\n{lines}");
    zookeeper.create_lasting("/heart_beat/map1", &beat("condition: starved\n"));
    assert_eq!(status(&address, &[]).status.code(), Some(0));
    let lines = beat("condition: spinning\nstalled-ms: 12000\nmemory: 12897485\nprogress: 41.5\n");
    zookeeper.create_lasting("/heart_beat/map2", &lines);
    let output = status(&address, &[]);
    let table = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{table}");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines[0], "no master");
    for word in ["map2", "stalled: spinning", "12.3MiB", "41.5%"] {
        assert!(lines[2].contains(word), "{table}");
    }
    assert!(
        lines[3].contains("map1") && lines[3].contains("starved"),
        "{table}"
    );
    let (json, _) = summary(&address);
    assert!(json["master"].is_null());
    let stalled = member(&json, "map2").unwrap();
    assert_eq!(stalled["verdict"], "stalled: spinning");
    assert_eq!(stalled["stalled_ms"], 12000);
    assert_eq!(stalled["beats_per_second"], 0.0);
}

#[test]
fn all_of_one_member_is_shown() {
    let zookeeper = ZooKeeper::start();
    let address = zookeeper.address();
    let [_master, mut second, _third] = group(&zookeeper);
    second.feed(b"a b c\n");
    wait_until("its records are reported", SOON, || {
        stdout(&status(&address, &["map2"])).contains("\nrecords in: 1\n")
    });
    let output = status(&address, &["map2"]);
    let text = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for line in [
        "node: map2".to_owned(),
        "role: follower".to_owned(),
        format!("pid: {}", second.pid()),
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    assert!(!text.contains("snapshot"), "{text}");
    let json = stdout(&status(&address, &["map2", "--json"]));
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(
        (&json["node"], &json["records_in"]),
        (&"map2".into(), &1.into())
    );
    let unknown = status(&address, &["map3"]);
    assert_eq!(
        (unknown.status.code(), stdout(&unknown)),
        (Some(1), String::new())
    );
    let said = stderr(&unknown);
    assert!(
        said.contains("'map3'") && said.contains("heartline status shows all 3"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn nobody_is_no_failure_and_no_zookeeper_is() {
    let mut zookeeper = ZooKeeper::start();
    let address = zookeeper.address();
    let output = status(&address, &["--namespace", "/jobs/one"]);
    assert_eq!(stdout(&output), "no members below '/jobs/one/'\n");
    assert_eq!(output.status.code(), Some(0));
    let (json, code) = summary(&address);
    assert_eq!(
        (json["members"].as_array().map(Vec::len), code),
        (Some(0), Some(0))
    );
    zookeeper.kill();
    let output = status(&address, &[]);
    assert_eq!(
        (output.status.code(), stdout(&output)),
        (Some(1), String::new())
    );
    let said = stderr(&output);
    assert_eq!(
        said,
        format!(
            "heartline status: no session with ZooKeeper at {address}: nothing listens on {address}\n"
        )
    );
}

#[test]
fn what_cannot_be_read_is_shown_beside_what_can() {
    let zookeeper = ZooKeeper::start();
    let address = zookeeper.address();
    zookeeper.visit(async |session| session.prepare().await.unwrap());
    zookeeper.create_lasting("/heart_beat/map1", "alive at 1.5!\n");
    zookeeper.create_unreadable("/heart_beat/map2", "alive at 1.5!\n");
    let table = stdout(&status(&address, &[]));
    let row = table.lines().find(|line| line.contains("map2")).unwrap();
    assert!(
        row.contains("unreadable") && table.contains("map1"),
        "{table}"
    );
    let (all, code) = summary(&address);
    assert_eq!(
        code,
        Some(0),
        "a member that cannot be read is not dead: {all}"
    );
    let hidden = member(&all, "map2").unwrap();
    assert_eq!(hidden["verdict"], "unreadable");
    assert!(
        hidden["trouble"].is_string() && hidden.get("records_in").is_none(),
        "{hidden}"
    );
    let details = stdout(&status(&address, &["map2"]));
    assert!(details.contains("\ncannot be read: "), "{details}");

    // A znode that may hide a death is different: the status is 1.
    let claim = "/heart_beat_master/_c_x-lock-0000000007";
    zookeeper.create_unreadable(claim, "map3\nalive at 1.5!\n");
    let output = status(&address, &[]);
    assert_eq!(output.status.code(), Some(1));
    let table = stdout(&output);
    assert!(
        table.contains(&format!("\ncannot read {claim}: ")) && table.contains("map1"),
        "{table}"
    );
    let (all, _) = summary(&address);
    assert_eq!(all["unreadable"][0]["path"], claim, "{all}");
}

#[test]
fn thousands_that_say_anything_are_shown() {
    let zookeeper = ZooKeeper::start();
    let address = zookeeper.address();
    zookeeper.visit(async |session| session.prepare().await.unwrap());
    let names: Vec<String> = (0..3000).map(|number| format!("map{number}")).collect();
    let lines = "alive \u{1b}[2J!\ninterval: 18446744073709551615us\nprogress: 1e308\nrecords-in: 18446744073709551615\n\
                 stalled-ms: 18446744073709551615\ncpu-ms: 18446744073709551615\nmemory: 18446744073709551615\n\
                 pid: 4294967295\nhost: \u{9b}31m\u{202e}\nreturned: 4294967295\nattempt: \u{1b}]0;x\u{7}\n";
    let value = [lines.as_bytes(), &[0xff, 0xfe, b'\n']].concat();
    zookeeper.create_many("/heart_beat", &names, &value);
    let report = "epoch: -9223372036854775808\nmaster: \u{1b}[2J\nclaim: x\nsince: -262143-01-01T00:00:00Z\n\
                  dead map9999 +262142-12-31T23:59:59Z -\n";
    zookeeper.set("/heart_beat_master", report.as_bytes());
    zookeeper.set("/heart_beat_control", b"interval: 18446744073709551615us\n");
    let mut table = String::new();
    // A busy machine may not finish within the time for an answer.
    wait_until("all are shown", SOON, || {
        let output = status(&address, &["--over", "10ms"]);
        table = stdout(&output);
        output.status.code() == Some(1) && table.lines().count() >= 3002
    });
    let steers = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
    assert!(!table.chars().any(steers));
    let details = stdout(&status(&address, &["map7", "--over", "10ms"]));
    assert!(
        details.starts_with("node: map7\n") && !details.chars().any(steers),
        "{details:?}"
    );
}

#[test]
fn a_forged_name_shows_no_other_znode() {
    let zookeeper = ZooKeeper::start();
    zookeeper.visit(async |session| session.prepare().await.unwrap());
    zookeeper.create_lasting("/heart_beat_snapshots", "");
    zookeeper.create_lasting("/heart_beat_snapshots/a", "");
    zookeeper.create_lasting("/heart_beat_snapshots/a/b", "secret");
    let attempt = "attempt_1_0001_m_000007_0";
    let now = chrono::Utc::now().to_rfc3339();
    let report = format!("epoch: 9\ndead a/b {now} {attempt}\n");
    zookeeper.set("/heart_beat_master", report.as_bytes());
    let shown = stdout(&status(&zookeeper.address(), &[attempt]));
    assert!(
        shown.contains("node: a/b") && !shown.contains("secret"),
        "{shown}"
    );
}
