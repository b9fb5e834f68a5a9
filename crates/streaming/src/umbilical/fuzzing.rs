//! Parsers of data from an application master and its job's files, for the fuzz targets and the tests of the corpus.

use std::io::{self, Cursor, Read, Write};

use super::attempt::AttemptId;
use super::cipher::CipherKind;
use super::credentials::{Token, tokens};
use super::dialog::{Chance, fail};
use super::digest::{Party, answer};
use super::layer::{End, SecurityLayer, Terms};
use super::parent::Master;
use super::protection::Protection;
use super::writable::{Taker, put_number};

/// Parses a file of tokens. The result is never larger than the input.
pub fn credentials(bytes: &[u8]) {
    let found = tokens(bytes).unwrap_or_default();
    assert!(found.len() <= bytes.len(), "a token has a byte at least");
    for token in found {
        assert!(token.identifier.len() + token.password.len() <= bytes.len());
        // It shows only its kind.
        let _ = format!("{token:?}");
    }
}

/// Parses numbers in Hadoop's format: each is the same when it is written again.
pub fn numbers(bytes: &[u8]) {
    let mut taker = Taker(bytes);
    while let Some(number) = taker.number() {
        let mut again = Vec::new();
        put_number(&mut again, number);
        assert_eq!(Taker(&again).number(), Some(number));
    }
    let mut taker = Taker(bytes);
    while taker.counted().is_some() {}
}

/// Answers a challenge. No answer contains the password.
pub fn challenge(bytes: &[u8]) {
    let party = Party {
        user: "chris",
        password: "the password of the token",
        uri: "/default",
        nonce: "cnonce",
    };
    if let Ok(answer) = answer(bytes, party, Protection::Authentication) {
        let repeated = String::from_utf8_lossy(bytes).contains(party.password);
        assert!(repeated || !answer.text.contains(party.password));
    }
}

/// Talks to a master that sends these bytes, whatever it receives.
pub fn dialog(bytes: &[u8]) {
    let chance = Chance {
        nonce: "cnonce".to_owned(),
        client: *b"sixteen bytes of",
    };
    let Ok(attempt) = "attempt_1795260688574_0001_m_000002_0".parse() else {
        unreachable!("this is one");
    };
    let mut stream = Script {
        answers: Cursor::new(bytes),
        said: 0,
    };
    if let Some(token) = token() {
        // The report may succeed: then the bytes come from somebody who knows the token.
        let least = Protection::Authentication;
        let outcome = fail(
            &mut stream,
            &token,
            least,
            &chance,
            (&attempt, "the reason"),
        );
        if let Err(refusal) = outcome {
            let _ = refusal.to_string();
        }
    }
    assert!(stream.said < 64 * 1024 + 8 * bytes.len(), "so much to say");
}

/// Receives protected messages, some of which were changed, cut, repeated, left out or made up on their way. Each
/// message is taken if and only if it is the next one that the other end has sent, and nothing was wrong before it.
///
/// The first byte says how they are protected. Of each three that follow, the first says which message comes, and the
/// second what has become of it, at the place that the third says.
pub fn unwrap(bytes: &[u8]) {
    let Some((terms, script)) = bytes.split_first() else {
        return;
    };
    let terms = match terms % 3 {
        0 => Terms::Integrity,
        1 => Terms::Privacy(CipherKind::TripleDes),
        _ => Terms::Privacy(CipherKind::Rc4),
    };
    let secret = b"a secret of both";
    let mut server = SecurityLayer::new(terms, secret, End::Server);
    let mut client = SecurityLayer::new(terms, secret, End::Client);
    let texts = ["", "one", "two, which is longer than a block", "3"];
    let genuine = texts.map(|text| server.wrap(text.as_bytes()).unwrap_or_default());
    let (mut next, mut is_whole) = (0, true);
    for (step, of) in script.as_chunks::<3>().0.iter().zip(1..) {
        let [which, fate, place] = *step;
        let mut message = genuine[usize::from(which) % genuine.len()].clone();
        let place = usize::from(place) % (message.len() + 1);
        match fate % 4 {
            0 => {}
            1 => message.truncate(place),
            2 => message
                .iter_mut()
                .skip(place)
                .take(1)
                .for_each(|byte| *byte ^= fate | 1),
            // Anything at all.
            _ => message = script[of * 3..].to_vec(),
        }
        is_whole = is_whole && genuine.get(next) == Some(&message);
        let taken = client.unwrap(&message);
        assert_eq!(taken.is_ok(), is_whole, "{step:?}");
        if is_whole {
            assert_eq!(taken.as_deref(), Ok(texts[next].as_bytes()));
            next += 1;
        }
    }
}

/// A token that is the same in every run.
fn token() -> Option<Token> {
    let text = |text: &[u8]| [&[u8::try_from(text.len()).unwrap_or(0)], text].concat();
    let file = [
        b"HDTS\0\x01",
        &text(b"JobToken")[..],
        &text(b"\x16job_1795260688574_0001"),
        &text(b"the password of the token"),
        &text(b"mapreduce.job"),
        &text(b""),
    ];
    tokens(&file.concat())?.pop()
}

/// Parses an attempt id, and the command line of the Java process above a task.
pub fn command_line(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(id) = text.parse::<AttemptId>() {
        id.put(&mut Vec::new());
        assert!(id.job().starts_with("job_"));
    }
    let words: Vec<&str> = text.split('\0').collect();
    let attempt = words.iter().rev().nth(1).copied().unwrap_or_default();
    if let Some(master) = Master::in_command_line(&words, attempt) {
        assert!(!master.host.is_empty() && master.port != 0);
    }
}

/// A stream with prepared answers.
struct Script<'a> {
    answers: Cursor<&'a [u8]>,
    said: usize,
}

impl Read for Script<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.answers.read(buffer)
    }
}

impl Write for Script<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.said += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
