//! An ensemble of three with TLS and SASL for clients and between its servers, and no session without credentials: what a
//! stranger is refused there, and who members are after their sessions have expired.

use std::collections::BTreeSet;
use std::io::Read;
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use super::orders::{assert_requests_are_refused, assert_tools_are_refused};
use super::{HEARTLINE, JOB, SETUP, act_by, complaint, events, mapper, run, succeed, text_of};
use crate::support::{
    Mapper, PASSWORD, SERVERS, SOON, SecuredEnsemble, assert_closed, visit_as, wait_until,
};
use heartline::coordination::{Security, TlsClient};

/// Far shorter than the servers are stopped.
const SESSION: &str = "5s";
const STOPPED: Duration = Duration::from_secs(11);

#[test]
fn strangers_are_refused_and_members_return_with_their_identity() {
    let secured = SecuredEnsemble::start();
    let address = secured.tls_address();
    let (job, tls) = (secured.files.sasl("job"), secured.files.tls());
    let options = [job.as_str(), &tls, "--session-timeout", SESSION];
    let watcher = events(&address, &[&job, &tls]);
    let mut master = mapper(&address, "map1", &options);
    watcher.wait_for_event("claimed", "map1");
    let mut follower = mapper(&address, "map2", &options);
    watcher.wait_for_event("joined", "map2");

    servers_speak_tls_among_themselves(&secured);
    refuses_anonymous_sessions(&secured);
    refuses_another_identity(&secured);
    assert!(master.is_running() && follower.is_running());
    returns_after_an_expiry(&secured, [&mut master, &mut follower]);

    let kill = ["kill", "map2", "--zookeeper", &address, JOB, &job, &tls];
    // Whoever is master now may have begun just now.
    wait_until("the order is obeyed", SOON, || {
        run(HEARTLINE, &kill).status.success() || !follower.is_running()
    });
    let ended = follower.wait();
    assert_eq!(ended.status(), 1);
    let why = ended.stderr();
    assert!(why.contains("kill-task: by an operator\n"), "{why}");
    master.feed(b"one two\n");
    let ended = master.finish();
    let output = (ended.status(), ended.stdout());
    assert_eq!(output, (0, "one\t1\ntwo\t1\n".to_owned()));
}

/// Where the servers vote, a handshake is made with their certificate, and refused without one.
fn servers_speak_tls_among_themselves(secured: &SecuredEnsemble) {
    let own = secured.files.security_of_servers();
    let nameless = Security {
        certificate: None,
        ..own.clone()
    };
    for address in secured.ensemble.election_addresses() {
        let stream = |security: &Security| {
            let client = TlsClient::load(security).expect("the files are there");
            let socket = TcpStream::connect(&address).expect("the server runs");
            socket.set_read_timeout(Some(SOON)).expect("a limit");
            let stream = client.expect("a CA").stream("127.0.0.1", socket);
            stream.expect("an address")
        };
        let mut known = stream(&own);
        let made = known.conn.complete_io(&mut known.sock);
        made.unwrap_or_else(|error| panic!("{address}: {error}"));
        let mut stranger = stream(&nameless);
        let made = stranger.conn.complete_io(&mut stranger.sock);
        // With TLS 1.3 the refusal comes after the handshake.
        let refused = made.and_then(|_| stranger.read(&mut [0; 64])).err();
        let why = format!("{refused:?}");
        assert!(why.contains("AlertReceived"), "{address}: {why}");
    }
}

/// By TLS, and on the port without it.
fn refuses_anonymous_sessions(secured: &SecuredEnsemble) {
    let tls = secured.files.tls();
    let (by_tls, plain) = (secured.tls_address(), secured.ensemble.address());
    for (address, options) in [(&by_tls, &[tls.as_str()][..]), (&plain, &[])] {
        let words = [&["--zookeeper", address, JOB], options].concat();
        for (program, action) in [
            (SETUP, &[][..]),
            (HEARTLINE, &["status"]),
            (HEARTLINE, &["kill", "map2"]),
        ] {
            let why = complaint(program, &[action, &words].concat());
            assert!(
                why.contains("refuses a session without credentials"),
                "{why}"
            );
        }
        let mut stranger = mapper(address, "map2", options);
        stranger.feed(b"one\n");
        let ended = stranger.finish();
        assert_eq!((ended.status(), ended.stdout()), (0, "one\t1\n".to_owned()));
        let why = ended.stderr();
        assert!(
            why.contains("refuses a session without credentials"),
            "{why}"
        );
    }
}

fn refuses_another_identity(secured: &SecuredEnsemble) {
    let files = &secured.files;
    let (address, stranger, tls) = (secured.tls_address(), files.sasl("stranger"), files.tls());
    assert_tools_are_refused(&address, &[&stranger, &tls]);
    let sasl = zookeeper_client::SaslOptions::digest_md5("stranger", format!("stranger{PASSWORD}"));
    let connector = zookeeper_client::Client::connector().with_sasl(sasl);
    act_by(
        connector,
        &secured.ensemble.address(),
        assert_requests_are_refused,
    );
    // What is private is not even read.
    let place = ["--zookeeper", &address, "--namespace=/private", &tls];
    let job = files.sasl("job");
    succeed(SETUP, &[&place[..], &[&job, "--acl=private"]].concat());
    let output = run(HEARTLINE, &[&["status"], &place[..], &[&stranger]].concat());
    let why = text_of(&output.stdout) + &text_of(&output.stderr);
    assert!(why.contains("may not "), "{why}");
}

/// All servers stop for longer than the sessions last.
fn returns_after_an_expiry(secured: &SecuredEnsemble, members: [&mut Mapper; 2]) {
    let mut before = sessions(secured);
    wait_until("both stand in line", SOON, || {
        before = sessions(secured);
        before.len() == 2
    });
    for server in 0..SERVERS {
        secured.ensemble.pause(server);
    }
    sleep(STOPPED);
    for server in 0..SERVERS {
        secured.ensemble.resume(server);
    }
    secured.ensemble.wait_until_whole();
    wait_until("both stand in line by new sessions", SOON, || {
        let now = sessions(secured);
        now.len() == 2 && now.is_disjoint(&before)
    });
    for member in members {
        assert!(member.is_running());
    }
}

/// The sessions that have a claim. The ACLs of all znodes of the job are checked.
fn sessions(secured: &SecuredEnsemble) -> BTreeSet<i64> {
    let security = secured.files.security("job");
    let sessions = visit_as(&security, &secured.tls_address(), async |session| {
        let mut sessions = BTreeSet::new();
        for path in assert_closed(session, "/job", "sasl:job").await {
            if path.contains("heart_beat_master/") {
                sessions.extend(session.owner(&path).await.expect("readable"));
            }
        }
        sessions
    });
    // An ensemble that has just come back may not answer yet.
    sessions.unwrap_or_default()
}
