//! All servers are away for some time, in a job whose sessions survive that and in one whose sessions do not: no member
//! is declared dead, all beat again soon after, and the words are right. A master may be back before its followers.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::support::{Ensemble, Job, Proxy, SERVERS, ZooKeeper};

/// Two jobs on the same servers, so that one outage is enough.
struct Jobs {
    outliving: Job,
    expiring: Job,
}

impl Jobs {
    fn start(servers: &str) -> Self {
        let start = |chroot, session| {
            let options = ["--session-timeout", session];
            let mut job = Job::start(&format!("{servers}{chroot}"), 3, &options);
            job.feed("a ");
            job
        };
        Self {
            // A client notices a silent server after 2/5 of its session timeout, a tick of 1/20 and a diagnosis of a
            // few seconds: well within the outage.
            outliving: start("/outliving", "45s"),
            expiring: start("/expiring", "10s"),
        }
    }

    /// Feeds words while no server answers.
    fn go_without(&mut self, outage: Duration) {
        sleep(outage / 2);
        self.outliving.feed("b ");
        self.expiring.feed("b ");
        sleep(outage / 2);
    }

    /// Checks that the jobs go on after `ZooKeeper` is back.
    fn go_on(self, what: &str) {
        let begin = Instant::now();
        let all = [(&self.outliving, "outlive"), (&self.expiring, "expire in")];
        scope(|scope| {
            for (job, sessions) in all {
                scope.spawn(move || {
                    let took = job.wait_until_all_beat(begin);
                    println!("{what}; sessions {sessions} the outage: all beat {took:?} after it");
                });
            }
        });
        for mut job in [self.outliving, self.expiring] {
            job.feed("c\n");
            job.assert_unharmed();
            for said in job.finish() {
                assert_eq!(said.lines().count(), 1, "one line says what is off: {said}");
            }
        }
    }
}

#[test]
fn every_server_is_stopped_for_thirty_seconds() {
    let ensemble = Ensemble::start();
    let mut jobs = Jobs::start(&ensemble.address());
    for server in 0..SERVERS {
        ensemble.pause(server);
    }
    jobs.go_without(Duration::from_secs(30));
    let resumed = Instant::now();
    for server in 0..SERVERS {
        ensemble.resume(server);
    }
    ensemble.leader();
    println!("a leader {:?} after the servers went on", resumed.elapsed());
    jobs.go_on("three servers stopped for 30 s");
}

#[test]
fn a_master_that_is_back_first_waits_for_its_followers() {
    let mut zookeeper = ZooKeeper::with_settings(&["tickTime=500"]);
    let proxy = Proxy::before(&zookeeper.address());
    let options = ["--session-timeout", "9s"];
    let mut job = Job::start(&zookeeper.address(), 1, &options);
    job.join(&proxy.address(), "map2", &options);
    job.watcher().wait_for_event("alive", "map2");
    proxy.cut();
    zookeeper.kill();
    job.feed("a ");
    zookeeper.restart();
    let took = job.wait_until_master_beats(Instant::now());
    println!("the only server killed: the master beats {took:?} after its return");
    // Longer than a living follower may be silent.
    sleep(Duration::from_millis(1500));
    proxy.restore();
    job.wait_until_all_beat(Instant::now());
    job.feed("b\n");
    job.assert_unharmed();
    job.finish();
}

#[test]
fn the_only_server_is_killed_and_comes_back_after_thirty_seconds() {
    let outage = Duration::from_secs(30);
    let mut zookeeper = ZooKeeper::with_settings(&["tickTime=500", "maxSessionTimeout=120000"]);
    let mut jobs = Jobs::start(&zookeeper.address());
    zookeeper.kill();
    jobs.go_without(outage);
    zookeeper.restart();
    jobs.go_on(&format!("a server killed, away for {outage:?}"));
}
