//! Servers and agents by TLS, each with a certificate: who may be whom, and renewal while all run.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::certificates::{must, new_ca};
use crate::support::{
    Client, KEYS, Program, SOON, ServerOfNodes, node, node_folder, wait_until, write_secret,
};
use rcgen::{CertificateParams, Issuer, KeyPair};
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

/// The first certificate in a file.
pub(crate) fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).expect("a certificate")
}

/// A client of this server that shows no certificate, but checks the server's.
pub(crate) fn without_certificate(
    server: &ServerOfNodes,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    let ca = certificate(&server.folder_path().join("ca.pem"));
    roots.add(ca).expect("a CA");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").expect("an address");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a client");
    let stream = TcpStream::connect(server.address).expect("it listens");
    stream.set_read_timeout(Some(SOON)).expect("a limit");
    StreamOwned::new(connection, stream)
}

/// The certificate that the server shows now.
fn shown_by(server: &ServerOfNodes) -> CertificateDer<'static> {
    let mut client = without_certificate(server);
    let _ = client.write_all(b"{}");
    let chain = client.conn.peer_certificates().expect("a certificate");
    chain[0].clone().into_owned()
}

/// A CA and a server of the names that the tests have.
pub(crate) fn certified(options: &[&str]) -> ServerOfNodes {
    let folder = new_ca();
    for words in [
        &["issue", "ctl", "--server", "--ip", "127.0.0.1"][..],
        &["issue", "ops"],
        &["issue", "n1"],
        &["issue", "n2"],
    ] {
        must(folder.path(), words);
    }
    ServerOfNodes::certified(folder, &[&["--operator", "ops"], options].concat())
}

/// An agent that shows this certificate, and trusts this CA.
pub(crate) fn agent_with(
    server: &ServerOfNodes,
    folder: &TempDir,
    name: &str,
    [ca, own]: [&Path; 2],
) -> Program {
    let mut command = server.agent_command(folder.path(), &["--role", "slave"]);
    let ip = format!("127.0.1.{}", name.trim_start_matches('n'));
    command.args(["--hostname", name, "--ip", &ip, "--interval", "200ms"]);
    command.env_remove("HEARTLINE_NODES_TLS_CA");
    command.env_remove("HEARTLINE_NODES_TLS_CERT");
    Program::start(command.arg("--tls-ca").arg(ca).arg("--tls-cert").arg(own))
}

/// An agent with a certificate of the server's CA.
pub(crate) fn agent_of(server: &ServerOfNodes, folder: &TempDir, name: &str, own: &str) -> Program {
    let at = |file: &str| server.folder_path().join(file);
    agent_with(server, folder, name, [&at("ca.pem"), &at(own)])
}

pub(crate) fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_node_registers_under_the_name_of_its_certificate_and_no_other() {
    let server = certified(&[]);
    let folders = [node_folder(""), node_folder(""), node_folder("")];
    let first = agent_of(&server, &folders[0], "n1", "n1.pem");
    first.wait_for("n1 is slave now");
    first.wait_for("hosts is written");
    let state = fs::read_to_string(server.state()).expect("there");
    assert!(state.contains("\"proven\":true"), "{state}");

    let thief = agent_of(&server, &folders[1], "n2", "n1.pem");
    let why = "hostname n2 is not in the certificate, which is for n1; issue one for n2";
    thief.wait_for(why);
    server.log().wait_for(why);
    assert_eq!(server.list().len(), 1);
    drop(thief);
    let second = agent_of(&server, &folders[2], "n2", "n2.pem");
    second.wait_for("n2 is slave now");
    server.wait_for_verdict("n2", "alive");

    // A node forgets none but itself; an operator every one.
    let ca = server.folder_path().join("ca.pem");
    let forget = |name: &str, own: &str| {
        let own = server.folder_path().join(own);
        let [ca, own] = [&ca, &own].map(|path| path.to_str().expect("a path"));
        server.asked(&["forget", name, "--force", "--tls-ca", ca, "--tls-cert", own])
    };
    let refused = forget("n2", "n1.pem");
    assert_eq!(refused.status.code(), Some(1));
    let why = "n2 is forgotten by itself or an --operator of the server";
    assert!(said(&refused).contains(why), "{}", said(&refused));
    assert_eq!(server.list().len(), 2);
    drop((first, second));
    for (name, own) in [("n1", "n1.pem"), ("n2", "ops.pem")] {
        let forgotten = forget(name, own);
        assert!(forgotten.status.success(), "{forgotten:?}");
    }
    assert!(server.list().is_empty());
}

