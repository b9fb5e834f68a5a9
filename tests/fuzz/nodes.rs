//! Messages and files of the node control server and its agents.

use std::net::IpAddr;

use heartline::nodes::auth::{Authenticator, Body, Nonce, Secret, Side};
use heartline::nodes::block::{hosts, keys, others, with_block};
use heartline::nodes::fields::{HostName, NodeAddress, PublicKey, UserName};
use heartline::nodes::message::{ClientRequest, Entries, Raw, ReplyHeader, ServerStatus};
use heartline::nodes::reader::Reader;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

/// The longest message of these tests.
const LONGEST: usize = 256;

/// A message from a node to the server.
pub(super) fn message(bytes: &[u8]) {
    let raw = Raw::read(bytes);
    for loopback in [false, true] {
        let Ok(request) = ClientRequest::read(bytes, loopback) else {
            continue;
        };
        assert!(raw.is_ok());
        let (ClientRequest::Register(registration) | ClientRequest::Leave(registration)) = &request
        else {
            continue;
        };
        let mut registration = registration.clone();
        let _ = registration.prove(Some([7; 32]));
        // The message that the agent would send with the same content.
        let again = match request {
            ClientRequest::Leave(_) => registration.leave(),
            _ => registration.raw(),
        };
        let again = serde_json::to_vec(&again).expect("JSON");
        let again = ClientRequest::read(&again, loopback).expect("taken once, taken again");
        assert_eq!(again, request);
    }
}

/// A message from the server to a node: no value becomes a second line in a file.
pub(super) fn status(bytes: &[u8]) {
    if let Ok(glance) = serde_json::from_slice::<ReplyHeader>(bytes) {
        let _ = glance.turned_away();
        assert!(!glance.why().contains(char::is_control));
    }
    let Ok(status) = serde_json::from_slice::<ServerStatus>(bytes) else {
        return;
    };
    let _ = serde_json::to_vec(&status.confirmation()).expect("JSON");
    let Ok(entries) = status.entries(false) else {
        return;
    };
    let (hosts, keys) = (hosts(&entries), keys(&entries));
    assert_eq!(hosts.lines().count(), entries.hosts.len());
    assert_eq!(keys.lines().count(), entries.keys.len());
    for line in hosts.lines() {
        let (ip, name) = line.split_once('\t').expect("an address and a name");
        assert!(ip.parse::<IpAddr>().is_ok_and(|ip| !ip.is_loopback()));
        assert!(!name.contains(char::is_whitespace) && !name.starts_with("localhost"));
    }
    for line in keys.lines() {
        assert!(
            ["ssh-", "ecdsa-", "sk-"]
                .iter()
                .any(|kind| line.starts_with(kind))
        );
    }
}

/// A stream of messages: the result does not depend on how the stream is split, and no message is too long.
pub(super) fn reader(bytes: &[u8]) {
    let Some((first, stream)) = bytes.split_first() else {
        return;
    };
    let whole = objects(stream, usize::MAX);
    for size in [1, usize::from(*first).max(2)] {
        let pieces = objects(stream, size);
        // In small pieces, a message that is too long is refused before its end.
        let common = pieces.0.len().min(whole.0.len());
        assert_eq!(pieces.0[..common], whole.0[..common]);
        if pieces.1.is_none() || whole.1.is_none() {
            assert_eq!(pieces.1.is_none(), whole.1.is_none());
            assert_eq!(pieces.0, whole.0);
        }
    }
}

fn objects(stream: &[u8], size: usize) -> (Vec<Vec<u8>>, Option<String>) {
    let mut reader = Reader::new(LONGEST);
    let mut objects = Vec::new();
    for piece in stream.chunks(size) {
        reader.feed(piece);
        loop {
            match reader.object() {
                Ok(Some(object)) => {
                    assert!(object.len() <= LONGEST);
                    assert!(object.starts_with(b"{") && object.ends_with(b"}"));
                    objects.push(object.to_vec());
                }
                Ok(None) => break,
                Err(wrong) => return (objects, Some(wrong.to_string())),
            }
        }
    }
    (objects, None)
}

/// A message with its MAC: `HEADER`, a newline, and the content. Without the secret, none is valid.
pub(super) fn seal(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = Secret::new(bytes);
    if let Ok(nonce) = Nonce::parse(&text) {
        assert_eq!(nonce.to_hex(), text.to_ascii_lowercase());
    }
    let nonce = Nonce::parse(&"07".repeat(32)).expect("a nonce");
    let secret = Secret::new(b"sixteen bytes and more").expect("a secret");
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (header, message) = bytes.split_at(end.unwrap_or(bytes.len()));
    let mut server = Authenticator::new(&secret, nonce, nonce, Side::Server);
    assert!(server.check(header, message).is_err());
    let mut server = Authenticator::new(&secret, nonce, nonce, Side::Server);
    let mut client = Authenticator::new(&secret, nonce, nonce, Side::Client);
    let header = client.seal(&Body::new(message.to_vec()));
    assert_eq!(server.check(&header, message), Ok(()));
}

/// The fields of a message: an accepted value holds no blank, and is accepted again.
pub(super) fn fields(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let plain = |text: &str| !text.contains(|c: char| c.is_whitespace() || c.is_control());
    if let Ok(name) = text.parse::<HostName>() {
        assert!(plain(name.as_str()));
        assert_eq!(name.as_str().parse(), Ok(name.clone()));
    }
    if let Ok(user) = text.parse::<UserName>() {
        assert!(plain(user.as_str()));
        assert_eq!(user.as_str().parse(), Ok(user.clone()));
    }
    for loopback in [false, true] {
        if let Ok(address) = NodeAddress::parse(&text, loopback) {
            assert_eq!(NodeAddress::new(address.ip(), loopback), Ok(address));
        }
    }
    let key: PublicKey = KEY.parse().expect("a key");
    assert!(
        !key.has_signed(b"message", &text),
        "nobody has its other half"
    );
}

/// A file with or without a block: the rest of the file stays byte for byte as it is.
pub(super) fn block(bytes: &[u8]) {
    let name: HostName = "n1.hadoop.com".parse().expect("a name");
    let entries = Entries {
        hosts: vec![("10.0.0.1".parse().expect("an address"), name.clone())],
        keys: vec![(name, KEY.parse().expect("a key"))],
        ..Entries::default()
    };
    let lines = hosts(&entries);
    let (with, without) = (with_block(bytes, Some(&lines)), with_block(bytes, None));
    assert_eq!(with.is_err(), without.is_err());
    assert_eq!(others(bytes, &entries).is_err(), with.is_err());
    let (Ok(with), Ok(without)) = (with, without) else {
        return;
    };
    let with = with.unwrap_or_else(|| bytes.to_vec());
    let rest = without.unwrap_or_else(|| bytes.to_vec());
    assert_eq!(
        with_block(&with, Some(&lines)),
        Ok(None),
        "it is so already"
    );
    assert_eq!(with_block(&with, None), Ok(Some(rest.clone())));
    assert_eq!(with_block(&rest, None), Ok(None));
}
