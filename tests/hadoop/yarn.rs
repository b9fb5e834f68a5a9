//! The word count as a real streaming job on a one-machine YARN, with its data in HDFS; and a job of mrjob there.

use std::time::Duration;

use super::mrjob::{a_hung_mapper_of_a_job_of_two_steps_is_tried_again, python_with_mrjob};
use crate::support::left_out::{self, leave_out};
use crate::support::{
    Described, Mapper, Watcher, ZooKeeper,
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
    let cluster = Described::sample("loopback", "one-machine");
    cluster.up();
    counts_equal_with_data_in_hdfs(&cluster);
    a_killed_mapper_is_tried_again(&cluster);
    let mrjob = python_with_mrjob();
    if let Ok(python) = &mrjob {
        a_hung_mapper_of_a_job_of_two_steps_is_tried_again(python, &cluster);
    }
    cluster.down();
    assert_eq!(cluster.tasks(), []);
    if let Err(why) = mrjob {
        leave_out!("mrjob cannot be had: {why}");
    }
}

fn counts_equal_with_data_in_hdfs(cluster: &Described) {
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    let files = sample_data();
    let job = succeed(
        run_job()
            .arg("--cluster")
            .arg(cluster.file())
            .arg("--combine")
            .args(&files)
            .arg(&output),
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

fn a_killed_mapper_is_tried_again(cluster: &Described) {
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
        run_job()
            .arg("--cluster")
            .arg(cluster.file())
            .args(["--zookeeper", &zookeeper.address(), "--mapper", mapper])
            .args(&files)
            .arg(&output),
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
    // The master has reported it too, and that all others, with the next attempt and the reducer, have finished.
    let count_of = |event: &str| {
        watcher
            .story()
            .iter()
            .filter(|logged| logged.event == event)
            .count()
    };
    wait_until("all have ended", Duration::from_secs(20), || {
        count_of("died") + count_of("finished") == count_of("joined")
    });
    assert_eq!(
        (count_of("died"), count_of("finished")),
        (1, 4),
        "{:?}",
        watcher.story()
    );
    assert_same_counts(&job_counts(&output), &count_words(&files));
}
