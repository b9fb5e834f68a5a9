//! A real streaming job whose ensemble loses its leader in the middle counts the same.

use std::collections::BTreeSet;

use crate::support::{
    Ensemble, Watcher, assert_one_master_an_epoch,
    hadoop::{finish_unharmed, run_job, sample_data, start},
};
use tempfile::TempDir;

#[test]
fn counts_the_same_when_the_leader_is_killed_in_the_middle() {
    let _machine = crate::support::whole_machine();
    let mut ensemble = Ensemble::start();
    let watcher = Watcher::events_of(&ensemble.address());
    let dir = TempDir::new().expect("a temporary folder");
    let output = dir.path().join("output");
    let files = sample_data();
    // The shortest of the texts takes some seconds.
    let mapper = "wc-mapper --line-delay 2500us --interval 20ms --timeout 1s";
    let job = start(
        run_job()
            .args(["--zookeeper", &ensemble.address(), "--mapper", mapper])
            .args(&files)
            .arg(&output),
    );
    // A master and two followers.
    watcher.wait_for("all three are members", |_| beating(&watcher).len() == 2);
    ensemble.kill(ensemble.leader());
    // In the middle of the job: the mappers go on once there is another leader.
    ensemble.leader();
    let before = watcher.lines().len();
    watcher.wait_for("beats after it", |lines| {
        let alive = lines[before..]
            .iter()
            .filter(|line| line.contains("\"alive\""));
        alive.count() > 3
    });

    let (_, story) = finish_unharmed(job, (&files, &output), &watcher);
    assert_one_master_an_epoch(&story);
}

/// The members whose beats were reported.
fn beating(watcher: &Watcher) -> BTreeSet<String> {
    let events = watcher.all_events().into_iter();
    events
        .filter(|logged| logged.event == "alive")
        .map(|logged| logged.node)
        .collect()
}
