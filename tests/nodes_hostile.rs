//! What a hostile client may try, one attempt after the other. Each is refused, told so, and stands in the log in
//! one line; and nothing of it reaches the state or another node.

mod support;

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use heartline::nodes::seal::{Body, Nonce, Seal, Secret, Side};
use serde_json::{Value, json};
use support::{SECRET, SOON, ServerOfNodes, wait_until};

const KEYS: [&str; 2] = [
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ",
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g",
];

fn node(name: &str, ip: &str, key: &str) -> Value {
    json!({
        "role": "slave", "is_alive": "True", "hostname": name, "ip": ip,
        "id_rsa.pub": key, "username": "hadoop",
    })
}

fn with(mut message: Value, key: &str, value: impl Into<Value>) -> Value {
    message[key] = value.into();
    message
}

/// A client that sends whatever it likes.
struct Client {
    stream: TcpStream,
    said: Vec<u8>,
}

impl Client {
    fn of(server: &ServerOfNodes) -> Self {
        let stream = TcpStream::connect(server.address).expect("it listens");
        stream.set_read_timeout(Some(SOON)).expect("a limit");
        Self {
            stream,
            said: Vec::new(),
        }
    }

    /// What cannot be sent any more was refused before.
    fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }

    /// Reads until this was said; all that was said.
    fn wait_for(&mut self, what: &str) -> String {
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

    /// Whether the server ends the connection.
    fn wait_for_end(&mut self) {
        let mut rest = Vec::new();
        // A reset is an end too.
        let _ = self.stream.read_to_end(&mut rest);
    }

    /// The server's half of the hello.
    fn hello(&mut self, secret: &str) -> Seal {
        let own = Nonce::random();
        let hello = json!({"type": "hello", "nonce": own.to_hex()});
        self.send(hello.to_string().as_bytes());
        let answer: Value = serde_json::from_str(&self.wait_for("}")).expect("one object");
        let others = Nonce::parse(answer["nonce"].as_str().expect("a nonce")).expect("a nonce");
        self.said.clear();
        let secret = Secret::new(secret.as_bytes()).expect("a secret");
        Seal::new(&secret, own, others, Side::Client)
    }
}

