//! Metrics as Prometheus reads them: of `heartline serve` and `heartline master`, the alerts, the dashboard of Grafana.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use serde_json::Value;

use crate::support::{
    Dashboard, Guarded, Mapper, Program, SOON, ZooKeeper, free_port, left_out, wait_until, which,
};

fn contrib() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contrib")
}

/// The body of an answer with status 200.
fn get(url: &str) -> Option<String> {
    let mut answer = ureq::get(url).call().ok()?;
    answer.body_mut().read_to_string().ok()
}

/// A real Prometheus.
struct Prometheus {
    _process: Guarded,
    url: String,
}

impl Prometheus {
    /// Starts one that asks `target` every second, and evaluates the alerts.
    fn start(folder: &Path, target: &str) -> Self {
        let rules = contrib().join("prometheus/alerts.yml");
        let rules = rules.display();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: ['{rules}']\n\
             scrape_configs:\n  - job_name: heartline\n    static_configs: [{{targets: ['{target}']}}]\n"
        );
        let file = folder.join("prometheus.yml");
        fs::write(&file, config).expect("written");
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("prometheus");
        command.arg(format!("--config.file={}", file.display()));
        command.arg(format!(
            "--storage.tsdb.path={}",
            folder.join("data").display()
        ));
        command.arg(format!("--web.listen-address={address}"));
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        Self {
            _process: Guarded::spawn(&mut command),
            url: format!("http://{address}"),
        }
    }

    /// The answer to a query; `None` if it is not accepted, or while Prometheus starts.
    fn query(&self, query: &str) -> Option<Vec<Value>> {
        let request = ureq::get(format!("{}/api/v1/query", self.url)).query("query", query);
        let body = request.call().ok()?.body_mut().read_to_string().ok()?;
        let answer: Value = serde_json::from_str(&body).ok()?;
        answer["data"]["result"].as_array().cloned()
    }

    /// Whether a query has an answer.
    fn finds(&self, query: &str) -> bool {
        self.query(query).is_some_and(|found| !found.is_empty())
    }
}

/// All expressions of the dashboard, for any job.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            if let Some(expression) = map.get("expr").and_then(Value::as_str) {
                let expression = expression.replace("$namespace", ".*");
                found.push(expression.replace("$__rate_interval", "1m"));
            }
            map.values().for_each(|value| expressions(value, found));
        }
        Value::Array(list) => list.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[test]
fn a_real_prometheus_reads_all_metrics() {
    if which("prometheus").is_none() {
        left_out::leave_out!("prometheus is not installed");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let zookeeper = ZooKeeper::start();
    let dashboard = Dashboard::start(&zookeeper.address(), &["--per-member"]);
    let prometheus = Prometheus::start(folder.path(), dashboard.address());
    let master = Mapper::start(&zookeeper, "map1");
    zookeeper.wait_until_in_line("map1");
    let follower = Mapper::start(&zookeeper, "map2");
    let name = "a\\b\"<c>\n";
    zookeeper.create_lasting(&format!("/heart_beat/{}", name.trim()), "x");
    for query in [
        "heartline_members{state=\"starved\"} == 2",
        "heartline_member_state{node=\"map2\",state=\"starved\"}",
        "heartline_beat_age_seconds_count > 0",
        "process_resident_memory_bytes{job=\"heartline\"} > 1000000",
        "process_start_time_seconds{job=\"heartline\"} > 1700000000",
        "heartline_build_info",
    ] {
        wait_until(query, SOON, || prometheus.finds(query));
    }
    follower.signal(Signal::KILL);
    let deaths = "heartline_deaths_total{cause=\"closed\"} == 1";
    wait_until(deaths, SOON, || prometheus.finds(deaths));
    for query in [
        "heartline_detection_duration_seconds_count{cause=\"closed\"} == 1",
        "heartline_zookeeper_round_trip_seconds_count > 0",
        "heartline_beat_budget == 5000",
    ] {
        wait_until(query, SOON, || prometheus.finds(query));
    }
    let _heir = Mapper::start(&zookeeper, "map3");
    zookeeper.wait_until_in_line("map3");
    master.signal(Signal::KILL);
    let succession = "heartline_succession_duration_seconds_count == 1";
    wait_until(succession, SOON, || prometheus.finds(succession));
    let alert = "ALERTS{alertname=\"HeartlineMemberDied\"}";
    wait_until(alert, SOON, || prometheus.finds(alert));
    let board = contrib().join("grafana/heartline.json");
    let board = fs::read_to_string(board).expect("a file");
    let mut found = Vec::new();
    expressions(&serde_json::from_str(&board).expect("JSON"), &mut found);
    assert!(found.len() > 5, "{found:?}");
    for expression in found {
        assert!(prometheus.query(&expression).is_some(), "{expression}");
    }
}

#[test]
fn the_alerts_fire_when_they_should() {
    if which("promtool").is_none() {
        left_out::leave_out!("promtool is not installed");
    }
    for arguments in [
        &["check", "rules", "alerts.yml"],
        &["test", "rules", "alerts_test.yml"],
    ] {
        let mut promtool = Command::new("promtool");
        promtool
            .args(arguments)
            .current_dir(contrib().join("prometheus"));
        let done = promtool.output().expect("it runs");
        assert!(done.status.success(), "{done:?}");
    }
}

#[test]
fn a_dedicated_master_serves_metrics() {
    let zookeeper = ZooKeeper::start();
    let mut command = Command::new(env!("CARGO_BIN_EXE_heartline"));
    command.args(["master", "--zookeeper", &zookeeper.address()]);
    let master = Program::start(command.args(["--metrics", "127.0.0.1:0"]));
    master.wait_for("/metrics");
    let lines = master.lines();
    let line = lines.iter().find_map(|line| line.split_once("http://"));
    let (_, address) = line.expect("an address");
    let address = address.trim_end_matches("/metrics");
    let _follower = Mapper::start(&zookeeper, "map1");
    wait_until("its members are counted", SOON, || {
        get(&format!("http://{address}/metrics")).is_some_and(|text| {
            text.contains("heartline_members{namespace=\"/\",state=\"starved\"} 1\n")
                && text.contains("heartline_master{namespace=\"/\"} 1")
        })
    });
    for path in ["healthz", "readyz"] {
        assert_eq!(
            get(&format!("http://{address}/{path}")).as_deref(),
            Some("ok\n")
        );
    }
    assert_eq!(get(&format!("http://{address}/api/v1/jobs")), None);
    let taken = Command::new(env!("CARGO_BIN_EXE_heartline"))
        .args([
            "master",
            "--zookeeper",
            &zookeeper.address(),
            "--metrics",
            address,
        ])
        .output()
        .expect("it runs");
    assert_eq!(taken.status.code(), Some(1));
    let why = String::from_utf8_lossy(&taken.stderr);
    assert!(why.contains("--metrics names another address"), "{why}");
}
