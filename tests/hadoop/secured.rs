//! The word count on a real YARN, with its heartbeat on a secured ensemble of three: by TLS, with a password that is on no
//! command line. Its master is killed under it; how long the succession takes is compared with an open ensemble.

use std::{
    fs::{self, Permissions},
    io::{Write, stderr},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread::{scope, sleep},
    time::{Duration, Instant},
};

use crate::support::{
    Described, Ensemble, Mapper, PASSWORD, SOON, SecuredEnsemble, Watcher, assert_closed,
    hadoop::{counter, finish, run_job, sample_data, start},
    visit_as, wait_until,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");

/// Within half of the session timeout of the members without a job: their sessions are not waited for.
const LIMIT: Duration = SOON;

#[test]
fn the_whole_job_runs_on_a_secured_ensemble() {
    let _machine = crate::support::whole_machine();
    let cluster = Described::sample("loopback", "one-machine");
    let secured = scope(|scope| {
        let ensemble = scope.spawn(SecuredEnsemble::start);
        cluster.up();
        ensemble.join().expect("the ensemble starts")
    });
    let open = succession(&Ensemble::start().address(), &[]);
    let options = [secured.files.sasl("job"), secured.files.tls()];
    let options = ["--namespace=/members", &options[0], &options[1]];
    let closed = succession(&secured.tls_address(), &options);
    let under_a_job = job_outlives_its_master(&cluster, &secured);
    // Not by println!, which a passing test does not show.
    let _ = writeln!(
        stderr(),
        "succession after kill -9: {open:?} on an open ensemble, {closed:?} on a secured one, {under_a_job:?} under a job"
    );
    commits_once(&secured);
    cluster.down();
}

/// How long it takes until there is another master after each of three that are killed with -9.
fn succession(address: &str, options: &[&str]) -> [Duration; 3] {
    let words = [&["events", "--zookeeper", address], options].concat();
    let watcher = Watcher::start(HEARTLINE, &words);
    let member = |name| {
        let own = [
            "--name",
            name,
            "--timeout",
            "500ms",
            "--session-timeout",
            "40s",
        ];
        Mapper::with_options(address, &[&own, options].concat())
    };
    let mut members = vec![member("map1")];
    watcher.wait_for_event("claimed", "map1");
    for name in ["map2", "map3", "map4"] {
        members.push(member(name));
        watcher.wait_for_event("joined", name);
    }
    let mut members = members.into_iter();
    ["map2", "map3", "map4"].map(|next| {
        let master = members.next().expect("a member");
        master.signal(Signal::KILL);
        let killed = Instant::now();
        watcher.wait_for_event("claimed", next);
        let took = killed.elapsed();
        assert!(took < LIMIT, "{took:?}");
        // Time for the others to connect to the new master before it is killed.
        sleep(Duration::from_millis(500));
        took
    })
}

/// The settings file for programs on this machine, and the files that a job ships.
fn settings(secured: &SecuredEnsemble) -> (PathBuf, [PathBuf; 3]) {
    let files = &secured.files;
    let servers = secured.tls_address();
    let text = |credentials: &str, ca: &str| {
        format!(
            "zookeeper = \"{servers}\"\nnamespace = \"/job\"\nzookeeper-sasl = \"digest-md5:{credentials}\"\n\
             zookeeper-tls = \"{ca}\"\n"
        )
    };
    let here = text(
        &files.credentials("job", "job"),
        &files.authority.certificate(),
    );
    let shipped = files.write("heartline.toml", &text("job.credentials", "ca.pem"));
    let credentials = files.write("job.credentials", &format!("job:job{PASSWORD}\n"));
    let ca = PathBuf::from(files.authority.certificate());
    (files.write("here.toml", &here), [shipped, credentials, ca])
}

/// A tool with that settings file.
fn tool(settings: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(HEARTLINE);
    command.env("HEARTLINE_CONFIG", settings).args(words);
    command
}

/// A mapper whose input ends once the file `go_on` exists, so that all mappers of a job live at the same time.
fn patient_mapper(secured: &SecuredEnsemble, go_on: &Path) -> PathBuf {
    let (file, folder) = (go_on.display(), secured.files.folder().display());
    // Without the folder, the test has failed.
    let text = format!(
        "#!/bin/sh\n{{ cat; until [ -e {file} ] || [ ! -d {folder} ]; do sleep 0.1; done; }} | ./wc-mapper --timeout 500ms --session-timeout 40s\n"
    );
    let path = secured.files.write("patient-mapper", &text);
    fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("its owner");
    path
}

/// Kills the mapper that is master; returns how long it took until there was another one.
fn job_outlives_its_master(cluster: &Described, secured: &SecuredEnsemble) -> Duration {
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    let files = sample_data();
    let (here, shipped) = settings(secured);
    let variable = format!("HEARTLINE_CONFIG={}", here.display());
    let watcher = Watcher::start("env", &[&variable, HEARTLINE, "events"]);
    let mut job = run_job();
    for file in &shipped {
        job.arg("--file").arg(file);
    }
    let go_on = secured.files.folder().join("go-on");
    for program in [
        patient_mapper(secured, &go_on),
        env!("CARGO_BIN_EXE_wc-mapper").into(),
    ] {
        job.arg("--file").arg(program);
    }
    // The cluster's own property names its own ensemble.
    job.args(["--zookeeper", &secured.tls_address()]);
    job.arg("--cluster").arg(cluster.file());
    job.args([
        "-D",
        "heartline.config=heartline.toml",
        "--mapper",
        "patient-mapper",
    ]);
    let job = start(job.args(&files).arg(&output));

    let masters = || claims(&watcher);
    wait_until(
        "the job has a master and two followers",
        Duration::from_secs(120),
        || !masters().is_empty() && count(&watcher, "joined") >= 2,
    );
    let before = masters();
    let master = before.last().expect("it was waited for").clone();
    let pid = pid_of(&here, &master);
    assert_secret(cluster, secured);
    kill_process(pid, Signal::KILL).expect("the mapper can be killed");
    let killed = Instant::now();
    wait_until("another one is master", LIMIT, || {
        masters().len() > before.len()
    });
    let took = killed.elapsed();
    fs::write(&go_on, "").expect("a folder");

    let log = finish(job, &files, &output);
    assert_eq!(counter(&log, "Failed map tasks"), Some(1), "{log}");
    let story = watcher.story();
    let mut claims = story.iter().filter(|logged| logged.event == "claimed");
    let next = claims.nth(before.len());
    let previous = next.and_then(|logged| logged.previous.clone());
    assert_eq!(previous, Some((master, "dead".to_owned())), "{story:?}");
    assert!(!log.contains(PASSWORD), "the job's log has the password");
    for log in cluster.task_logs("h1") {
        assert!(!log.contains(PASSWORD), "{log}");
    }
    took
}

fn count(watcher: &Watcher, event: &str) -> usize {
    let story = watcher.story();
    story.iter().filter(|logged| logged.event == event).count()
}

/// The masters so far.
fn claims(watcher: &Watcher) -> Vec<String> {
    let story = watcher.story().into_iter();
    let claims = story.filter(|logged| logged.event == "claimed");
    claims.map(|logged| logged.node).collect()
}

/// The process of a member, as `heartline status` shows it: the claim of the master can be read by the job alone.
fn pid_of(settings: &Path, name: &str) -> Pid {
    let mut pid = None;
    wait_until("status shows the process", SOON, || {
        let output = tool(settings, &["status", "--json"])
            .output()
            .expect("it runs");
        let status: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let members = status["members"].as_array().cloned().unwrap_or_default();
        let member = members.iter().find(|member| member["node"] == name);
        let found = member.and_then(|member| member["pid"].as_i64());
        pid = found.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        pid.is_some()
    });
    pid.expect("it was waited for")
}

/// The password is in no command line of a task, and each znode is closed to others.
fn assert_secret(cluster: &Described, secured: &SecuredEnsemble) {
    let tasks = cluster.tasks();
    assert!(!tasks.is_empty());
    for (_, words) in tasks {
        assert!(!words.contains(PASSWORD), "{words}");
    }
    let security = secured.files.security("job");
    let seen = visit_as(&security, &secured.tls_address(), async |session| {
        assert_closed(session, "/job", "sasl:job").await
    });
    let seen = seen.expect("the servers answer");
    let claims = seen
        .iter()
        .filter(|path| path.contains("heart_beat_master/"));
    assert!(claims.count() >= 3, "{seen:?}");
}

/// Of two attempts of one task, one commits.
fn commits_once(secured: &SecuredEnsemble) {
    let (here, _) = settings(secured);
    let done = secured.files.folder().join("done");
    let commit = format!(
        "sh -c 'echo $HEARTLINE_ATTEMPT >> \"$0\"' {}",
        done.display()
    );
    for name in ["one", "two"] {
        let who = [
            "run",
            "--name",
            name,
            "--timeout",
            "1s",
            "--commit-task",
            "daily",
        ];
        let what = ["--commit-command", &commit, "--", "true"];
        let mut tool = tool(&here, &[&who[..], &what].concat());
        let output = tool.output().expect("it runs");
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(fs::read_to_string(&done).expect("a commit"), "one\n");
}
