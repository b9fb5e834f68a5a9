//! One job of nine mappers with direct connections: a mapper is killed, then the master, then a host is cut off with its
//! namespace and comes back. Each cause is told right, YARN runs the lost tasks again, and the result is right. About two
//! minutes; needs root, ip and sshd.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::hadoop::{counter, finish, run_job, sample_data, start};
use crate::support::left_out::{self, leave_out};
use crate::support::{
    Described, LoggedEvent, Watcher, no_namespaces, wait_until, wait_until_connected_on,
};

/// The time limit of a step, on a busy machine too.
const LIMIT: Duration = Duration::from_secs(300);

/// The hosts that run tasks.
const WORKERS: [&str; 3] = ["h2", "h3", "h4"];

/// The number of map tasks, all of which run at the same time. Two hosts have room for eight mappers and the application
/// master: so at least one mapper is on the third, whichever that is.
const TASKS: usize = 9;

const DESCRIPTION: &str = r#"
[[host]]
name = "h1"
id = 1
roles = ["zookeeper", "namenode", "datanode", "resourcemanager"]
[[host]]
name = "h2"
id = 2
roles = ["datanode", "nodemanager"]
[[host]]
name = "h3"
id = 3
roles = ["datanode", "nodemanager"]
[[host]]
name = "h4"
id = 4
roles = ["nodemanager"]

[properties.yarn-site]
"yarn.nodemanager.resource.memory-mb" = 4864
"yarn.nm.liveness-monitor.expiry-interval-ms" = 10000
"yarn.resourcemanager.nm.liveness-monitor.expiry-interval-ms" = 10000
"yarn.client.nodemanager-connect.max-wait-ms" = 1000
"yarn.client.nodemanager-connect.retry-interval-ms" = 1000

[properties.core-site]
"ipc.client.connect.timeout" = 5000

[properties.mapred-site]
"mapreduce.map.speculative" = false
"mapreduce.task.io.sort.mb" = 16
"#;

/// Executes a command once its gate is open on this host, and leaves a file for the attempt if it succeeds.
/// Arguments: the folder of these files, the kind of the gate, the command.
const GATED: &str = r#"#!/bin/sh
folder=$1 gate=$1/$2-$(hostname)
shift 2
until [ -e "$gate" ]; do sleep 0.2; done
"$@" && : >"$folder/done-$mapreduce_task_attempt_id"
"#;

#[test]
#[expect(
    clippy::too_many_lines,
    reason = "one sequence of steps with real processes"
)]
fn a_job_loses_a_mapper_its_master_and_a_host_and_is_right_all_the_same() {
    let _machine = crate::support::whole_machine();
    if let Some(why) = no_namespaces(&["sshd", "fuser"]) {
        leave_out!("{why}");
    }
    let cluster = Described::new("netns", DESCRIPTION);
    cluster.up();
    let ensemble = cluster.ensemble(&[1]);
    let watcher = Watcher::start(
        env!("CARGO_BIN_EXE_watch-master"),
        &["--json", "--zookeeper", &ensemble],
    );
    wait_for(&watcher, "the watcher is connected", |logged| {
        logged.event == "connected"
    });
    let dir = TempDir::new().expect("a temporary folder");
    let job = GatedJob::start(&cluster, dir.path());

    let (master, followers) = settled(&ensemble);
    let killed = followers.iter().find(|member| member.host != master.host);
    let killed = killed.expect("one host does not have all");
    killed.kill();
    wait_for(&watcher, "the killed mapper is reported", |logged| {
        logged.event == "died" && logged.node == killed.node
    });

    let (still_master, _) = settled(&ensemble);
    assert_eq!(still_master.node, master.node, "{:?}", watcher.story());
    master.kill();
    wait_for(&watcher, "another claims to be master", |logged| {
        followed_the_dead(logged, &master.node)
    });

    // Neither the new master nor the application master is on the host that is cut off.
    let (new_master, followers) = settled(&ensemble);
    let busy = [new_master.host, application_masters_host(&cluster)];
    let on = |host: &str| {
        followers
            .iter()
            .filter(|member| member.host == host)
            .count()
    };
    let spare = WORKERS
        .into_iter()
        .filter(|host| busy.iter().all(|busy| busy != host));
    let cut = spare.max_by_key(|host| on(host)).expect("three hosts");
    let lost: Vec<&JobMember> = followers
        .iter()
        .filter(|member| member.host == cut)
        .collect();
    assert!(!lost.is_empty(), "{followers:?}");
    let (status, said) = cluster.ask("cut", &[cut]);
    assert_eq!(status, 0, "{said}");
    for member in &lost {
        wait_for(&watcher, "the mappers of the host are reported", |logged| {
            logged.event == "died" && logged.node == member.node
        });
    }
    wait_until("YARN misses the host", LIMIT, || {
        is_known_as(&cluster, cut, "LOST")
    });
    for host in WORKERS.into_iter().filter(|host| *host != cut) {
        job.open("map", host);
    }
    wait_until("one of the tasks runs elsewhere", LIMIT, || {
        lost.iter()
            .any(|member| job.is_done(member.attempts_of_its_task()))
    });
    let (status, said) = cluster.ask("mend", &[cut]);
    assert_eq!(status, 0, "{said}");
    wait_until("YARN has the host again", LIMIT, || {
        is_known_as(&cluster, cut, "RUNNING")
    });
    job.open("map", cut);
    // The client asks the application master for counters in its last five seconds: nothing else is to run then.
    wait_until("no mapper is left", LIMIT, || {
        job_members(&ensemble).is_empty()
    });
    for host in WORKERS {
        job.open("reduce", host);
    }

    let log = job.finish();
    for attempt in [&killed.attempt, &master.attempt] {
        let failed = format!("Task Id : {attempt}, Status : FAILED");
        assert!(log.contains(&failed), "{failed}:\n{log}");
    }
    let launched = counter(&log, "Launched map tasks");
    let least = u64::try_from(TASKS + 2 + lost.len()).expect("a small number");
    assert!(launched >= Some(least), "{launched:?}, {least}: {log}");
    assert_causes(&watcher.story(), killed, &master, &lost);
    cluster.down();
}

