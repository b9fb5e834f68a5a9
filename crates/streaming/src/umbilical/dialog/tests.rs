//! Masters that do not behave like Hadoop's own; `tests/hadoop/umbilical.rs` tests with that one.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::*;
use crate::umbilical::frame::{Response, SUCCESS};
use crate::umbilical::layer::{CHANGED, SecurityLayer};

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
    fail_protected(answers, Protection::Authentication)
}

fn fail_protected(answers: Vec<u8>, least: Protection) -> (Result<(), DialogError>, Vec<u8>) {
    let mut stream = Script {
        answers: io::Cursor::new(answers),
        said: Vec::new(),
    };
    let chance = Chance {
        nonce: "cnonce".to_owned(),
        client: *b"sixteen bytes of",
    };
    let attempt = "attempt_1795260688574_0001_m_000002_0".parse().unwrap();
    let outcome = fail(
        &mut stream,
        &token(),
        least,
        &chance,
        (&attempt, "the reason"),
    );
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

fn sasl(state: State, token: Option<&[u8]>, ways: Vec<Way>) -> Vec<u8> {
    let sasl = Sasl {
        state: state.into(),
        token: token.map(<[u8]>::to_owned),
        ways,
        ..Sasl::default()
    };
    answer(SASL, SUCCESS, None, &sasl.encode_length_delimited_to_vec())
}

fn way(method: &str, more: &str) -> Way {
    let challenge = "realm=\"default\",nonce=\"n\",charset=utf-8,algorithm=md5-sess";
    Way {
        method: method.to_owned(),
        mechanism: "DIGEST-MD5".to_owned(),
        protocol: Some(String::new()),
        server: Some("default".to_owned()),
        challenge: Some(format!("{challenge}{more}").into_bytes()),
    }
}

/// What the challenge says of protection, from none to the strongest.
const OFFERS: [&str; 3] = [
    "",
    ",qop=\"auth-int\"",
    ",qop=\"auth-conf\",cipher=\"3des\"",
];

/// The answers of a master that knows the token.
fn welcome() -> Vec<u8> {
    welcome_on("").0
}

/// The same of one whose challenge says this too, and how it protects what it says then.
fn welcome_on(offer: &str) -> (Vec<u8>, Option<SecurityLayer>) {
    let token = token();
    let party = Party {
        user: &STANDARD.encode(&token.identifier),
        password: &STANDARD.encode(&token.password),
        uri: "/default",
        nonce: "cnonce",
    };
    let way = |method| way(method, offer);
    let challenge = way("TOKEN").challenge.unwrap();
    let answer = digest::answer(&challenge, party, Protection::Authentication).unwrap();
    let (proof, layer) = answer.of_server();
    let said = [
        sasl(State::Negotiate, None, vec![way("SIMPLE"), way("TOKEN")]),
        sasl(State::Success, Some(proof.as_bytes()), Vec::new()),
    ];
    (said.concat(), layer)
}

/// A protected message with these bytes.
fn wrapped(layer: &mut SecurityLayer, bytes: &[u8]) -> Vec<u8> {
    let token = layer.wrap(bytes).unwrap();
    sasl(State::Wrap, Some(&token), Vec::new())
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
        sasl(State::Negotiate, None, vec![way("TOKEN", "")]),
        sasl(State::Success, Some(b"rspauth=0"), Vec::new()),
    ];
    let careless = [
        sasl(State::Negotiate, None, vec![way("TOKEN", "")]),
        sasl(State::Success, None, Vec::new()),
    ];
    for answers in [pretender, careless] {
        let (outcome, said) = fail_with(answers.concat());
        let refusal = outcome.unwrap_err().to_string();
        assert!(refusal.contains("the job's token failed"), "{refusal}");
        assert!(!holds(&said, b"the reason"));
    }
    for ways in [
        Vec::new(),
        vec![way("SIMPLE", "")],
        vec![way("KERBEROS", "")],
    ] {
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

#[test]
fn with_protection_nothing_is_said_or_taken_without() {
    for (offer, least) in OFFERS.into_iter().zip([
        Protection::Authentication,
        Protection::Integrity,
        Protection::Privacy,
    ]) {
        let success = answer(0, SUCCESS, None, b"");
        let (mut answers, layer) = welcome_on(offer);
        let Some(mut layer) = layer else { continue };
        answers.extend(wrapped(&mut layer, &success[..3]));
        answers.extend(wrapped(&mut layer, &success[3..]));
        let (outcome, said) = fail_protected(answers, least);
        outcome.unwrap();
        let is_read = holds(&said, b"the reason");
        assert_eq!(is_read, least == Protection::Integrity, "{offer}");

        // In the clear, replayed, and with another number.
        let (answers, _) = welcome_on(offer);
        let (outcome, _) = fail_protected([answers, success.clone()].concat(), least);
        outcome.unwrap_err();
        let (mut answers, layer) = welcome_on(offer);
        let first = wrapped(&mut layer.unwrap(), &success[..3]);
        answers.extend([&first[..], &first].concat());
        let (outcome, _) = fail_protected(answers, least);
        assert_eq!(outcome.unwrap_err().to_string(), CHANGED);
        let (mut answers, _) = welcome_on(offer);
        answers.extend(sasl(State::Success, None, Vec::new()));
        let (outcome, _) = fail_protected(answers, least);
        let refusal = outcome.unwrap_err().to_string();
        assert!(
            refusal.ends_with("without the agreed protection"),
            "{refusal}"
        );
    }
}

#[test]
fn a_master_that_offers_less_than_the_job_asks_for_hears_nothing() {
    for (offer, least) in [
        (OFFERS[0], Protection::Integrity),
        (OFFERS[0], Protection::Privacy),
        (OFFERS[1], Protection::Privacy),
    ] {
        let (answers, _) = welcome_on(offer);
        let (outcome, said) = fail_protected(answers, least);
        let refusal = outcome.unwrap_err().to_string();
        let asked = format!("hadoop.rpc.protection={least}");
        assert!(refusal.contains(&asked), "{refusal}");
        assert!(!holds(&said, b"response="));
    }
}

#[test]
fn a_report_longer_than_the_master_takes_at_once_goes_in_parts() {
    let (mut answers, layer) = welcome_on(",qop=\"auth-int\",maxbuf=256");
    let mut layer = layer.unwrap();
    answers.extend(wrapped(&mut layer, &answer(0, SUCCESS, None, b"")));
    let (outcome, said) = fail_protected(answers, Protection::Integrity);
    outcome.unwrap();
    // The context, and a call of about 300 bytes in two parts.
    let tails = said.windows(6).filter(|tail| tail[..5] == [0, 1, 0, 0, 0]);
    assert_eq!(tails.filter(|tail| tail[5] < 4).count(), 3);
}

#[test]
fn the_fuzz_targets_begin_with_whole_conversations() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/corpus/umbilical_dialog");
    for name in ["told", "told-signed", "told-encrypted"] {
        let answers = fs::read(corpus.join(name)).expect(name);
        fail_with(answers).0.expect(name);
    }
}

proptest! {
    #[test]
    fn no_protected_answer_makes_it_panic(
        garbage in proptest::collection::vec(any::<u8>(), 1..200),
        place in any::<prop::sample::Index>(),
    ) {
        for offer in OFFERS {
            let (mut answers, layer) = welcome_on(offer);
            let begin = answers.len();
            let success = answer(0, SUCCESS, None, b"");
            answers.extend(match layer {
                Some(mut layer) => wrapped(&mut layer, &success),
                None => success,
            });
            let begin = begin + place.index(answers.len() - begin);
            for (byte, other) in answers[begin..].iter_mut().zip(&garbage) {
                *byte = *other;
            }
            let _ = fail_with(answers);
        }
    }

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
