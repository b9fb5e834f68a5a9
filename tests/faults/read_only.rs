//! A member does not use a server that is cut off from its ensemble and serves only reads: the words
//! are right, one line names the problem, and beats go on when the quorum is back.

use crate::support;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Ensemble, Job, Mapper, SOON, wait_until};

#[test]
fn a_read_only_server_is_no_zookeeper_until_the_quorum_returns() {
    let mut ensemble = Ensemble::with_read_only_mode();
    let survivor = ensemble.followers()[0];
    // All members know only this server.
    let address = ensemble.address_of(survivor);
    let options = ["--session-timeout", "4s"];
    let mut job = Job::start(&address, 3, &options);
    job.feed("a ");
    let lost = (0..support::SERVERS).filter(|server| *server != survivor);
    let lost: Vec<usize> = lost.collect();
    for &server in &lost {
        ensemble.kill(server);
    }
    wait_until("the last server is read-only", SOON, || {
        ensemble.mode(survivor) == "read-only"
    });

    // A member that starts now.
    let mut newcomer = Mapper::with_options(&address, &[]);
    newcomer.feed(b"a ");
    job.feed("b ");
    sleep(Duration::from_secs(3));
    newcomer.feed(b"a");
    let newcomer = newcomer.finish();
    assert_eq!(
        (newcomer.status(), newcomer.stdout()),
        (0, "a\t1\na\t1\n".to_owned())
    );
    assert_says_what_is_off(&newcomer.stderr());
    // And a member that requires ZooKeeper.
    let strict = Mapper::with_options(&address, &["--require-zookeeper"]).wait();
    assert_eq!((strict.status(), strict.stdout()), (1, String::new()));
    assert_says_what_is_off(&strict.stderr());

    for server in lost {
        ensemble.restart(server);
    }
    ensemble.wait_until_whole();
    let took = job.wait_until_all_beat(Instant::now());
    println!("all beat {took:?} after the server was one of an ensemble again");
    job.feed("c\n");
    job.assert_unharmed();
    for said in job.finish() {
        assert_says_what_is_off(&said);
    }
}

fn assert_says_what_is_off(said: &str) {
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("without a quorum"), "{said}");
}