/// Sends `bytes` on a connection of its own; the answer and the log must say why that is refused.
fn is_refused(server: &ServerOfNodes, attempt: &str, bytes: &[u8], why: &str) {
    let before = count(server, why);
    let mut client = Client::of(server);
    client.send(bytes);
    let _ = client.stream.shutdown(Shutdown::Write);
    let said = client.wait_for(r#""type":"refused""#);
    assert!(said.contains(why), "{attempt}: {said}");
    wait_until(
        &format!("{attempt}: '{why}' in {:#?}", server.log().lines()),
        SOON,
        || count(server, why) == before + 1,
    );
}

fn count(server: &ServerOfNodes, what: &str) -> usize {
    let lines = server.log().lines();
    lines
        .iter()
        .filter(|line| line.contains("is refused: ") && line.contains(what))
        .count()
}

fn names(server: &ServerOfNodes) -> Vec<String> {
    let nodes = server.list();
    let name = |node: &Value| node["hostname"].as_str().expect("a name").to_owned();
    nodes.iter().map(name).collect()
}

#[test]
fn every_hostile_message_is_refused_with_a_reason() {
    let server = ServerOfNodes::bare(&["--domain", "hadoop.com"]);
    let good = node("n1.hadoop.com", "127.0.1.1", KEYS[0]);
    let mut owner = Client::of(&server);
    owner.send(good.to_string().as_bytes());
    owner.wait_for(r#""type":"ack""#);

    let evil = || node("evil.hadoop.com", "127.0.1.9", KEYS[1]);
    let key = |key: String| with(evil(), "id_rsa.pub", key);
    let attempts: Vec<(&str, Value, &str)> = vec![
        (
            "a second line in a name",
            with(evil(), "hostname", "evil\n10.0.0.1 bank.com"),
            "is no host name",
        ),
        (
            "a blank and another name",
            with(evil(), "hostname", "evil bank.com"),
            "is no host name",
        ),
        (
            "a comment in a name",
            with(evil(), "hostname", "evil#"),
            "is no host name",
        ),
        (
            "the machine's own name",
            with(evil(), "hostname", "localhost"),
            "means the machine itself",
        ),
        (
            "a name like an address",
            with(evil(), "hostname", "10.0.0.1"),
            "ends in a number",
        ),
        (
            "a name of another domain",
            with(evil(), "hostname", "bank.com"),
            "is not below hadoop.com",
        ),
        (
            "an endless name",
            with(evil(), "hostname", "a.".repeat(200) + "a"),
            "has not 1 to 253",
        ),
        ("no address", with(evil(), "ip", "evil"), "is no address"),
        (
            "a second line in an address",
            with(evil(), "ip", "127.0.1.9\n1.1.1.1 bank.com"),
            "is no address",
        ),
        (
            "the address of all",
            with(evil(), "ip", "0.0.0.0"),
            "is no address of one host",
        ),
        (
            "an address of many",
            with(evil(), "ip", "224.0.0.1"),
            "is no address of one host",
        ),
        (
            "an address of a node that lives",
            with(evil(), "ip", "127.0.1.1"),
            "is that of n1.hadoop.com",
        ),
        (
            "two keys",
            key(format!("{}\n{}", KEYS[0], KEYS[1])),
            "is not one line",
        ),
        (
            "a key with a command",
            key(format!("command=\"sh\" {}", KEYS[1])),
            "without options",
        ),
        (
            "a key with an option",
            key(format!("no-pty {}", KEYS[1])),
            "without options",
        ),
        (
            "a carriage return in a key",
            key(format!("{} a\rb", KEYS[1])),
            "is not one line",
        ),
        (
            "no key at all",
            key("xxxxxx".to_owned()),
            "is not one OpenSSH public key",
        ),
        (
            "an endless key",
            key("x".repeat(9000)),
            "is longer than any key",
        ),
        (
            "a user with a blank",
            with(evil(), "username", "root root"),
            "is no name of a user",
        ),
        (
            "the server's role",
            with(evil(), "role", "server"),
            "is neither 'master' nor 'slave'",
        ),
        (
            "a truth that is none",
            with(evil(), "is_alive", true),
            "not a message",
        ),
        (
            "a number as a name",
            with(evil(), "hostname", 7),
            "not a message",
        ),
        (
            "an unknown type",
            with(evil(), "type", "obey"),
            "type 'obey' is not known",
        ),
        (
            "a type with a line's end",
            with(evil(), "type", "a\nb"),
            r"type 'a\\nb'",
        ),
        (
            "another's name with an own key",
            with(good.clone(), "id_rsa.pub", KEYS[1]),
            "belongs to another key",
        ),
        (
            "another's leave",
            with(with(good.clone(), "type", "leave"), "id_rsa.pub", KEYS[1]),
            "belongs to another key",
        ),
        (
            "another role for a name",
            with(good.clone(), "role", "master"),
            "has said before that it is slave",
        ),
        (
            "a beat of nobody",
            with(evil(), "type", "heartbeat"),
            "is not known; register first",
        ),
        (
            "a confirmation of nothing",
            json!({"role": "server", "type": "heartbeat"}),
            "register first",
        ),
        (
            "a hello to a server without a secret",
            json!({"type": "hello", "nonce": "00"}),
            "has no secret",
        ),
    ];
    for (attempt, message, why) in attempts {
        let json_why = why;
        let mut client = Client::of(&server);
        client.send(message.to_string().as_bytes());
        let said = client.wait_for(r#""type":"refused""#);
        assert!(said.contains(json_why), "{attempt}: {said}");
        let in_log = why.replace("\\\\", "\\");
        wait_until(
            &format!("{attempt}: {:#?}", server.log().lines()),
            SOON,
            || count(&server, &in_log) >= 1,
        );
    }

    is_refused(
        &server,
        "another protocol",
        b"GET / HTTP/1.1\r\n\r\n",
        "begins with '{'",
    );
    is_refused(
        &server,
        "bytes of TLS",
        b"\x16\x03\x01\x02\x00",
        "not with the byte 0x16",
    );
    is_refused(
        &server,
        "an endless message",
        &[b"{\"a\":\"", &[b'a'; 40_000][..]].concat(),
        "is longer than",
    );
    is_refused(
        &server,
        "a deep message",
        &b"{\"a\":".repeat(1000),
        "deeper than",
    );
    is_refused(&server, "brackets that do not match", b"{]", "brackets");
    is_refused(&server, "blanks without end", &[b' '; 9000], "blanks");
    is_refused(
        &server,
        "no UTF-8",
        b"{\"role\":\"\xff\xfe\"}",
        "not a message",
    );
    is_refused(
        &server,
        "a key twice",
        br#"{"role":"slave","role":"master"}"#,
        "not a message",
    );

    let beat = with(good.clone(), "type", "heartbeat").to_string();
    is_refused(
        &server,
        "a thousand messages at once",
        beat.repeat(1000).as_bytes(),
        "messages a second",
    );
    let wrong = with(evil(), "hostname", "localhost").to_string();
    is_refused(
        &server,
        "the same again and again",
        wrong.repeat(20).as_bytes(),
        "refused 10 times",
    );

    assert_eq!(names(&server), ["n1.hadoop.com"]);
    // No line of the log was made by another than the server.
    let lines = server.log().lines();
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with("heartline nodes: ")),
        "{lines:#?}"
    );
}

#[test]
fn who_does_not_know_the_secret_is_nobody() {
    let server = ServerOfNodes::sealed(&[]);
    let message = node("evil", "127.0.1.9", KEYS[1]).to_string();
    let bytes = message.as_bytes();
    let body = Body::new(bytes.to_vec());

    is_refused(
        &server,
        "the bare form",
        bytes,
        "who does not know the cluster's secret",
    );
    is_refused(
        &server,
        "people without the secret",
        br#"{"type":"list"}"#,
        "who does not know the cluster's secret",
    );

    let refused = |attempt: &str, client: &mut Client, why: &str| {
        let said = client.wait_for(r#""type":"refused""#);
        assert!(said.contains(why), "{attempt}: {said}");
        client.wait_for_end();
    };
    let mut client = Client::of(&server);
    let mut seal = client.hello("another secret of the same length");
    client.send(&[&seal.seal(&body)[..], bytes].concat());
    refused("another secret", &mut client, "whose seal is wrong");

    let mut client = Client::of(&server);
    client.hello(SECRET);
    client.send(&[bytes, bytes].concat());
    refused("no seal after a hello", &mut client, "without its seal");

    // One connection's messages, all that another can overhear.
    let mut client = Client::of(&server);
    let mut seal = client.hello(SECRET);
    let first = [&seal.seal(&body)[..], bytes].concat();
    client.send(&first);
    client.wait_for(r#""of":"register""#);
    client.send(&first);
    refused("the same message again", &mut client, "out of its order");

    let mut client = Client::of(&server);
    client.hello(SECRET);
    client.send(&first);
    refused(
        "a message of another connection",
        &mut client,
        "whose seal is wrong",
    );

    let mut client = Client::of(&server);
    let mut seal = client.hello(SECRET);
    let changed = message.replace("evil", "live");
    client.send(&[&seal.seal(&body)[..], changed.as_bytes()].concat());
    refused("a changed message", &mut client, "whose seal is wrong");

    let mut client = Client::of(&server);
    let mut seal = client.hello(SECRET);
    seal.seal(&body);
    client.send(&[&seal.seal(&body)[..], bytes].concat());
    refused("a message left out", &mut client, "out of its order");

    server.log().wait_for_times("is refused: ", 8);
}

#[test]
fn slow_silent_and_many_clients_cost_nobody_else_anything() {
    let server = ServerOfNodes::bare(&["--connections-per-address", "20"]);
    // One that never reads what it is told, one byte after the other, one that says nothing.
    let mut deaf = Client::of(&server);
    deaf.send(node("deaf", "127.0.1.1", KEYS[0]).to_string().as_bytes());
    let mut slow = Client::of(&server);
    slow.send(b"{\"role\"");
    let silent: Vec<Client> = (0..17).map(|_| Client::of(&server)).collect();
    let mut one_too_many = Client::of(&server);
    // Its own connection is the last that is taken: twenty are open.
    let mut other = Client::of(&server);
    let began = Instant::now();
    one_too_many.send(node("n1", "127.0.1.2", KEYS[1]).to_string().as_bytes());
    one_too_many.wait_for(r#""type":"ack""#);
    eprintln!("acknowledged in {:?}", began.elapsed());
    other.send(b"{}");
    let said = other.wait_for(r#""type":"refused""#);
    assert!(
        said.contains("connections of 127.0.0.1 are open already"),
        "{said}"
    );
    // Who says nothing is sent away, and makes room.
    for mut client in silent {
        let said = client.wait_for(r#""type":"refused""#);
        assert!(said.contains("no message within 5 s"), "{said}");
        client.wait_for_end();
    }
    slow.wait_for("no message within 5 s");
    server
        .log()
        .wait_for_times("is refused: no message within 5 s", 18);
    wait_until("there is room again", Duration::from_secs(20), || {
        names(&server) == ["deaf", "n1"]
    });
}
