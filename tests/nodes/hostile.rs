//! The attempts of a hostile client, one after the other. Each gets a refusal and one line in the log, and changes
//! neither the state nor another node.

use std::time::Instant;

use crate::support::{
    Client, KEYS, SECRET, SOON, ServerOfNodes, is_refused, node, wait_until, with,
};
use heartline::nodes::auth::Body;
use serde_json::{Value, json};

fn names(server: &ServerOfNodes) -> Vec<String> {
    let nodes = server.list();
    let name = |node: &Value| node["hostname"].as_str().expect("a name").to_owned();
    nodes.iter().map(name).collect()
}

/// The attempt, its message, and the text of the answer and the log.
type Attempt = (&'static str, Value, &'static str);

fn good() -> Value {
    node("n1.hadoop.com", "127.0.1.1", KEYS[0])
}

fn evil() -> Value {
    node("evil.hadoop.com", "127.0.1.9", KEYS[1])
}

fn names_and_addresses() -> Vec<Attempt> {
    let name = |name: &str| with(evil(), "hostname", name);
    let ip = |ip: &str| with(evil(), "ip", ip);
    let long = "a.".repeat(200) + "a";
    let two = "127.0.1.9\n1.1.1.1 bank.com";
    vec![
        (
            "a second line in a name",
            name("evil\n10.0.0.1 bank.com"),
            "is no host name",
        ),
        (
            "a blank and another name",
            name("evil bank.com"),
            "is no host name",
        ),
        ("a comment in a name", name("evil#"), "is no host name"),
        (
            "the machine's own name",
            name("localhost"),
            "means the machine itself",
        ),
        (
            "a name like an address",
            name("10.0.0.1"),
            "ends in a number",
        ),
        (
            "a name of another domain",
            name("bank.com"),
            "is not below hadoop.com",
        ),
        ("an endless name", name(&long), "must have 1 to 253"),
        ("no address", ip("evil"), "is no address"),
        ("a second line in an address", ip(two), "is no address"),
        (
            "the address of all",
            ip("0.0.0.0"),
            "is no address of one host",
        ),
        (
            "an address of many",
            ip("224.0.0.1"),
            "is no address of one host",
        ),
        (
            "an address of who lives",
            ip("127.0.1.1"),
            "belongs to n1.hadoop.com",
        ),
    ]
}

fn keys_and_users() -> Vec<Attempt> {
    let key = |key: &str| with(evil(), "id_rsa.pub", key);
    let two = KEYS.join("\n");
    let command = format!("command=\"sh\" {}", KEYS[1]);
    let option = format!("no-pty {}", KEYS[1]);
    let comment = format!("{} a\rb", KEYS[1]);
    let long = "x".repeat(9000);
    let user = with(evil(), "username", "root root");
    vec![
        ("two keys", key(&two), "is not one line"),
        ("a key with a command", key(&command), "without options"),
        ("a key with an option", key(&option), "without options"),
        ("a line's end in a key", key(&comment), "is not one line"),
        (
            "no key at all",
            key("xxxxxx"),
            "is not one OpenSSH public key",
        ),
        ("an endless key", key(&long), "is longer than any key"),
        ("a user with a blank", user, "is not a valid user name"),
    ]
}

fn forms_and_claims() -> Vec<Attempt> {
    let server = with(evil(), "role", "server");
    let truth = with(evil(), "is_alive", true);
    let order = with(evil(), "type", "obey");
    let line = with(evil(), "type", "a\nb");
    let stolen = with(good(), "id_rsa.pub", KEYS[1]);
    let leave = with(stolen.clone(), "type", "leave");
    let role = with(good(), "role", "master");
    let beat = with(evil(), "type", "heartbeat");
    let nothing = json!({"role": "server", "type": "heartbeat"});
    let hello = json!({"type": "hello", "nonce": "00"});
    vec![
        (
            "the server's role",
            server,
            "is neither 'master' nor 'slave'",
        ),
        ("a truth that is none", truth, "not a message"),
        (
            "a number as a name",
            with(evil(), "hostname", 7),
            "not a message",
        ),
        ("an unknown type", order, "type 'obey' is not known"),
        ("a type with a line's end", line, "type 'a"),
        (
            "another's name with an own key",
            stolen,
            "belongs to another key",
        ),
        ("another's leave", leave, "belongs to another key"),
        (
            "another role for a name",
            role,
            "is already registered as slave",
        ),
        ("a beat of nobody", beat, "is not known; register first"),
        ("a confirmation of nothing", nothing, "register first"),
        ("a hello where no secret is", hello, "has no secret"),
    ]
}

