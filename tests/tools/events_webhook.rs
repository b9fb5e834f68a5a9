//! `heartline events` to a receiver by HTTP and HTTPS, with a real ZooKeeper and real mappers.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{Guarded, Publisher, SOON, ZooKeeper, left_out, pair, wait_until, which};
use rustix::process::Signal;
use tempfile::TempDir;

/// A receiver: writes its address, then each request as a line of JSON. Refuses a request without
/// the header, and does not take the first one.
const SERVER: &str = r"
import http.server, json, ssl, sys

folder, tls = sys.argv[1], sys.argv[2] == 'tls'
seen = []

class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers['content-length']))
        seen.append(self.path)
        if self.headers.get('authorization') != 'Bearer secret-of-test':
            return self.answer(403, b'who are you?')
        if len(seen) == 1:
            return self.answer(503, b'not yet')
        with open(folder + '/got', 'ab') as file:
            file.write(body.replace(b'\n', b' ') + b'\n')
        self.answer(200, b'ok')

    def answer(self, status, text):
        self.send_response(status)
        self.send_header('content-length', str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass

server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
if tls:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder + '/cert.pem', folder + '/key.pem')
    server.socket = context.wrap_socket(server.socket, server_side=True)
with open(folder + '/port.part', 'w') as file:
    file.write(str(server.server_port))
import os
os.rename(folder + '/port.part', folder + '/port')
server.serve_forever()
";

/// A running receiver.
struct Hook {
    folder: TempDir,
    _process: Guarded,
    port: String,
}

impl Hook {
    fn start(tls: bool) -> Self {
        let folder = TempDir::with_prefix("heartline-webhook-").expect("a temporary folder");
        if tls {
            certify(folder.path());
        }
        let script = folder.path().join("server.py");
        fs::write(&script, SERVER).expect("written");
        let mut command = Command::new("python3");
        command.arg(script).arg(folder.path());
        command.arg(if tls { "tls" } else { "plain" });
        let process = Guarded::spawn(command.stdin(Stdio::null()).stdout(Stdio::null()));
        let port = folder.path().join("port");
        wait_until("the receiver listens", SOON, || port.exists());
        let port = fs::read_to_string(port).expect("a port");
        Self {
            folder,
            _process: process,
            port,
        }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A file with the header that it wants.
    fn header_file(&self, mode: u32) -> String {
        let path = self.folder.path().join("headers");
        fs::write(&path, "Authorization: Bearer secret-of-test\n").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("its owner");
        self.path("headers")
    }

    /// The bodies that it has taken.
    fn bodies(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.path("got")).unwrap_or_default();
        let lines = text.lines().map(serde_json::from_str);
        lines.map_while(Result::ok).collect()
    }

    /// Waits until a body is as hoped.
    fn wait_for(&self, what: &str, hoped: impl Fn(&Value) -> bool) {
        wait_until(what, SOON, || {
            let bodies = self.bodies();
            let mut parts = bodies
                .iter()
                .flat_map(|body| body.as_array().into_iter().flatten());
            parts.any(&hoped)
        });
    }
}

/// Makes a certificate of an authority of its own, for 127.0.0.1.
fn certify(folder: &Path) {
    let made = Command::new("openssl")
        .current_dir(folder)
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "key.pem",
        ])
        .args(["-out", "cert.pem", "-subj", "/CN=heartline-test"])
        .args(["-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .output()
        .expect("openssl runs");
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
}

fn publish(zookeeper: &ZooKeeper, options: &[&str]) -> Publisher {
    Publisher::start(&zookeeper.address(), options, Stdio::null())
}

#[test]
fn events_reach_a_receiver_with_tls_and_a_secret_header() {
    if which("openssl").is_none() {
        left_out::leave_out!("openssl is not installed");
    }
    let zookeeper = ZooKeeper::start();
    let hook = Hook::start(true);
    let url = format!("https://127.0.0.1:{}/hook", hook.port);
    let headers = hook.header_file(0o600);
    let secret = [
        "--to",
        url.as_str(),
        "--webhook-header-file",
        headers.as_str(),
    ];
    // Nobody vouches for its certificate.
    let publisher = publish(&zookeeper, &secret);
    publisher.wait_until_said("UnknownIssuer");
    drop(publisher);
    let ca = hook.path("cert.pem");
    let publisher = publish(&zookeeper, &[&secret[..], &["--webhook-ca", &ca]].concat());
    hook.wait_for("it is connected", |event| event["event"] == "connected");
    let (watcher, _master, follower) = pair(&zookeeper);
    follower.signal(Signal::KILL);
    watcher.wait_for_event("died", "map2");
    hook.wait_for("the death", |event| {
        event["event"] == "died" && event["node"] == "map2"
    });
    let said = publisher.said();
    assert!(
        said.contains("503") && said.contains("takes events again"),
        "{said}"
    );
    assert!(
        !said.contains("/hook") && !said.contains("secret-of-test"),
        "{said}"
    );
    let events: Vec<Value> = hook
        .bodies()
        .into_iter()
        .flat_map(|body| body.as_array().cloned().unwrap_or_default())
        .collect();
    let of_node = |name: &str| {
        let events = events.iter().filter(|event| event["node"] == name);
        events
            .map(|event| event["event"].to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        of_node("map2"),
        ["\"joined\"", "\"died\""],
        "in order, and each once"
    );
}

#[test]
fn a_death_is_an_alert() {
    let zookeeper = ZooKeeper::start();
    let hook = Hook::start(false);
    let url = format!("http://127.0.0.1:{}/api/v2/alerts", hook.port);
    let headers = hook.header_file(0o600);
    let options = [
        "--to",
        &url,
        "--webhook-header-file",
        &headers,
        "--webhook-format",
        "alertmanager",
    ];
    let _publisher = publish(&zookeeper, &options);
    hook.wait_for("it is connected", |alert| {
        alert["labels"]["alertname"] == "HeartlineZooKeeperAway"
    });
    let (_watcher, _master, follower) = pair(&zookeeper);
    follower.signal(Signal::KILL);
    hook.wait_for("the death", |alert| {
        alert["labels"]["alertname"] == "HeartlineMemberDied" && alert["labels"]["node"] == "map2"
    });
}

#[test]
fn wrong_options_and_refusals_end_it_with_what_to_do() {
    let zookeeper = ZooKeeper::start();
    let hook = Hook::start(false);
    let url = format!("http://127.0.0.1:{}/hook", hook.port);
    let ask = |options: &[&str]| {
        let words = ["events", "--to", url.as_str()];
        let output = crate::support::ask(&zookeeper, &[&words, options].concat());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        said
    };
    let refused = ask(&[]);
    assert!(
        refused.contains("403 Forbidden: who are you?; check --to"),
        "{refused}"
    );
    assert!(
        refused.contains("events not delivered to http://127.0.0.1"),
        "{refused}"
    );
    let headers = hook.header_file(0o644);
    let open = ask(&["--webhook-header-file", &headers]);
    assert!(
        open.contains("can be read by others; do: chmod 600"),
        "{open}"
    );
    let none = ask(&["--webhook-ca", "/dev/null/x"]);
    assert!(
        none.contains("--webhook-ca /dev/null/x cannot be read"),
        "{none}"
    );
}
