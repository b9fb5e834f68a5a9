//! Agents that do not behave like OpenSSH's; `tests/nodes/ssh_agent.rs` tests with that one.

use std::io::Write;
use std::os::unix::net::UnixListener;
use std::thread;

use rustix::net::{SocketFlags, bind, listen};
use tempfile::TempDir;

use super::*;

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

/// What comes of asking an agent that gives these answers, one to each message, and then says nothing more. It ends
/// only when its client does.
fn ask(answers: Vec<Vec<u8>>) -> SshAgentError {
    let folder = TempDir::new().expect("a folder");
    let socket = folder.path().join("socket");
    let listener = UnixListener::bind(&socket).expect("a socket");
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        for answer in answers {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer);
        }
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let account = Account {
        name: "hadoop".parse().expect("a name"),
        home: folder.path().to_owned(),
        ids: None,
    };
    let agent = SshAgent { socket, account };
    let key = PublicKey::from_openssh(KEY).expect("a key");
    let refused = agent.sign(&key, b"message").expect_err("nobody has it");
    serving.join().expect("no panic");
    refused
}

/// A list of this key.
fn listing(key: &PublicKey) -> Vec<u8> {
    let blob = string(&key.to_bytes().expect("bytes"));
    let list = [
        &[IDENTITIES_ANSWER, 0, 0, 0, 1],
        &blob[..],
        &string(b"a comment"),
    ];
    list.concat()
}

#[test]
fn each_way_to_not_sign_has_its_message() {
    let key = PublicKey::from_openssh(KEY).expect("a key");
    let failure = string(&[FAILURE]);
    let none = string(&[IDENTITIES_ANSWER, 0, 0, 0, 0]);
    let refused = ask(vec![failure.clone(), none]);
    assert!(matches!(refused, SshAgentError::NotHeld(_)), "{refused}");
    let refused = ask(vec![failure.clone(), string(&listing(&key))]);
    assert!(matches!(refused, SshAgentError::Refused(_)), "{refused}");

    // A signature of nobody, of the right form.
    let data = [&string(b"ssh-ed25519")[..], &string(&[7; 64])].concat();
    let signed = [&[SIGN_RESPONSE], &string(&data)[..]].concat();
    let refused = ask(vec![string(&signed)]);
    assert!(matches!(refused, SshAgentError::Wrong(_)), "{refused}");

    let strange: [Vec<Vec<u8>>; 5] = [
        vec![b"HTTP/1.1 400 Bad Request".to_vec()],
        vec![vec![0, 0, 0, 0]],
        vec![string(&[SIGN_RESPONSE])],
        vec![string(&[SIGN_RESPONSE, 0xff, 0xff, 0xff, 0xff])],
        vec![failure.clone(), failure],
    ];
    for answers in strange {
        let shown = format!("{answers:?}");
        let refused = ask(answers);
        assert!(
            matches!(refused, SshAgentError::Strange(_)),
            "{shown}: {refused}"
        );
    }
    let begin = Instant::now();
    let refused = ask(vec![b"\0\0\0\x05\x0e".to_vec()]);
    assert!(matches!(refused, SshAgentError::Silent(_)), "{refused}");
    assert!(begin.elapsed() >= LIMIT);
}

#[test]
fn a_list_is_read_to_its_end() {
    let key = PublicKey::from_openssh(KEY).expect("a key");
    let blob = key.to_bytes().expect("bytes");
    let list = listing(&key);
    assert_eq!(lists(&list, &blob), Some(true));
    assert_eq!(lists(&list, &blob[1..]), Some(false));
    for end in 0..list.len() {
        assert_eq!(lists(&list[..end], &blob), None, "cut at {end}");
    }
    assert_eq!(lists(&[&list[..], &[0]].concat(), &blob), None);
    let endless = [&[IDENTITIES_ANSWER, 0xff, 0xff, 0xff, 0xff], &list[5..]].concat();
    assert_eq!(lists(&endless, &blob), None);
}

/// A listener that takes few clients before it accepts them: that of the standard library takes thousands.
fn with_short_queue(path: &Path) -> UnixListener {
    let (family, kind) = (AddressFamily::UNIX, SocketType::STREAM);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None).expect("a socket");
    let address = SocketAddrUnix::new(path).expect("a short path");
    bind(&socket, &address).expect("a free path");
    listen(&socket, 1).expect("a bound socket");
    UnixListener::from(socket)
}

#[test]
fn an_agent_that_is_gone_or_takes_nobody_is_not_waited_for_for_long() {
    let folder = TempDir::new().expect("a folder");
    let socket = folder.path().join("socket");
    let until = Instant::now() + Duration::from_millis(100);
    assert!(open(&socket, until).is_err());
    let listener = with_short_queue(&socket);
    let mut clients = Vec::new();
    // Its queue is full at last.
    let refused = loop {
        match open(&socket, Instant::now() + Duration::from_millis(100)) {
            Ok(client) => clients.push(client),
            Err(why) => break why,
        }
        assert!(clients.len() < 100, "a queue without end");
    };
    assert_eq!(refused.kind(), ErrorKind::WouldBlock);
    drop(listener);
    let until = Instant::now() + Duration::from_millis(100);
    assert!(open(&socket, until).is_err());
}
