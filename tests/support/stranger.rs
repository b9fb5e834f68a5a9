//! A client of the node control server that sends any bytes.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
};

use heartline::nodes::auth::{Authenticator, Nonce, Secret, Side};
use serde_json::{Value, json};

use super::{SOON, ServerOfNodes, wait_until};

/// Two keys that belong to no node.
pub(crate) const KEYS: [&str; 2] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
];

pub(crate) fn node(name: &str, ip: &str, key: &str) -> Value {
    json!({
        "role": "slave", "is_alive": "True", "hostname": name, "ip": ip,
        "id_rsa.pub": key, "username": "hadoop",
    })
}

pub(crate) fn with(mut message: Value, key: &str, value: impl Into<Value>) -> Value {
    message[key] = value.into();
    message
}

/// A client that sends any bytes.
pub(crate) struct Client {
    stream: TcpStream,
    said: Vec<u8>,
}

impl Client {
    pub(crate) fn of(server: &ServerOfNodes) -> Self {
        let stream = TcpStream::connect(server.address).expect("it listens");
        stream.set_read_timeout(Some(SOON)).expect("a limit");
        Self {
            stream,
            said: Vec::new(),
        }
    }

    /// Sends bytes; a failure is ignored, because the server has then refused the client before.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Reads until this arrives; returns everything received.
    pub(crate) fn wait_for(&mut self, what: &str) -> String {
        loop {
            let text = String::from_utf8_lossy(&self.said).into_owned();
            if text.contains(what) {
                return text;
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece) {
                Ok(length) if length > 0 => self.said.extend_from_slice(&piece[..length]),
                end => panic!("'{what}' is not in {text}: {end:?}"),
            }
        }
    }

    /// Waits until the server ends the connection.
    pub(crate) fn wait_for_end(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = self.stream.read_to_end(&mut rest);
    }

    /// Receives the server's half of the hello.
    pub(crate) fn hello(&mut self, secret: &str) -> Authenticator {
        let own = Nonce::random();
        let hello = json!({"type": "hello", "nonce": own.to_hex()});
        self.send(hello.to_string().as_bytes());
        let answer: Value = serde_json::from_str(&self.wait_for("}")).expect("one object");
        let others = Nonce::parse(answer["nonce"].as_str().expect("a nonce")).expect("a nonce");
        self.said.clear();
        let secret = Secret::new(secret.as_bytes()).expect("a secret");
        Authenticator::new(&secret, own, others, Side::Client)
    }
}

/// Sends `bytes` on a new connection; the answer and the log must say why they are refused.
pub(crate) fn is_refused(server: &ServerOfNodes, attempt: &str, bytes: &[u8], why: &str) {
    let before = count_refused(server, why);
    let mut client = Client::of(server);
    client.send(bytes);
    let _ = client.stream.shutdown(Shutdown::Write);
    let said = client.wait_for(why);
    assert!(said.contains(r#""type":"refused""#), "{attempt}: {said}");
    wait_until(
        &format!("{attempt}: '{why}' in {:#?}", server.log().lines()),
        SOON,
        || count_refused(server, why) == before + 1,
    );
}

pub(crate) fn count_refused(server: &ServerOfNodes, what: &str) -> usize {
    let lines = server.log().lines();
    lines
        .iter()
        .filter(|line| line.contains("is refused: ") && line.contains(what))
        .count()
}