/// Checks that each death has its cause, and that nobody else was declared dead.
fn assert_causes(
    story: &[LoggedEvent],
    killed: &JobMember,
    master: &JobMember,
    lost: &[&JobMember],
) {
    let mut causes = BTreeMap::new();
    for logged in story.iter().filter(|logged| logged.event == "died") {
        // A mapper of the host that came back may join again and end with its container: its first death counts.
        causes
            .entry(logged.node.as_str())
            .or_insert(logged.cause.as_str());
    }
    let silent = lost.iter().map(|member| (member.node.as_str(), "silent"));
    let expected = silent.chain([(killed.node.as_str(), "closed")]).collect();
    assert_eq!(causes, expected, "{story:?}");
    let deaths = story.iter().filter(|logged| {
        let previous = logged.previous.as_ref();
        previous.is_some_and(|(_, went)| went == "dead")
    });
    let deaths: Vec<_> = deaths.collect();
    assert!(followed_the_dead(deaths[0], &master.node), "{story:?}");
    assert_eq!(deaths[0].cause, "closed", "{story:?}");
    // A mapper that came back may also have been master.
    let is_lost = |death: &&LoggedEvent| {
        let mut lost = lost.iter();
        lost.any(|member| followed_the_dead(death, &member.node))
    };
    assert!(deaths[1..].iter().all(is_lost), "{story:?}");
}

/// A word count whose tasks wait until the test opens their gates.
struct GatedJob {
    folder: PathBuf,
    files: Vec<PathBuf>,
    child: Child,
}

impl GatedJob {
    fn start(cluster: &Described, dir: &Path) -> Self {
        let script = dir.join("gated.sh");
        fs::write(&script, GATED).expect("a script");
        let files = parts_of_sample_data(dir);
        let gated = format!("sh {} {}", script.display(), dir.display());
        // A task that waits at its gate is no stall.
        let mapper = format!(
            "{} run --interval 50ms --timeout 3s --stall-timeout 0 -- {gated} map {} --no-heartbeat",
            env!("CARGO_BIN_EXE_heartline"),
            env!("CARGO_BIN_EXE_wc-mapper"),
        );
        let reducer = format!(
            "{gated} reduce {} --no-heartbeat",
            env!("CARGO_BIN_EXE_wc-reducer")
        );
        let child = start(
            run_job()
                .args(["--limit", "1800", "--zookeeper", "h1:2181", "--cluster"])
                .arg(cluster.file())
                .args(["-D", "mapreduce.job.reduce.slowstart.completedmaps=1.0"])
                .args(["--mapper", &mapper, "--reducer", &reducer])
                .args(&files)
                .arg(dir.join("output")),
        );
        Self {
            folder: dir.to_owned(),
            files,
            child,
        }
    }

    /// Lets the tasks of a kind (`map`, `reduce`) on a host go on.
    fn open(&self, kind: &str, host: &str) {
        let gate = self.folder.join(format!("{kind}-{host}"));
        fs::write(gate, "").expect("a gate");
    }

