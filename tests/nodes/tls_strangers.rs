//! Who is refused by TLS: strangers, clients that speak without it, and those that never end a handshake. Each is one line
//! in the server's log, and each client says what to do.

use std::io::{self, Read, Write};
use std::net::TcpStream;

use crate::certificates::{must, new_ca};
use crate::support::{Authority, Client, Program, SOON, ServerOfNodes, node_folder};
use crate::tls::{agent_of, agent_with, certified, said, without_certificate};
use tempfile::TempDir;

/// Files of two CAs, and servers for them.
struct Strangers {
    folder: TempDir,
    server: ServerOfNodes,
    /// Its certificate is for another name than the agents connect by.
    misnamed: ServerOfNodes,
}

impl Strangers {
    fn new() -> Self {
        let folder = TempDir::with_prefix("heartline-strangers-").expect("a temporary folder");
        let other = Authority::new(folder.path(), "other-ca");
        other.sign("of-other", "n1");
        let start = |host: &str| {
            let own = TempDir::with_prefix("heartline-nodes-").expect("a temporary folder");
            let authority = Authority::new(own.path(), "ca");
            authority.sign("ctl", host);
            authority.sign("ops", "ops");
            authority.sign("n1", "n1");
            authority.sign_until("old", "n1", 2021);
            ServerOfNodes::certified(own, &[])
        };
        Self {
            folder,
            server: start("127.0.0.1"),
            misnamed: start("ctl.hadoop.com"),
        }
    }
}

#[test]
fn each_stranger_is_refused_and_both_ends_say_why() {
    let strangers = Strangers::new();
    let Strangers {
        folder,
        server,
        misnamed,
    } = &strangers;
    let own = |name: &str| server.folder_path().join(name);
    let [ca, n1] = ["ca.pem", "n1.pem"].map(own);
    let [other_ca, of_other] =
        ["other-ca.pem", "of-other.pem"].map(|name| folder.path().join(name));
    let node = node_folder("");
    for (of, files, agent_says, server_says) in [
        (
            server,
            [&ca, &of_other],
            "it refuses the certificate of --tls-cert: its --tls-ca must have the CA that signed it",
            "is refused: it has a certificate that no CA in --tls-ca ",
        ),
        (
            server,
            [&other_ca, &n1],
            "it has a certificate that no CA in --tls-ca ",
            "is refused: it does not trust this server: its --tls-ca must have the CA",
        ),
        (
            server,
            [&ca, &own("old.pem")],
            "it refuses the certificate of --tls-cert, which has expired: renew it",
            "is refused: it has a certificate that has expired: renew it there",
        ),
        (
            misnamed,
            [
                &misnamed.folder_path().join("ca.pem"),
                &misnamed.folder_path().join("n1.pem"),
            ],
            "it has a certificate for other names: connect by one of them (",
            "is refused: it does not accept this server's certificate, which must be for the name",
        ),
    ] {
        let agent = agent_with(of, &node, "n1", files.map(|path| &**path));
        agent.wait_for(agent_says);
        of.log().wait_for(server_says);
    }
    assert!(server.list().is_empty());

    let mut bare = without_certificate(server);
    let mut answer = [0];
    let why = bare
        .write_all(b"{}")
        .and_then(|()| bare.read_exact(&mut answer));
    let why = why.expect_err("it has no certificate").to_string();
    assert!(why.contains("CertificateRequired"), "{why}");
    server
        .log()
        .wait_for("is refused: it has no certificate: start it with --tls-ca");
}

#[test]
fn tls_and_no_tls_are_told_apart_at_both_ends() {
    let server = certified(&[]);
    let bare = ServerOfNodes::bare(&[]);
    let folder = node_folder("");
    let mut agent = server.agent_command(folder.path(), &["--role", "slave", "--hostname", "n1"]);
    agent.env_remove("HEARTLINE_NODES_TLS_CA");
    agent.env_remove("HEARTLINE_NODES_TLS_CERT");
    let agent = Program::start(&mut agent);
    let why = "this server speaks TLS only: pass --tls-ca, --tls-cert and --tls-key";
    agent.wait_for(why);
    server.log().wait_for(why);

    let [ca, own] = ["ca.pem", "n1.pem"].map(|name| server.folder_path().join(name));
    let agent = agent_with(&bare, &folder, "n1", [&ca, &own]);
    agent.wait_for(
        "it does not speak TLS: leave out --tls-ca, --tls-cert and --tls-key, or start the server",
    );
    bare.log()
        .wait_for("is refused: it speaks TLS, and this server does not: start the server with");

    let mut other = Client::of(&server);
    other.send(b"GET / HTTP/1.1\r\n\r\n");
    server
        .log()
        .wait_for("is refused: it does not speak TLS: start it with --tls-ca");
}

