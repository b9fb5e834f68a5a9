//! The word count as a real streaming job on a one-machine YARN, with its data in HDFS.

use std::time::Duration;

use crate::support::{
    Cluster, Mapper, Watcher, ZooKeeper,
    hadoop::{
        assert_same_counts, count_words, counter, job_counts, log_of, run_job, sample_data, start,
        succeed,
    },
    wait_until,
};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

// One test, for one cluster: two at once would be more than a small machine holds.
#[test]
fn counts_in_hdfs_survives_a_killed_mapper_and_leaves_nothing() {
    let _machine = crate::support::whole_machine();
    let cluster = Cluster::start();
    a_second_start_is_refused(&cluster);
    counts_equal_with_data_in_hdfs(&cluster);
    a_killed_mapper_is_tried_again(&cluster);
    nothing_is_left_after_the_stop(&cluster);
}

fn a_second_start_is_refused(cluster: &Cluster) {
    let refused = cluster.ask("start");
    assert_eq!(refused.status.code(), Some(1));
    let log = log_of(&refused);
    let (pid, command) = cluster
        .processes()
        .into_iter()
        .find(|(_, line)| line.contains("NameNode"))
        .expect("a NameNode");
    assert!(
        log.contains(&format!("pid {pid}")),
        "{log} names not {pid}: {command}"
    );
}

fn counts_equal_with_data_in_hdfs(cluster: &Cluster) {
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    let files = sample_data();
    let job = succeed(
        cluster.used_by(
            run_job()
                .args(["--yarn", "--combine"])
                .args(&files)
                .arg(&output),
        ),
    );
    let log = log_of(&job);
    assert_same_counts(&job_counts(&output), &count_words(&files));
    assert!(
        counter(&log, "Launched map tasks").is_some_and(|tasks| tasks >= 3),
        "{log}"
    );
    assert!(
        counter(&log, "HDFS: Number of bytes read").is_some_and(|bytes| bytes > 0),
        "{log}"
    );
}

fn a_killed_mapper_is_tried_again(cluster: &Cluster) {
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    let files = sample_data();
    // With a master that is not of the job, all of the job's mappers are followers.
    let zookeeper = ZooKeeper::start();
    let watcher = Watcher::events(&zookeeper);
    let _master = Mapper::start(&zookeeper, "standing");
    watcher.wait_for_event("claimed", "standing");
    let mapper = "wc-mapper --line-delay 3ms --timeout 500ms";
    let job = start(
        cluster.used_by(
            run_job()
                .args(["--yarn", "--zookeeper", &zookeeper.address()])
                .args(["--mapper", mapper])
                .args(&files)
                .arg(&output),
        ),
    );

    let mut victim = None;
    wait_until(
        "a mapper runs on the cluster",
        Duration::from_secs(120),
        || {
            victim = cluster
                .attempts_of("wc-mapper")
                .into_iter()
                .find(|(_, attempt)| attempt.contains("_m_"));
            victim.is_some()
        },
    );
    let (pid, attempt) = victim.expect("a mapper");
    watcher.wait_for("the mappers beat", |lines| {
        lines.iter().any(|line| line.contains("\"alive\""))
    });
    let pid = Pid::from_raw(pid.try_into().expect("a pid")).expect("a pid");
    kill_process(pid, Signal::KILL).expect("the mapper can be killed");

    let job = job.wait_with_output().expect("run-job ends");
    let log = log_of(&job);
    assert!(job.status.success(), "{log}");
    // Killed while it worked: Hadoop counted the attempt as failed and started the task's next one.
    assert!(
        log.contains(&format!("Task Id : {attempt}, Status : FAILED")),
        "{attempt} did not fail:\n{log}"
    );
    assert_eq!(counter(&log, "Failed map tasks"), Some(1), "{log}");
    // The master has said so too, and that all others, the next attempt and the reducer among them, have finished.
    let told = |event: &str| {
        watcher
            .story()
            .iter()
            .filter(|told| told.event == event)
            .count()
    };
    wait_until("all have ended", Duration::from_secs(20), || {
        told("died") + told("finished") == told("joined")
    });
    assert_eq!(
        (told("died"), told("finished")),
        (1, 4),
        "{:?}",
        watcher.story()
    );
    assert_same_counts(&job_counts(&output), &count_words(&files));
}

fn nothing_is_left_after_the_stop(cluster: &Cluster) {
    assert!(
        cluster.processes().len() >= 4,
        "four servers: {:#?}",
        cluster.processes()
    );
    let stopped = cluster.ask("stop");
    assert!(stopped.status.success(), "{}", log_of(&stopped));
    assert_eq!(cluster.processes(), []);
    assert_eq!(cluster.ask("status").status.code(), Some(1));
}
