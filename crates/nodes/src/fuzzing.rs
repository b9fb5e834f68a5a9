//! Parsers of the nodes' stored state, for the fuzz targets and the tests of the corpus.

use std::collections::BTreeMap;

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ssh_key::PrivateKey;

use super::auth::Secret;
use super::fields::PublicKey;
use super::message::ClientRequest;
use super::roster::Rules;
use super::ssh_agent;
use super::state::PersistedState;
use super::tls::CertifiedClient;
use super::zk_store::{Values, read, written};
use heartline_core::detect::{DetectorConfig, Rule};

/// Parses a server's state and continues with it. State that is stored then must parse to the same value again.
pub fn state(bytes: &[u8]) {
    if let Ok(kept) = PersistedState::read(bytes) {
        assert!(PersistedState::read(&kept.text()).is_ok_and(|again| again == kept));
        go_on(kept);
    }
}

/// Parses the same state from znodes: `NAME<TAB>VALUE` lines, with the folder's value under the empty name.
pub fn store(bytes: &[u8]) {
    let mut values = Values::new();
    for line in bytes.split(|byte| *byte == b'\n') {
        let tab = line.iter().position(|byte| *byte == b'\t');
        let (name, value) = tab.map_or((line, &[][..]), |tab| (&line[..tab], &line[tab + 1..]));
        let name = String::from_utf8_lossy(name).into_owned();
        values.insert(name, value.to_vec());
    }
    if let Ok(secret) = Secret::new(b"sixteen bytes and more") {
        let marked = read(&values, Some(&secret), true, &mut BTreeMap::new());
        let marked = marked.map_or(0, |kept| kept.nodes.len());
        assert_eq!(marked, 0, "nobody marked it");
        let _ = secret.unmarked("", bytes);
    }
    if let Ok(kept) = read(&values, None, true, &mut BTreeMap::new()) {
        let again = read(&written(&kept, None), None, true, &mut BTreeMap::new());
        assert!(again.is_ok_and(|again| again == kept));
        go_on(kept);
    }
}

/// Reads the certificate of a client, which speaks for no name that is not in it.
pub fn certificate(bytes: &[u8]) {
    let Ok(client) = CertifiedClient::of(&bytes.into(), &[]) else {
        return;
    };
    let name = "n9.hadoop.com";
    let lower = bytes.to_ascii_lowercase();
    let is_in_it = lower
        .windows(name.len())
        .any(|part| part == name.as_bytes());
    if let Ok(host) = name.parse() {
        let is_permitted = client.permits(&ClientRequest::Forget(host, true)).is_ok();
        assert!(is_in_it || !is_permitted);
    }
}

/// Verifies a signature with these bytes as its base64 content.
pub fn signature(bytes: &[u8]) {
    let text = armoured("SSH SIGNATURE", bytes);
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    if let Ok(key) = key.parse::<PublicKey>() {
        assert!(
            !key.has_signed(b"message", &text),
            "nobody has its other half"
        );
    }
}

/// Parses an answer of an `ssh-agent`.
pub fn agent_answer(bytes: &[u8]) {
    let _ = ssh_agent::signature(bytes);
    // A key is in a list only as it is.
    if let Some((length, answer)) = bytes.split_first() {
        let key = answer.get(..usize::from(*length)).unwrap_or_default();
        if ssh_agent::lists(answer, key) == Some(true) {
            let among = answer.windows(key.len().max(1)).any(|part| part == key);
            assert!(key.is_empty() || among);
        }
    }
}

/// Encodes bytes in OpenSSH's armoured format.
fn armoured(what: &str, bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    let (lines, rest) = text.as_bytes().as_chunks::<70>();
    let lines = lines.iter().map(<[u8; 70]>::as_slice);
    let lines = lines.chain((!rest.is_empty()).then_some(rest));
    let lines: Vec<u8> = lines.flat_map(|line| [line, b"\n"].concat()).collect();
    let lines = String::from_utf8_lossy(&lines);
    format!("-----BEGIN {what}-----\n{lines}-----END {what}-----\n")
}

/// Simulates a server that starts with this state and stops.
fn go_on(kept: PersistedState) {
    let rules = Rules {
        detection: DetectorConfig {
            rule: Rule::Fixed,
            timeout: Duration::from_secs(3),
            longest_gap: Duration::from_secs(1),
        },
        reconnect_timeout: Duration::from_secs(1),
        grace: Duration::from_secs(3),
        most: 100,
        most_of_one: 10,
        domain: None,
    };
    let mut roster = kept.roster(rules, Duration::ZERO);
    for second in [0, 1, 10] {
        roster.tick(Duration::from_secs(second));
        while roster.poll_event().is_some() {}
    }
    let kept = PersistedState::of(&roster);
    assert!(PersistedState::read(&kept.text()).is_ok_and(|again| again == kept));
}

/// Parses both halves of a key; the private one also from these bytes as the base64 content of a key file. The public
/// half must be the same when it is written again.
pub fn key(bytes: &[u8]) {
    for text in [bytes, armoured("OPENSSH PRIVATE KEY", bytes).as_bytes()] {
        if let Ok(private) = PrivateKey::from_openssh(text) {
            let _ = private.public_key().to_openssh();
        }
    }
    let text = String::from_utf8_lossy(bytes);
    if let Ok(public) = text.parse::<PublicKey>() {
        assert_eq!(public.as_str().parse(), Ok(public.clone()));
        assert!(!public.as_str().contains(['\n', '\r']));
    }
}