    /// Whether an attempt whose id begins like this has succeeded.
    fn is_done(&self, attempts: &str) -> bool {
        let done = format!("done-{attempts}");
        let files = fs::read_dir(&self.folder).expect("the folder").flatten();
        let mut names = files.map(|file| file.file_name());
        names.any(|name| name.to_string_lossy().starts_with(&done))
    }

    /// Waits for the end of the job, checks its result, and returns its log.
    fn finish(self) -> String {
        finish(self.child, &self.files, &self.folder.join("output"))
    }
}

/// The sample texts in parts, one for each map task.
fn parts_of_sample_data(dir: &Path) -> Vec<PathBuf> {
    let texts = sample_data().into_iter();
    let texts = texts.map(|file| fs::read_to_string(file).expect("a text"));
    let text: String = texts.collect();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let parts = lines.chunks(lines.len().div_ceil(TASKS)).enumerate();
    let files = parts.map(|(number, lines)| {
        let file = dir.join(format!("part{number}.txt"));
        fs::write(&file, lines.concat()).expect("a part");
        file
    });
    files.collect()
}

/// A mapper that is a member of the job, according to `heartline status`.
#[derive(Debug)]
struct JobMember {
    node: String,
    host: String,
    pid: String,
    attempt: String,
    is_master: bool,
}

impl JobMember {
    /// One of the rows, if it is of a mapper that lives.
    fn of(row: &Value) -> Option<Self> {
        let word = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let is_over = row["verdict"] == "dead" || row.get("ended").is_some();
        (!is_over && word("attempt").contains("_m_")).then(|| Self {
            node: word("node"),
            host: word("host"),
            pid: row["pid"].to_string(),
            attempt: word("attempt"),
            is_master: row["role"] == "master",
        })
    }

    fn kill(&self) {
        let pid = self.pid.parse().ok().and_then(Pid::from_raw);
        kill_process(pid.expect("a pid"), Signal::KILL).expect("it runs");
    }

    /// The beginning that the ids of all attempts at its task share.
    fn attempts_of_its_task(&self) -> &str {
        let end = self.attempt.rfind('_').expect("an attempt id");
        &self.attempt[..=end]
    }
}

/// Waits until all mappers are members, and connected to the master. Returns the master, and the others.
fn settled(ensemble: &str) -> (JobMember, Vec<JobMember>) {
    let mut members = Vec::new();
    wait_until("all mappers are members", LIMIT, || {
        members = job_members(ensemble);
        let masters = members.iter().filter(|member| member.is_master);
        members.len() == TASKS && masters.count() == 1
    });
    let master = members.iter().position(|member| member.is_master);
    let master = members.remove(master.expect("there is one"));
    wait_until_connected_on(&master.pid, ensemble, &master.node, TASKS - 1, LIMIT);
    (master, members)
}

/// The mappers that are members and live.
fn job_members(ensemble: &str) -> Vec<JobMember> {
    let status = Command::new(env!("CARGO_BIN_EXE_heartline"))
        .args(["status", "--json", "--over", "100ms", "--zookeeper"])
        .arg(ensemble)
        .output()
        .expect("heartline runs");
    let text = String::from_utf8_lossy(&status.stdout);
    let Some(line) = text.lines().next() else {
        return Vec::new();
    };
    let value: Value = serde_json::from_str(line).expect("JSON");
    let rows = value["members"].as_array().into_iter().flatten();
    rows.filter_map(JobMember::of).collect()
}

/// The host on which the only job's application master runs.
fn application_masters_host(cluster: &Described) -> String {
    let page = cluster.page(1, 8088, "/ws/v1/cluster/apps?states=RUNNING");
    let address = &page["apps"]["app"][0]["amHostHttpAddress"];
    let host = address
        .as_str()
        .and_then(|address| address.split(':').next());
    host.unwrap_or_else(|| panic!("{page}")).to_owned()
}

/// Whether YARN's list of nodes has this host in this state.
fn is_known_as(cluster: &Described, host: &str, state: &str) -> bool {
    let page = cluster.page(1, 8088, &format!("/ws/v1/cluster/nodes?states={state}"));
    let mut nodes = page["nodes"]["node"].as_array().into_iter().flatten();
    nodes.any(|node| node["nodeHostName"] == host)
}

/// Whether this says that another is master because this node has died.
fn followed_the_dead(logged: &LoggedEvent, node: &str) -> bool {
    let previous = (node.to_owned(), "dead".to_owned());
    logged.event == "claimed" && logged.previous == Some(previous)
}

/// Waits until the watcher has written an event like this.
fn wait_for(watcher: &Watcher, what: &str, hoped: impl Fn(&LoggedEvent) -> bool) {
    wait_until(what, LIMIT, || watcher.story().iter().any(&hoped));
}
