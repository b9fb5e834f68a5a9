//! DIGEST-MD5 (RFC 2831): the client's part, for authentication only.

use std::collections::HashMap;
use std::fmt::Write;

use md5::{Digest, Md5};

/// The client's identity, and the service to which it proves it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Party<'a> {
    pub(super) user: &'a str,
    pub(super) password: &'a str,
    /// `<service>/<host>`
    pub(super) uri: &'a str,
    /// An unpredictable value.
    pub(super) nonce: &'a str,
}

/// The response to a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The text to send.
    pub(super) text: String,
    /// What the server must answer, if it knows the password too.
    pub(super) proof: String,
}

/// Answers a server's challenge; an error if the server asks for anything but authentication.
pub(super) fn answer(challenge: &[u8], party: Party) -> Result<Answer, &'static str> {
    let challenge =
        std::str::from_utf8(challenge).map_err(|_| "the challenge is not valid UTF-8")?;
    let directives = directives(challenge).ok_or("the challenge cannot be read")?;
    if directives.get("algorithm").map(String::as_str) != Some("md5-sess") {
        return Err("the challenge is not for DIGEST-MD5");
    }
    let qualities = directives.get("qop").map_or("auth", String::as_str);
    if !qualities.split(',').any(|one| one.trim() == "auth") {
        // `hadoop.rpc.protection` other than `authentication`.
        return Err("it requires signed or encrypted messages");
    }
    let nonce = directives
        .get("nonce")
        .ok_or("the challenge has no nonce")?;
    let realm = directives.get("realm").map_or("", String::as_str);
    let session = Session {
        party,
        realm,
        nonce,
    };
    let mut text = String::from("charset=utf-8");
    for (name, value) in [
        ("username", party.user),
        ("realm", realm),
        ("nonce", nonce),
        ("cnonce", party.nonce),
        ("digest-uri", party.uri),
    ] {
        let _ = write!(text, ",{name}=\"{}\"", quoted(value));
    }
    let response = session.response("AUTHENTICATE");
    let _ = write!(text, ",nc={COUNT},qop=auth,response={response}");
    Ok(Answer {
        text,
        proof: format!("rspauth={}", session.response("")),
    })
}

/// The nonce count: each nonce is used once.
const COUNT: &str = "00000001";

/// The values that both sides know.
struct Session<'a> {
    party: Party<'a>,
    realm: &'a str,
    nonce: &'a str,
}

impl Session<'_> {
    /// The `response-value` of RFC 2831, 2.1.2.1; `method` is the client's, or empty for the server.
    fn response(&self, method: &str) -> String {
        let Party {
            user,
            password,
            uri,
            nonce: own,
        } = self.party;
        let Self { realm, nonce, .. } = self;
        let mut secret = Md5::digest(format!("{user}:{realm}:{password}")).to_vec();
        secret.extend(format!(":{nonce}:{own}").as_bytes());
        let secret = hex(&secret);
        let what = hex(format!("{method}:{uri}").as_bytes());
        hex(format!("{secret}:{nonce}:{COUNT}:{own}:auth:{what}").as_bytes())
    }
}

fn hex(bytes: &[u8]) -> String {
    let digest: [u8; 16] = Md5::digest(bytes).into();
    format!("{:032x}", u128::from_be_bytes(digest))
}

fn quoted(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

/// Parses `name=value,name="value",…`; of duplicates the first counts, as when a server offers more than one realm.
fn directives(mut text: &str) -> Option<HashMap<String, String>> {
    let mut directives = HashMap::new();
    loop {
        text = text.trim_start_matches([',', ' ', '\t', '\r', '\n']);
        if text.is_empty() {
            return Some(directives);
        }
        let (name, rest) = text.split_once('=')?;
        let (value, rest) = match rest.strip_prefix('"') {
            Some(rest) => unquoted(rest)?,
            None => rest.split_at(rest.find(',').unwrap_or(rest.len())),
        };
        let name = name.trim().to_ascii_lowercase();
        directives
            .entry(name)
            .or_insert_with(|| value.trim().to_owned());
        text = rest;
    }
}

/// The text before the closing quotation mark, and the text after it.
fn unquoted(text: &str) -> Option<(&str, &str)> {
    let mut is_escaped = false;
    let end = text.find(|letter| {
        let ends = letter == '"' && !is_escaped;
        is_escaped = letter == '\\' && !is_escaped;
        ends
    })?;
    let (value, rest) = text.split_at(end);
    // No challenge of a Hadoop server needs escapes.
    (!value.contains('\\')).then_some((value, &rest[1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 2831, section 4.
    const CHALLENGE: &str = "realm=\"elwood.innosoft.com\",nonce=\"OA6MG9tEQGm2hh\",qop=\"auth\",\
                             algorithm=md5-sess,charset=utf-8";

    const PARTY: Party = Party {
        user: "chris",
        password: "secret",
        uri: "imap/elwood.innosoft.com",
        nonce: "OA6MHXh6VqTrRk",
    };

    #[test]
    fn the_example_of_the_standard_comes_out() {
        let answer = answer(CHALLENGE.as_bytes(), PARTY).unwrap();
        let said = directives(&answer.text).unwrap();
        let expected = "charset=utf-8,username=\"chris\",realm=\"elwood.innosoft.com\",\
                        nonce=\"OA6MG9tEQGm2hh\",nc=00000001,cnonce=\"OA6MHXh6VqTrRk\",\
                        digest-uri=\"imap/elwood.innosoft.com\",\
                        response=d388dad90d4bbd760a152321f2143af7,qop=auth";
        assert_eq!(said, directives(expected).unwrap());
        assert_eq!(answer.proof, "rspauth=ea40f60335c427b5527b84dbabcdfffd");
    }

    #[test]
    fn what_is_not_authentication_alone_is_refused() {
        let asked = |challenge: &str| answer(challenge.as_bytes(), PARTY);
        let private = CHALLENGE.replace("\"auth\"", "\"auth-int,auth-conf\"");
        assert!(asked(&private).unwrap_err().contains("encrypted"));
        let choice = CHALLENGE.replace("\"auth\"", "\"auth-conf,auth-int,auth\"");
        assert_eq!(asked(&choice), asked(CHALLENGE));
        // The default is authentication only.
        let silent = CHALLENGE.replace("qop=\"auth\",", "");
        assert_eq!(asked(&silent), asked(CHALLENGE));
        assert!(asked(&CHALLENGE.replace("nonce", "once")).is_err());
        assert!(asked(&CHALLENGE.replace("md5-sess", "md5")).is_err());
        for broken in ["", "realm", "realm=\"open", "realm=\"a\\\"b\"", "=,=,\""] {
            assert!(asked(broken).is_err(), "{broken}");
        }
        assert!(answer(b"\xff", PARTY).is_err());
    }

    #[test]
    fn a_quotation_mark_in_a_name_is_quoted() {
        assert_eq!(quoted(r#"a"b\c"#), r#"a\"b\\c"#);
        assert_eq!(unquoted(r#"a\\",b"#), None);
        assert_eq!(unquoted(r#"a,b",c"#), Some(("a,b", ",c")));
    }
}
