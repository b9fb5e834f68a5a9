//! Mappers that hang in real streaming jobs, with Hadoop's own time limit for them: 600 s (`mapreduce.task.timeout`).

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use crate::support::{
    Described, Mapper, Parts, SOON, Watcher, ZooKeeper,
    hadoop::{
        assert_same_counts, count_words, counter, job_counts, log_of, run_job, sample_data, script,
        start,
    },
    wait_until,
};
use serde_json::Value;
use tempfile::TempDir;

/// The name of each kind of hang: the first task sleeps, the second one spins.
const CONDITIONS: [&str; 2] = ["blocked", "spinning"];

/// A `run-job` whose mapper is `tests/hadoop/hung_mapper.py`, watched, and ended when it stalls. Its limit is
/// far below Hadoop's: a job that waits for that fails.
fn hung_job() -> Command {
    let mapper = Parts::root().join("tests/hadoop/hung_mapper.py");
    let mut job = run_job();
    job.args(["--mapper", "heartline run -- python3 hung_mapper.py"])
        .args(["-D", "heartline.on.stall=kill"])
        .args(["-D", "heartline.stall.timeout=2s"])
        .args(["--file", env!("CARGO_BIN_EXE_heartline"), "--file"])
        .arg(mapper);
    job
}

// One test, for one cluster: two at once would be more than a small machine holds.
#[test]
fn hung_mappers_are_ended_with_the_reason_and_tried_again() {
    let _machine = crate::support::whole_machine();
    let cluster = Described::sample("loopback", "one-machine");
    cluster.up();
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    let files = four_files(dir.path());
    // With a master that is not of the job, all of the job's mappers are followers.
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let _master = Mapper::start(&zookeeper, "standing");
    watcher.wait_for_event("claimed", "standing");
    let mut command = hung_job();
    command
        .arg("--cluster")
        .arg(cluster.file())
        .args(["--zookeeper", &zookeeper.address()])
        .args(["-D", "heartline.timeout=500ms"])
        // A speculative second attempt could finish before the first has failed, and Hadoop would kill the first.
        .args(["-D", "mapreduce.map.speculative=false"])
        .args(&files)
        .arg(&output);
    let begin = Instant::now();
    let mut job = start(&mut command);
    // Its log is read meanwhile: a full pipe would stop it.
    let mut stderr = job.stderr.take().expect("its stderr is a pipe");
    let log = thread::spawn(move || {
        let mut log = Vec::new();
        std::io::Read::read_to_end(&mut stderr, &mut log).expect("its log");
        String::from_utf8_lossy(&log).into_owned()
    });
    // The application master's report about the attempts is available only while the job runs.
    let mut attempts = BTreeMap::new();
    let mut mappers_seen = 0;
    while job.try_wait().expect("run-job can be waited for").is_none() {
        attempts.extend(attempts_of_first_two_tasks(&cluster));
        mappers_seen = mappers_seen.max(mappers(&cluster).len());
        thread::sleep(Duration::from_millis(100));
    }
    let took = begin.elapsed();
    let status = job.wait().expect("run-job ends");
    let log = log.join().expect("its log");
    assert!(status.success(), "{log}");
    eprintln!("the job with two hung mappers took {took:?}");

    assert_same_counts(&job_counts(&output), &count_words(&files));
    assert_eq!(counter(&log, "Failed map tasks"), Some(2), "{log}");
    assert_eq!(counter(&log, "Launched map tasks"), Some(6), "{log}");
    for (task, condition) in CONDITIONS.iter().enumerate() {
        let reason = format!("stalled: {condition} for ");
        check_application_master(&attempts, task, &reason);
        check_client(&log, task, &reason);
        check_log_of_attempt(&cluster, &reason);
        check_events_of_master(&watcher, condition);
    }
    check_history(&cluster);
    assert!(mappers_seen > 0, "no mapper was ever seen");
    wait_until("no process of a mapper is left", SOON, || {
        mappers(&cluster).is_empty()
    });
}

/// The diagnostics of a failed attempt say that heartline ended it, and why.
fn check_application_master(attempts: &BTreeMap<String, Value>, task: usize, reason: &str) {
    let suffix = format!("_m_{task:06}_0");
    let (_, attempt) = attempts
        .iter()
        .find(|(id, _)| id.ends_with(&suffix))
        .unwrap_or_else(|| panic!("no {suffix} in {attempts:#?}"));
    assert_eq!(attempt["state"], "FAILED", "{attempt:#}");
    let diagnostics = attempt["diagnostics"].as_str().unwrap_or_default();
    assert!(
        diagnostics.starts_with(&format!("Error: heartline: {reason}")),
        "{attempt:#}"
    );
    assert!(
        diagnostics.contains("ended for it (--on-stall kill)"),
        "{attempt:#}"
    );
}

/// The user who has started the job sees the same on the terminal.
fn check_client(log: &str, task: usize, reason: &str) {
    let mut lines = log
        .lines()
        .skip_while(|line| !line.contains(&format!("_m_{task:06}_0, Status : FAILED")));
    let error = lines.nth(1).unwrap_or_default();
    assert!(
        error.starts_with(&format!("Error: heartline: {reason}")),
        "{error}: {log}"
    );
}