#[test]
fn handshakes_that_stand_still_keep_nobody_out() {
    let server = certified(&["--connections-per-address", "300"]);
    let silent: Vec<TcpStream> = (0..200)
        .map(|_| TcpStream::connect(server.address).expect("it listens"))
        .collect();
    // Half a handshake: a record that never comes to its end.
    for mut stream in &silent[100..] {
        stream.write_all(&[0x16, 3, 1, 2, 0, 1]).expect("sent");
    }
    let folder = node_folder("");
    let agent = agent_of(&server, &folder, "n1", "n1.pem");
    agent.wait_for("n1 is slave now");
    server
        .log()
        .wait_for("is refused: no handshake by TLS within 2s");
    for mut stream in silent {
        stream.set_read_timeout(Some(SOON)).expect("a limit");
        let read = stream.read(&mut [0]);
        assert!(!matches!(&read, Ok(1..)), "{read:?}");
        let is_late = |why: &io::Error| why.kind() == io::ErrorKind::WouldBlock;
        assert!(!read.is_err_and(|why| is_late(&why)), "it is still open");
    }
    assert!(
        !agent
            .lines()
            .iter()
            .any(|line| line.contains("trying again"))
    );
}

/// Options that do not fit together, and what is said of them.
fn misfits<'a>(ca: &'a str, own: &'a str) -> Vec<(Vec<&'a str>, &'static str)> {
    let server = ["server", "--listen", "127.0.0.1:0", "--state", "/proc/no"];
    vec![
        (vec!["list", "--tls-cert", own], "--tls-cert needs --tls-ca"),
        (vec!["list", "--tls-ca", ca], "--tls-ca needs --tls-cert"),
        (
            vec!["list", "--tls-key", own],
            "--tls-key needs --tls-cert and --tls-ca",
        ),
        (vec!["list", "--tls-ca", ca, "--tls-cert", ca], "--tls-cert"),
        (
            vec!["list", "--tls-ca", "/proc/no", "--tls-cert", own],
            "--tls-ca /proc/no cannot be read",
        ),
        (
            vec![
                "list",
                "--tls-ca",
                ca,
                "--tls-cert",
                own,
                "--insecure-seed-protocol",
            ],
            "does not go with --tls-ca",
        ),
        (
            [&server[..], &["--tls-ca", ca, "--tls-cert", own]].concat(),
            "n1.pem is not for servers; issue it with",
        ),
        (
            vec!["list", "--server", "ctl"],
            "or certificates with --tls-ca and --tls-cert",
        ),
        (
            [&server[..], &["--operator", "ops"]].concat(),
            "--operator is the name of a certificate",
        ),
        (
            [&server[..], &["--tls-ca", ca, "--tls-cert", "/proc/no"]].concat(),
            "--tls-cert /proc/no cannot be read",
        ),
        (
            vec!["server", "--listen", "0.0.0.0:0"],
            "or certificates with --tls-ca and --tls-cert",
        ),
    ]
}

#[test]
fn options_of_tls_that_do_not_fit_are_refused_at_once() {
    let folder = new_ca();
    must(folder.path(), &["issue", "n1"]);
    let at = |name: &str| {
        folder
            .path()
            .join(name)
            .to_str()
            .expect("a path")
            .to_owned()
    };
    let [ca, own] = ["ca.pem", "n1.pem"].map(at);
    for (words, why) in misfits(&ca, &own) {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_heartline"));
        let output = command.arg("nodes").args(&words).timeout(SOON).output();
        let output = output.expect("it ends");
        assert!(said(&output).contains(why), "{words:?}: {}", said(&output));
        assert_eq!(
            output.status.code(),
            Some(2),
            "{words:?}: {}",
            said(&output)
        );
    }
}
