//! Masters that do not behave like Hadoop's own; `tests/umbilical.rs` tests with that one.

use proptest::prelude::*;

use super::*;

/// A stream with prepared answers.
struct Script {
    answers: io::Cursor<Vec<u8>>,
    said: Vec<u8>,
}

impl Read for Script {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.answers.read(buffer)
    }
}

impl Write for Script {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.said.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

const SECRET: &[u8] = b"the password of the token";

/// The result of a conversation with a master that gives these answers, and what the client sent.
fn fail_with(answers: Vec<u8>) -> (Result<(), DialogError>, Vec<u8>) {
    let mut stream = Script {
        answers: io::Cursor::new(answers),
        said: Vec::new(),
    };
    let chance = Chance {
        nonce: "cnonce".to_owned(),
        client: *b"sixteen bytes of",
    };
    let attempt = "attempt_1795260688574_0001_m_000002_0".parse().unwrap();
    let outcome = fail(&mut stream, &token(), &chance, &attempt, "the reason");
    (outcome, stream.said)
}

fn token() -> Token {
    let text = |text: &[u8]| [&[u8::try_from(text.len()).unwrap()], text].concat();
    let file = [
        b"HDTS\0\x01",
        &text(b"JobToken")[..],
        &text(b"\x16job_1795260688574_0001"),
        &text(SECRET),
        &text(b"mapreduce.job"),
        &text(b""),
    ];
    let mut tokens = crate::umbilical::credentials::tokens(&file.concat()).unwrap();
    tokens.pop().unwrap()
}

fn answer(call: i32, status: i32, exception: Option<&str>, body: &[u8]) -> Vec<u8> {
    let header = Response {
        call: call.cast_unsigned(),
        status,
        exception: exception.map(str::to_owned),
        message: exception.map(|_| "because\n\tat a.b.C(D.java:7)".to_owned()),
    };
    let header = header.encode_length_delimited_to_vec();
    let length = u32::try_from(header.len() + body.len()).unwrap();
    [&length.to_be_bytes(), &header[..], body].concat()
}

fn sasl(state: State, token: Option<&str>, ways: Vec<Way>) -> Vec<u8> {
    let sasl = Sasl {
        state: state.into(),
        token: token.map(|token| token.as_bytes().to_owned()),
        ways,
        ..Sasl::default()
    };
    answer(SASL, SUCCESS, None, &sasl.encode_length_delimited_to_vec())
}

fn way(method: &str) -> Way {
    let challenge = "realm=\"default\",nonce=\"n\",charset=utf-8,algorithm=md5-sess";
    Way {
        method: method.to_owned(),
        mechanism: "DIGEST-MD5".to_owned(),
        protocol: Some(String::new()),
        server: Some("default".to_owned()),
        challenge: Some(challenge.as_bytes().to_owned()),
    }
}

/// The answers of a master that knows the token.
fn welcome() -> Vec<u8> {
    let token = token();
    let party = Party {
        user: &STANDARD.encode(&token.identifier),
        password: &STANDARD.encode(&token.password),
        uri: "/default",
        nonce: "cnonce",
    };
    let challenge = way("TOKEN").challenge.unwrap();
    let proof = digest::answer(&challenge, party).unwrap().proof;
    [
        sasl(State::Negotiate, None, vec![way("SIMPLE"), way("TOKEN")]),
        sasl(State::Success, Some(&proof), Vec::new()),
    ]
    .concat()
}

fn holds(said: &[u8], what: &[u8]) -> bool {
    said.windows(what.len()).any(|window| window == what)
}

#[test]
fn the_reason_is_said_once_and_the_secret_never() {
    let (outcome, said) = fail_with([welcome(), answer(0, SUCCESS, None, b"")].concat());
    outcome.unwrap();
    assert!(said.starts_with(&GREETING));
    assert!(holds(&said, b"the reason"));
    assert!(!holds(&said, SECRET));
    assert!(!holds(&said, STANDARD.encode(SECRET).as_bytes()));
}

#[test]
fn a_master_that_does_not_know_the_token_hears_nothing() {
    let pretender = [
        sasl(State::Negotiate, None, vec![way("TOKEN")]),
        sasl(State::Success, Some("rspauth=0"), Vec::new()),
    ];
    let careless = [
        sasl(State::Negotiate, None, vec![way("TOKEN")]),
        sasl(State::Success, None, Vec::new()),
    ];
    for answers in [pretender, careless] {
        let (outcome, said) = fail_with(answers.concat());
        let refusal = outcome.unwrap_err().to_string();
        assert!(refusal.contains("the job's token failed"), "{refusal}");
        assert!(!holds(&said, b"the reason"));
    }
    for ways in [Vec::new(), vec![way("SIMPLE")], vec![way("KERBEROS")]] {
        let (outcome, said) = fail_with(sasl(State::Negotiate, None, ways));
        let refusal = outcome.unwrap_err().to_string();
        assert!(refusal.contains("offers no authentication"), "{refusal}");
        assert!(!holds(&said, b"response="));
    }
}

#[test]
fn each_version_is_tried_and_no_more() {
    let other = |call| answer(call, 1, Some(OTHER_VERSION), b"");
    let (outcome, _) =
        fail_with([welcome(), other(0), other(1), answer(2, SUCCESS, None, b"")].concat());
    outcome.unwrap();
    let (outcome, _) = fail_with([welcome(), other(0), other(1), other(2)].concat());
    let refusal = outcome.unwrap_err().to_string();
    assert!(refusal.ends_with("VersionMismatch: because"), "{refusal}");
    let no = answer(0, 2, Some("java.io.IOException"), b"");
    let (outcome, _) = fail_with([welcome(), no].concat());
    let refusal = outcome.unwrap_err().to_string();
    assert_eq!(refusal, "it refuses: java.io.IOException: because");
    let (outcome, _) = fail_with([welcome(), answer(7, SUCCESS, None, b"")].concat());
    let refusal = outcome.unwrap_err().to_string();
    assert!(
        refusal.ends_with("it belongs to another request"),
        "{refusal}"
    );
}

#[test]
fn an_answer_without_end_is_not_read() {
    let (outcome, _) = fail_with(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec());
    let refusal = outcome.unwrap_err().to_string();
    assert!(refusal.ends_with("its answer is too long"), "{refusal}");
    let (outcome, _) = fail_with(Vec::new());
    assert!(matches!(outcome, Err(DialogError::Line(_))));
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic(
        garbage in proptest::collection::vec(any::<u8>(), 0..200),
        place in any::<prop::sample::Index>(),
    ) {
        let mut answers = [welcome(), answer(0, SUCCESS, None, b"")].concat();
        let begin = place.index(answers.len());
        for (byte, other) in answers[begin..].iter_mut().zip(&garbage) {
            *byte = *other;
        }
        let _ = fail_with(answers);
        let _ = fail_with(garbage);
    }
}