/// The log of the attempt says the same, and what the mapper was doing.
fn check_log_of_attempt(cluster: &Described, reason: &str) {
    let logs = cluster.task_logs("h1");
    let log = logs.iter().find(|log| log.contains(reason));
    let log = log.unwrap_or_else(|| panic!("{reason} is in no log: {logs:#?}"));
    assert!(log.contains(&format!("heartline run: {reason}")), "{log}");
    assert!(log.contains("ended for it (--on-stall kill)"), "{log}");
    assert!(log.contains("python3 hung_mapper.py"), "{log}");
}

/// The heartbeat's master has reported the stall and the failure, and no death.
fn check_events_of_master(watcher: &Watcher, condition: &str) {
    let condition = format!("\"condition\":\"{condition}\"");
    let lines = watcher.lines();
    let stalled = lines
        .iter()
        .find(|line| line.contains("\"stalled\"") && line.contains(&condition));
    let stalled = stalled.unwrap_or_else(|| panic!("nobody is {condition} in {lines:#?}"));
    let stalled: Value = serde_json::from_str(stalled).expect("JSON");
    watcher.wait_for_event("failed", stalled["node"].as_str().expect("a node"));
}

/// When the job is over, its history still says why.
fn check_history(cluster: &Described) {
    let folder = "/tmp/hadoop-yarn/staging/history/done_intermediate/*/*.jhist";
    let mut history = String::new();
    let limit = Duration::from_secs(120);
    wait_until("the job's history is written", limit, || {
        let mut cat = script("hadoop");
        cat.arg("--cluster-file").arg(cluster.file());
        let cat = cat.args(["fs", "-cat", folder]).output();
        let cat = cat.expect("hadoop runs");
        history = String::from_utf8_lossy(&cat.stdout).into_owned();
        cat.status.success() && !history.is_empty()
    });
    for condition in CONDITIONS {
        let error = format!("Error: heartline: stalled: {condition} for ");
        assert!(history.contains(&error), "no {error} in the history");
    }
}

/// What the application master reports about the attempts that hang and of those that follow them, by their ids.
fn attempts_of_first_two_tasks(cluster: &Described) -> BTreeMap<String, Value> {
    // The resource manager also leads to each job's application master.
    let page = |path: &str| cluster.page(1, 8088, path);
    let applications = page("/ws/v1/cluster/apps?states=RUNNING");
    let Some(application) = applications["apps"]["app"][0]["id"].as_str() else {
        return BTreeMap::new();
    };
    let number = application.trim_start_matches("application_");
    (0..CONDITIONS.len())
        .map(|task| {
            page(&format!(
                "/proxy/{application}/ws/v1/mapreduce/jobs/job_{number}/tasks/task_{number}_m_{task:06}/attempts"
            ))
        })
        .flat_map(|page| {
            let attempts = page["taskAttempts"]["taskAttempt"].as_array().cloned();
            attempts.unwrap_or_default()
        })
        .filter_map(|attempt| Some((attempt["id"].as_str()?.to_owned(), attempt)))
        .collect()
}

/// Every process with the mapper on its command line: python, and heartline around it.
fn mappers(cluster: &Described) -> Vec<(u32, String)> {
    let mut processes = cluster.tasks();
    processes.retain(|(_, line)| line.contains("hung_mapper.py"));
    processes
}

/// The sample texts and a smaller one: a mapper for each.
fn four_files(dir: &Path) -> Vec<PathBuf> {
    let mut files = sample_data();
    files.truncate(3);
    let small = dir.join("small.txt");
    fs::write(&small, "one two two\nthree three three\n").expect("a small text");
    files.push(small);
    files
}

#[test]
fn the_local_runner_which_tries_nothing_again_fails_with_the_reason() {
    let _machine = crate::support::whole_machine();
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    // A folder of its own, which identifies its processes.
    let mapper = dir.path().join("hung_mapper.py");
    fs::copy(Parts::root().join("tests/hadoop/hung_mapper.py"), &mapper).expect("the mapper");
    let begin = Instant::now();
    let job = run_job()
        .args(["-D", "heartline.on.stall=kill"])
        .args(["-D", "heartline.stall.timeout=2s"])
        .args(["-D", "heartline.no.heartbeat=true"])
        .args(["--mapper"])
        .arg(format!("heartline run -- python3 {}", mapper.display()))
        .args(["--file", env!("CARGO_BIN_EXE_heartline")])
        .arg(&sample_data()[0])
        .arg(&output)
        .output()
        .expect("run-job runs");
    eprintln!("the job on the local runner took {:?}", begin.elapsed());
    let log = log_of(&job);
    assert_eq!(job.status.code(), Some(1), "{log}");
    assert!(!log.contains("not done within"), "{log}");
    assert!(!output.join("_SUCCESS").exists());
    let reason = "stalled: blocked for ";
    assert!(log.contains(&format!("heartline run: {reason}")), "{log}");
    // Hadoop shows it too: the runner logs the status of a task, and the job's counters are those of its tasks.
    let status = format!("mapred.LocalJobRunner: heartline: {reason}");
    assert!(log.contains(&status), "{log}");
    assert!(log.contains(&format!("\tended: {reason}")), "{log}");
    assert!(log.contains("subprocess failed with code 1"), "{log}");
    let left = Command::new("ps").args(["-eo", "stat,args"]).output();
    let left = left.expect("ps runs").stdout;
    let left = String::from_utf8_lossy(&left).into_owned();
    let name = mapper.display().to_string();
    assert!(
        !left
            .lines()
            .any(|line| line.contains(&name) && !line.starts_with('Z')),
        "{left}"
    );
}
