//! A word count with heartbeats on YARN over HDFS goes on when the active `NameNode`, the active `ResourceManager`, and the
//! leader of the ensemble are killed under it: one in each run, then all in one. The output is right each time, and no
//! live mapper is declared dead. Each failover's duration is printed.

use std::io::{self, Write};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::hadoop::{
    ONE_MAPPER_A_TEXT, finish_unharmed, run_job, sample_data_of_equal_length, start,
};
use crate::support::{Described, Watcher, assert_one_master_an_epoch};
use tempfile::TempDir;

/// How long a failover may take: sessions of ten seconds, on a busy machine.
const FAILOVER: Duration = Duration::from_secs(90);

/// The part that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    NameNode,
    ResourceManager,
    Leader,
}

#[test]
fn a_job_outlives_the_active_of_everything() {
    let _machine = crate::support::whole_machine();
    // A ResourceManager's session ends after four seconds, not after Hadoop's ten.
    let sooner = "\"yarn.resourcemanager.zk-timeout-ms\" = 4000\n";
    let cluster = Described::sample_and("loopback", "three-hosts-ha", sooner);
    cluster.up();
    for victims in [
        &[Victim::NameNode][..],
        &[Victim::ResourceManager],
        &[Victim::Leader],
        &[Victim::NameNode, Victim::ResourceManager, Victim::Leader],
    ] {
        let begin = Instant::now();
        job_through(&cluster, victims);
        say(&format!(
            "{victims:?}: {:.0} s in all",
            begin.elapsed().as_secs_f64()
        ));
        // The killed part is a standby again.
        cluster.up();
    }
}

fn job_through(cluster: &Described, victims: &[Victim]) {
    let ensemble = cluster.ensemble(&[1, 2, 3]);
    let watcher = Watcher::events_of(&ensemble);
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    let files = sample_data_of_equal_length(dir.path());
    // Each text takes some seconds longer than a failover.
    let delay = if victims.contains(&Victim::ResourceManager) {
        "8ms"
    } else {
        "4ms"
    };
    let mapper = format!("wc-mapper --line-delay {delay} --interval 50ms --timeout 3s");
    let job = start(
        run_job()
            .arg("--cluster")
            .arg(cluster.file())
            .args(["--zookeeper", &ensemble, "--mapper", &mapper])
            .args(ONE_MAPPER_A_TEXT)
            .args(&files)
            .arg(&output),
    );
    // A master and a follower: before that, YARN has to start its containers.
    wait_for("two mappers beat", || {
        let story = watcher.story();
        let has = |event: &str| story.iter().any(|logged| logged.event == event);
        (has("claimed") && has("joined")).then_some(())
    });
    for &victim in victims {
        strike(cluster, victim);
    }
    let (_, story) = finish_unharmed(job, (&files, &output), &watcher);
    assert_one_master_an_epoch(&story);
}

/// Kills the active part, and waits until another is active.
fn strike(cluster: &Described, victim: Victim) {
    let active = || match victim {
        Victim::NameNode => [1, 2]
            .into_iter()
            .find(|id| cluster.namenode(*id) == "active"),
        Victim::ResourceManager => [1, 2]
            .into_iter()
            .find(|id| cluster.manager(*id) == "ACTIVE"),
        Victim::Leader => [1, 2, 3]
            .into_iter()
            .find(|id| cluster.mode(*id) == "leader"),
    };
    let role = match victim {
        Victim::NameNode => "namenode",
        Victim::ResourceManager => "resourcemanager",
        Victim::Leader => "zookeeper",
    };
    let before = wait_for(&format!("an active {role}"), active);
    cluster.kill(&format!("h{before}/{role}"));
    let killed = Instant::now();
    let after = wait_for(&format!("another active {role}"), || {
        active().filter(|host| *host != before)
    });
    let took = killed.elapsed().as_secs_f64();
    say(&format!(
        "{victim:?}: h{before} killed, h{after} active after {took:.1} s"
    ));
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + FAILOVER;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what} within {FAILOVER:?}");
        sleep(Duration::from_millis(50));
    }
}

/// Shown also when the test passes.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "failover: {line}");
}
