//! Sessions with credentials, by TLS, and znodes that are closed to others, on a real server.

mod ensemble;
mod groups;
mod orders;
mod programs;
mod words;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::Output;

use crate::support::{Authority, Mapper, PASSWORD, SOON, Secured, Watcher, ZooKeeper};

const HEARTLINE: &str = env!("CARGO_BIN_EXE_heartline");
const SETUP: &str = env!("CARGO_BIN_EXE_setup-zookeeper");
/// Every job here has a namespace of its own: the root belongs to everybody.
const JOB: &str = "--namespace=/job";

fn run(program: &str, words: &[&str]) -> Output {
    let output = assert_cmd::Command::new(program)
        .args(words)
        .timeout(SOON)
        .output()
        .expect("it runs");
    for text in [&output.stdout, &output.stderr] {
        assert!(!text_of(text).contains(PASSWORD), "{}", text_of(text));
    }
    output
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What the program complains about; it must fail.
fn complaint(program: &str, words: &[&str]) -> String {
    let output = run(program, words);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    text_of(&output.stderr)
}

fn succeed(program: &str, words: &[&str]) -> String {
    let output = run(program, words);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    text_of(&output.stdout)
}

fn mapper(address: &str, name: &str, more: &[&str]) -> Mapper {
    let options = ["--name", name, "--timeout", "500ms", JOB];
    Mapper::with_options(address, &[&options, more].concat())
}

fn events(address: &str, more: &[&str]) -> Watcher {
    let options = ["events", "--zookeeper", address, JOB];
    Watcher::start(HEARTLINE, &[&options, more].concat())
}

/// Sends the server commands of `zkCli`-like form by a session of this user of the scheme `digest`.
fn act<T>(
    zookeeper: &ZooKeeper,
    auth: Option<&str>,
    act: impl AsyncFnOnce(&zookeeper_client::Client) -> T,
) -> T {
    let mut connector = zookeeper_client::Client::connector();
    if let Some(auth) = auth {
        connector = connector.with_auth("digest", auth.as_bytes());
    }
    act_by(connector, &zookeeper.address(), act)
}

/// The same with a session of any kind.
fn act_by<T>(
    connector: zookeeper_client::Connector,
    address: &str,
    act: impl AsyncFnOnce(&zookeeper_client::Client) -> T,
) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = connector.connect(address).await;
        act(&client.expect("the server answers")).await
    })
}

#[test]
fn a_job_with_an_identity_runs_by_tls_and_obeys_its_own_operator() {
    let secured = Secured::start(&["sessionRequireClientSASLAuth=true"]);
    let address = secured.tls_address();
    let tls = format!("--zookeeper-tls={}", secured.files.authority.certificate());
    let job = secured.files.sasl("job");
    let options = [job.as_str(), &tls];
    succeed(SETUP, &["--zookeeper", &address, JOB, &job, &tls]);
    let watcher = events(&address, &options);
    let master = mapper(&address, "map1", &options);
    watcher.wait_for_event("claimed", "map1");
    let follower = mapper(&address, "map2", &options);
    watcher.wait_for_event("joined", "map2");
    let status = ["status", "--zookeeper", &address, JOB, &job, &tls];
    let status = succeed(HEARTLINE, &status);
    assert!(
        status.contains("map1") && status.contains("map2"),
        "{status}"
    );
    let kill = ["kill", "map2", "--zookeeper", &address, JOB, &job, &tls];
    succeed(HEARTLINE, &kill);
    let ended = follower.wait();
    assert_eq!(ended.status(), 1);
    let why = ended.stderr();
    assert!(why.contains("kill-task: by an operator\n"), "{why}");
    // A master obeys too: it knows who it is by its claim.
    let kill = ["kill", "map1", "--zookeeper", &address, JOB, &job, &tls];
    succeed(HEARTLINE, &kill);
    assert_eq!(master.wait().status(), 1);
}

#[test]
fn who_is_refused_does_its_work_and_says_what_to_do() {
    let secured = Secured::start(&["sessionRequireClientSASLAuth=true"]);
    let address = secured.zookeeper.address();
    let wrong = format!(
        "--zookeeper-sasl=digest-md5:{}",
        secured.files.credentials("job", "stranger")
    );
    for (option, says) in [
        ("--acl=world", "refuses a session without credentials"),
        (wrong.as_str(), "refuses the user job of --zookeeper-sasl"),
    ] {
        let mut mapper = mapper(&address, "map1", &[option]);
        mapper.feed(b"one two\n");
        let ended = mapper.finish();
        assert_eq!(
            (ended.status(), ended.stdout().as_str()),
            (0, "one\t1\ntwo\t1\n")
        );
        let why = ended.stderr();
        assert!(why.contains(says) && !why.contains(PASSWORD), "{why}");
        let why = complaint(SETUP, &["--zookeeper", &address, JOB, option]);
        assert!(why.contains(says), "{why}");
    }
}

