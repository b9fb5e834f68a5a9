//! An ensemble of three that loses its leader, or its quorum, and gets it back: no member is declared dead, there are
//! never two masters, and the words are right.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Ensemble, Job};

/// How long the quorum is lost: longer than a follower's timeout, shorter than a session.
const OUTAGE: Duration = Duration::from_secs(3);

// One test, for one ensemble: three servers are more than enough for a small machine.
#[test]
fn an_ensemble_that_loses_servers_kills_nobody() {
    let mut ensemble = Ensemble::start();
    the_leader_is_killed(&mut ensemble);
    the_quorum_is_killed(&mut ensemble);
    the_quorum_is_stopped(&ensemble);
}

fn the_leader_is_killed(ensemble: &mut Ensemble) {
    let mut job = start(ensemble, "/leader-killed");
    let leader = ensemble.leader();
    ensemble.kill(leader);
    job.feed("b c ");
    assert_ne!(ensemble.leader(), leader);
    go_on(ensemble, job, "the leader was killed");
    ensemble.restart(leader);
    ensemble.wait_until_whole();
}

fn the_quorum_is_killed(ensemble: &mut Ensemble) {
    let mut job = start(ensemble, "/quorum-killed");
    let lost = [ensemble.leader(), ensemble.followers()[0]];
    for server in lost {
        ensemble.kill(server);
    }
    job.feed("b c ");
    sleep(OUTAGE);
    for server in lost {
        ensemble.restart(server);
    }
    go_on(ensemble, job, "two of three were killed");
    ensemble.wait_until_whole();
}

fn the_quorum_is_stopped(ensemble: &Ensemble) {
    let mut job = start(ensemble, "/quorum-stopped");
    let lost = [ensemble.leader(), ensemble.followers()[0]];
    for server in lost {
        ensemble.pause(server);
    }
    job.feed("b c ");
    sleep(OUTAGE);
    for server in lost {
        ensemble.resume(server);
    }
    go_on(ensemble, job, "two of three were stopped");
}

fn start(ensemble: &Ensemble, chroot: &str) -> Job {
    let mut job = Job::start(&(ensemble.address() + chroot), 4, &[]);
    job.feed("a ");
    job
}

/// Checks that all members beat as soon as there is a quorum again, that none was declared dead, and that the words are
/// right.
fn go_on(ensemble: &Ensemble, mut job: Job, what: &str) {
    ensemble.leader();
    let took = job.wait_until_all_beat(Instant::now());
    println!("{what}: all beat {took:?} after there was a quorum again");
    job.feed("d\n");
    job.assert_unharmed();
    for said in job.finish() {
        assert!(said.lines().count() <= 1, "{said}");
    }
}

#[test]
fn who_joins_while_the_leader_dies_is_not_declared_dead() {
    let mut ensemble = Ensemble::start();
    for round in 0..12 {
        let chroot = format!("/joining-{round}");
        let address = ensemble.address() + &chroot;
        let mut job = Job::start(&address, 1, &[]);
        for name in ["map2", "map3", "map4"] {
            job.join(&address, name, &[]);
        }
        sleep(Duration::from_millis(30 * round));
        let leader = ensemble.leader();
        ensemble.kill(leader);
        job.feed("b c ");
        go_on(
            &ensemble,
            job,
            &format!("the leader was killed, round {round}"),
        );
        ensemble.restart(leader);
        ensemble.wait_until_whole();
    }
}