#[test]
fn certificates_are_renewed_while_all_run() {
    let mut server = certified(&[]);
    let folders = [node_folder(""), node_folder("")];
    let first = agent_of(&server, &folders[0], "n1", "n1.pem");
    first.wait_for("n1 is slave now");
    let folder = server.folder_path().to_owned();
    let before = shown_by(&server);
    assert_eq!(before, certificate(&folder.join("ctl.pem")));
    must(&folder, &["renew", "ctl"]);
    server.log().wait_for("the certificates are read again");
    wait_until("the new one is shown", SOON, || shown_by(&server) != before);
    assert_eq!(shown_by(&server), certificate(&folder.join("ctl.pem")));

    // Another CA and other certificates, so that nothing from before is of any use. The connection that stands goes on.
    must(&folder, &["init", "--force"]);
    for words in [
        &["issue", "ctl", "--server", "--ip", "127.0.0.1", "--force"][..],
        &["issue", "ops", "--force"],
        &["issue", "n1", "--force"],
        &["issue", "n2", "--force"],
    ] {
        must(&folder, words);
    }
    wait_until("it is shown", SOON, || {
        shown_by_anybody(&server).is_ok_and(|shown| shown == certificate(&folder.join("ctl.pem")))
    });
    let second = agent_of(&server, &folders[1], "n2", "n2.pem");
    second.wait_for("n2 is slave now");
    server.wait_for_verdict("n1", "alive");
    assert!(
        !first
            .lines()
            .iter()
            .any(|line| line.contains("trying again"))
    );

    // The agent that began with the old ones has the new ones when it connects again.
    server.kill();
    first.wait_for("trying again");
    server.start_again();
    first.wait_for_times("n1 is slave now", 2);
    server.wait_for_verdict("n1", "alive");

    // Files of no use leave the certificates as they are.
    fs::write(folder.join("ca.pem"), "nothing").expect("written");
    server
        .log()
        .wait_for("ca.pem has no certificate in PEM; the certificates from before are used on");
    let mut client = Client::of(&server);
    client.send(&serde_json::to_vec(&node("n3", "127.0.1.3", KEYS[0])).expect("text"));
    client.wait_for("this server speaks TLS only");
}

/// The certificate that the server shows now, if the CA in its folder has signed it.
fn shown_by_anybody(server: &ServerOfNodes) -> io::Result<CertificateDer<'static>> {
    let mut client = without_certificate(server);
    client.conn.complete_io(&mut client.sock)?;
    let chain = client.conn.peer_certificates().unwrap_or_default();
    let shown = chain.first().ok_or(io::ErrorKind::NotFound)?;
    Ok(shown.clone().into_owned())
}

#[test]
fn a_secret_and_certificates_are_both_asked_for() {
    let folder = new_ca();
    let secret = write_secret(folder.path(), "a secret that all nodes of the test have");
    for words in [
        &["issue", "ctl", "--server", "--ip", "127.0.0.1"][..],
        &["issue", "n1", "--days", "9"],
    ] {
        must(folder.path(), words);
    }
    let secret = secret.to_str().expect("a path").to_owned();
    let server = ServerOfNodes::certified(folder, &["--secret-file", &secret]);
    let [ca, own] = ["ca.pem", "n1.pem"].map(|name| server.folder_path().join(name));
    let node = node_folder("");
    // `agent_command` gives the secret, since there is one.
    let agent = agent_with(&server, &node, "n1", [&ca, &own]);
    agent.wait_for("n1 is slave now");
    agent.wait_for("n1.pem is valid until ");
    drop(agent);
    let list = std::process::Command::new(env!("CARGO_BIN_EXE_heartline"))
        .args([
            "nodes",
            "list",
            "--server",
            &server.address.to_string(),
            "--tls-ca",
        ])
        .arg(&ca)
        .arg("--tls-cert")
        .arg(&own)
        .output();
    let list = list.expect("it runs");
    assert_eq!(list.status.code(), Some(1));
    let why = "authentication required: pass --secret-file";
    assert!(said(&list).contains(why), "{}", said(&list));
}

/// Writes a certificate of the CA in this folder that ends so soon.
fn sign_for(folder: &Path, name: &str, lifetime: Duration) -> PathBuf {
    let read = |name: &str| fs::read_to_string(folder.join(name)).expect("a file");
    let key = KeyPair::from_pem(&read("ca.key")).expect("a key");
    let issuer = Issuer::from_ca_cert_der(&certificate(&folder.join("ca.pem")), key);
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    params.not_after = (SystemTime::now() + lifetime).into();
    let own = KeyPair::generate().expect("a key");
    let signed = params.signed_by(&own, &issuer.expect("a CA"));
    let text = signed.expect("a certificate").pem() + &own.serialize_pem();
    let path = folder.join("short.pem");
    fs::write(&path, text).expect("a folder");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its owner");
    path
}

#[test]
fn a_connection_ends_with_its_certificate() {
    let server = certified(&[]);
    let folder = node_folder("");
    let own = sign_for(server.folder_path(), "n1", Duration::from_secs(15));
    let ca = server.folder_path().join("ca.pem");
    let agent = agent_with(&server, &folder, "n1", [&ca, &own]);
    agent.wait_for("n1 is slave now");
    server
        .log()
        .wait_for("is refused: its certificate has ended");
    server.wait_for_verdict("n1", "dead");
}