#[test]
fn a_file_of_credentials_that_is_of_no_use_is_told() {
    let secured = Secured::start(&[]);
    let address = secured.zookeeper.address();
    let file = secured.files.credentials("job", "job");
    fs::set_permissions(&file, Permissions::from_mode(0o644)).expect("its owner");
    let open = format!("--zookeeper-sasl=digest-md5:{file}");
    let none = format!(
        "--zookeeper-auth=digest:{}",
        secured.files.folder().join("none").display()
    );
    for (option, says) in [(open, "do: chmod 600 /"), (none, "cannot be read: ")] {
        let why = complaint(SETUP, &["--zookeeper", &address, JOB, &option]);
        assert!(why.contains(says), "{why}");
        let mut mapper = mapper(&address, "map1", &[&option]);
        mapper.feed(b"one\n");
        let ended = mapper.finish();
        assert_eq!((ended.status(), ended.stdout().as_str()), (0, "one\t1\n"));
        assert!(ended.stderr().contains(says), "{}", ended.stderr());
    }
    for wrong in [
        "--zookeeper-sasl=plain:/f",
        "--zookeeper-auth=job:word",
        "--acl=none",
    ] {
        let output = run(SETUP, &["--zookeeper", &address, wrong]);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
    let output = run(SETUP, &["--zookeeper", &address, "--acl=private"]);
    assert!(
        text_of(&output.stderr).contains("--acl needs an identity"),
        "{output:?}"
    );
}

#[test]
fn what_is_wrong_with_tls_is_told() {
    let secured = Secured::start(&[]);
    let other = Authority::new(secured.files.folder(), "other-ca");
    let (plain, tls) = (secured.zookeeper.address(), secured.tls_address());
    let own = format!("--zookeeper-tls={}", secured.files.authority.certificate());
    let foreign = format!("--zookeeper-tls={}", other.certificate());
    let signed = format!("--zookeeper-tls-cert={}", other.sign("client", "client"));
    let named = tls.replace("127.0.0.1", "localhost");
    for (words, says) in [
        (vec![tls.as_str(), &foreign], "no CA in --zookeeper-tls /"),
        (
            vec![named.as_str(), &own],
            "has a certificate for other names",
        ),
        (vec![plain.as_str(), &own], "name its secureClientPort"),
        (
            vec![tls.as_str()],
            "asks for TLS: give its CA by --zookeeper-tls",
        ),
        (
            vec![tls.as_str(), &own, &signed],
            "refuses the certificate of --zookeeper-tls-cert",
        ),
        (
            vec![tls.as_str(), "--zookeeper-tls=/none"],
            "--zookeeper-tls /none cannot be read",
        ),
    ] {
        let why = complaint(SETUP, &[&["--zookeeper"], &words[..], &[JOB]].concat());
        assert!(why.contains(says), "{words:?}: {why}");
    }
    succeed(SETUP, &["--zookeeper", &tls, JOB, &own]);
    let certificate = format!(
        "--zookeeper-tls-cert={}",
        secured.files.authority.sign("job", "job.example")
    );
    succeed(
        SETUP,
        &[
            "--zookeeper",
            &tls,
            "--namespace=/by-certificate",
            &own,
            &certificate,
        ],
    );
    let acl = act(&secured.zookeeper, None, async |client| {
        client.get_acl("/by-certificate/heart_beat_control").await
    });
    let acl = format!("{acl:?}");
    assert!(acl.contains("x509") && acl.contains("CN=job"), "{acl}");
}

#[test]
fn an_expired_certificate_is_told() {
    let mut secured = Secured::start(&[]);
    secured
        .files
        .authority
        .sign_until("server", "127.0.0.1", 2021);
    secured.restart();
    let own = format!("--zookeeper-tls={}", secured.files.authority.certificate());
    let why = complaint(SETUP, &["--zookeeper", &secured.tls_address(), &own]);
    assert!(
        why.contains("has a certificate that has expired: renew it"),
        "{why}"
    );
}