#[test]
fn every_hostile_message_is_refused_with_a_reason() {
    // The owner never beats.
    let server = ServerOfNodes::bare(&["--domain", "hadoop.com", "--timeout", "10m"]);
    let mut owner = Client::of(&server);
    owner.send(good().to_string().as_bytes());
    owner.wait_for(r#""type":"ack""#);
    let attempts = [names_and_addresses(), keys_and_users(), forms_and_claims()];
    for (attempt, message, why) in attempts.into_iter().flatten() {
        is_refused(&server, attempt, message.to_string().as_bytes(), why);
    }
    assert_eq!(names(&server), ["n1.hadoop.com"]);
    // Every line of the log is from the server itself.
    let lines = server.log().lines();
    let is_own = |line: &String| line.starts_with("heartline nodes: ");
    assert!(lines.iter().all(is_own), "{lines:#?}");
}

#[test]
fn bytes_that_are_no_message_and_too_many_messages_are_refused() {
    let server = ServerOfNodes::bare(&[]);
    let mut owner = Client::of(&server);
    owner.send(good().to_string().as_bytes());
    owner.wait_for(r#""type":"ack""#);
    let endless = format!("{{\"a\":\"{}", "a".repeat(40_000));
    let deep = "{\"a\":".repeat(1000);
    let blanks = " ".repeat(9000);
    let twice = r#"{"role":"slave","role":"master"}"#;
    let beat = with(good(), "type", "heartbeat").to_string();
    let wrong = with(evil(), "hostname", "localhost").to_string();
    let attempts: [(&str, &[u8], &str); 10] = [
        (
            "another protocol",
            b"GET / HTTP/1.1\r\n\r\n",
            "begins with '{'",
        ),
        (
            "bytes of TLS",
            b"\x16\x03\x01\x02\x00",
            "it speaks TLS, and this server does not",
        ),
        ("an endless message", endless.as_bytes(), "is longer than"),
        ("a deep message", deep.as_bytes(), "deeper than"),
        ("brackets that do not match", b"{]", "brackets"),
        ("blanks without end", blanks.as_bytes(), "blanks"),
        ("no UTF-8", b"{\"role\":\"\xff\xfe\"}", "not a message"),
        ("a key twice", twice.as_bytes(), "not a message"),
        (
            "a thousand at once",
            &beat.as_bytes().repeat(1000),
            "messages a second",
        ),
        (
            "the same over and over",
            &wrong.as_bytes().repeat(20),
            "refused 10 times",
        ),
    ];
    for (attempt, bytes, why) in attempts {
        is_refused(&server, attempt, bytes, why);
    }
    assert_eq!(names(&server), ["n1.hadoop.com"]);
}

#[test]
fn who_does_not_know_the_secret_is_nobody() {
    let server = ServerOfNodes::sealed(&[]);
    let message = node("evil", "127.0.1.9", KEYS[1]).to_string();
    let bytes = message.as_bytes();
    let body = Body::new(bytes.to_vec());

    is_refused(&server, "the bare form", bytes, "authentication required");
    is_refused(
        &server,
        "people without the secret",
        br#"{"type":"list"}"#,
        "authentication required",
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

    // The messages of one connection, which another client could overhear.
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
fn slow_and_silent_clients_cost_nobody_else_anything() {
    let server = ServerOfNodes::bare(&[]);
    // A client that never reads, one that sends byte by byte, and some that send nothing.
    let mut deaf = Client::of(&server);
    deaf.send(node("deaf", "127.0.1.1", KEYS[0]).to_string().as_bytes());
    let mut slow = Client::of(&server);
    slow.send(b"{\"role\"");
    let silent: Vec<Client> = (0..17).map(|_| Client::of(&server)).collect();
    let mut other = Client::of(&server);
    let began = Instant::now();
    other.send(node("n1", "127.0.1.2", KEYS[1]).to_string().as_bytes());
    other.wait_for(r#""type":"ack""#);
    eprintln!("acknowledged in {:?}", began.elapsed());
    for mut client in silent {
        let said = client.wait_for(r#""type":"refused""#);
        assert!(said.contains("no message within 5 s"), "{said}");
        client.wait_for_end();
    }
    slow.wait_for("no message within 5 s");
    server
        .log()
        .wait_for_times("is refused: no message within 5 s", 18);
    assert_eq!(names(&server), ["deaf", "n1"]);
}

#[test]
fn no_address_takes_all_connections() {
    const ALL: usize = 20;
    let server = ServerOfNodes::bare(&["--connections-per-address", "20"]);
    // They have sent something, and may stay for a minute.
    let mut clients: Vec<Client> = (0..ALL)
        .map(|n| {
            let mut client = Client::of(&server);
            let node = node(&format!("n{n}"), &format!("127.0.1.{n}"), KEYS[0]);
            client.send(node.to_string().as_bytes());
            client.wait_for(r#""type":"ack""#);
            client
        })
        .collect();
    let mut late = Client::of(&server);
    let said = late.wait_for(r#""type":"refused""#);
    assert!(
        said.contains("20 connections of 127.0.0.1 are open already"),
        "{said}"
    );
    // A connection that ends makes room.
    clients.pop();
    wait_until("there is room again", SOON, || {
        server.asked(&["list"]).status.success()
    });
}

#[test]
fn nobody_fills_the_log() {
    let server = ServerOfNodes::bare(&[]);
    let said = |what: &str| {
        let lines = server.log().lines();
        let those = lines.into_iter().filter(|line| line.contains(what));
        those.collect::<Vec<_>>()
    };
    // Ten refusals, and an eleventh that ends the connection.
    let wrong = with(evil(), "hostname", "localhost").to_string();
    for _ in 0..40 {
        let mut client = Client::of(&server);
        client.send(wrong.repeat(10).as_bytes());
        client.wait_for("refused 10 times");
        client.wait_for_end();
    }
    let unsaid = || -> usize {
        let lines = said("more lines like those about 127.0.0.1");
        let counts = lines.iter().map(|line| line.split_whitespace().nth(3));
        counts
            .map(|count| count.and_then(|count| count.parse::<usize>().ok()))
            .map(|count| count.expect("a count"))
            .sum()
    };
    wait_until("what was not said is counted", SOON, || unsaid() >= 200);
    assert!(said("is refused").len() <= 240);
}

#[test]
fn what_cannot_be_stored_is_sent_to_nobody() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (there, away) = (folder.path().join("state"), folder.path().join("away"));
    std::fs::create_dir(&there).expect("made");
    let state = there.join("nodes.json");
    let server = ServerOfNodes::bare(&["--state", state.to_str().expect("text")]);
    let mut first = Client::of(&server);
    first.send(good().to_string().as_bytes());
    first.wait_for(r#""type":"ack""#);
    first.wait_for(r#""clusers_ip":[["#);
    // Has the effect of a full disk, for root too.
    std::fs::rename(&there, &away).expect("renamed");
    let mut second = Client::of(&server);
    second.send(evil().to_string().as_bytes());
    let said = second.wait_for(r#""type":"refused""#);
    assert!(said.contains("cannot save the change now"), "{said}");
    assert_eq!(names(&server), ["n1.hadoop.com"]);
    // The other node gets only changes that are stored.
    let unwell = with(with(good(), "type", "heartbeat"), "is_alive", "False");
    first.send(unwell.to_string().as_bytes());
    let said = first.wait_for(r#"["n1.hadoop.com","False"]"#);
    assert!(!said.contains("evil"), "{said}");
    // As soon as the change can be stored, it is stored and sent.
    std::fs::rename(&away, &there).expect("renamed");
    first.wait_for("evil.hadoop.com");
    assert_eq!(names(&server), ["n1.hadoop.com", "evil.hadoop.com"]);
}

#[test]
fn who_knows_the_secret_and_a_public_key_is_not_its_owner() {
    let server = ServerOfNodes::sealed(&[]);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let agent = server.agent(folder.path(), "n1", "slave", "127.0.1.1");
    agent.wait_for("n1 is slave now");
    let public = folder.path().join("id_ed25519.pub");
    let public = std::fs::read_to_string(public).expect("the agent's key");
    let stolen = node("n1", "127.0.1.9", &public);
    let leave = with(stolen.clone(), "type", "leave");
    let signed = with(stolen.clone(), "signature", "-----BEGIN SSH SIGNATURE-----");
    for (attempt, message, why) in [
        ("a registration", stolen, "has signed with its key before"),
        ("a leave", leave, "has signed with its key before"),
        (
            "a signature that is none",
            signed,
            "signature does not match this key",
        ),
    ] {
        let message = message.to_string();
        let mut client = Client::of(&server);
        let mut seal = client.hello(SECRET);
        let body = Body::new(message.as_bytes().to_vec());
        client.send(&[&seal.seal(&body)[..], message.as_bytes()].concat());
        let said = client.wait_for(r#""type":"refused""#);
        assert!(said.contains(why), "{attempt}: {said}");
    }
    server.log().wait_for_times("is refused: ", 3);
    // The attempts do not keep the owner from registering again.
    drop(agent);
    let again = server.agent(folder.path(), "n1", "slave", "127.0.1.1");
    again.wait_for("n1 is slave now");
}
