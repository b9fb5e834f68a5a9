//! The examples of the standard, and what is offered and chosen.

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

fn asked(challenge: &str, least: Protection) -> Result<String, DigestError> {
    let answer = answer(challenge.as_bytes(), PARTY, least)?;
    Ok(answer.text)
}

fn offering(qop: &str, more: &str) -> String {
    CHALLENGE.replace("qop=\"auth\"", &format!("qop=\"{qop}\"{more}"))
}

#[test]
fn the_example_of_the_standard_comes_out() {
    let answer = answer(CHALLENGE.as_bytes(), PARTY, Protection::Authentication).unwrap();
    let said = directives(&answer.text).unwrap();
    let expected = "charset=utf-8,username=\"chris\",realm=\"elwood.innosoft.com\",\
                    nonce=\"OA6MG9tEQGm2hh\",nc=00000001,cnonce=\"OA6MHXh6VqTrRk\",\
                    digest-uri=\"imap/elwood.innosoft.com\",\
                    response=d388dad90d4bbd760a152321f2143af7,qop=auth";
    assert_eq!(said, directives(expected).unwrap());
    let proof = b"rspauth=ea40f60335c427b5527b84dbabcdfffd";
    assert!(answer.agreed(Some(proof)).is_some_and(|it| it.is_none()));
    assert!(answer.agreed(Some(&proof[1..])).is_none());
    assert!(answer.agreed(Some(b"")).is_none());
    assert!(answer.agreed(None).is_none());
}

#[test]
fn the_strongest_on_offer_is_chosen() {
    let ciphers = ",cipher=\"rc4-40,rc4,des, 3DES\"";
    for (qop, more, expected) in [
        ("auth-conf,auth-int,auth", ciphers, "qop=auth-conf"),
        ("auth, auth-int , auth-conf", ciphers, "cipher=\"3des\""),
        ("auth-conf", ",cipher=\"rc4,des\"", "cipher=\"rc4\""),
        ("auth-conf,auth-int", ",cipher=\"des\"", "qop=auth-int"),
        ("auth-conf,auth", "", "qop=auth,"),
        ("auth-int", "", "qop=auth-int"),
        ("AUTH-INT,auth-new", "", "qop=auth-int"),
    ] {
        let text = asked(&offering(qop, more), Protection::Authentication).unwrap();
        assert!(text.contains(expected), "{qop}{more}: {text}");
    }
    // The default is authentication alone.
    let silent = CHALLENGE.replace("qop=\"auth\",", "");
    let said = |challenge: &str| asked(challenge, Protection::Authentication);
    assert_eq!(said(&silent), said(CHALLENGE));
}

#[test]
fn no_less_is_accepted_than_the_job_asks_for_or_the_server_demands() {
    let ciphers = ",cipher=\"3des\"";
    for (qop, more, least) in [
        ("auth", "", Protection::Integrity),
        ("auth", "", Protection::Privacy),
        ("auth,auth-int", "", Protection::Privacy),
        ("auth,auth-conf", ",cipher=\"des\"", Protection::Privacy),
        ("auth,auth-conf", ",cipher=\"des\"", Protection::Integrity),
    ] {
        let refused = asked(&offering(qop, more), least);
        assert_eq!(refused, Err(DigestError::Less(least)), "{qop}{more}");
    }
    for (qop, least) in [
        ("auth-conf", Protection::Privacy),
        ("auth-conf", Protection::Authentication),
        ("auth,auth-int,auth-conf", Protection::Integrity),
    ] {
        let text = asked(&offering(qop, ciphers), least).unwrap();
        assert!(text.contains("qop=auth-conf"), "{qop}: {text}");
    }
    for (qop, more) in [
        ("auth-conf", ""),
        ("auth-conf", ",cipher=\"des,rc4-40,rc4-56,3des2\""),
        ("", ""),
        ("token", ciphers),
    ] {
        let refused = asked(&offering(qop, more), Protection::Authentication);
        assert_eq!(refused, Err(DigestError::Unknown), "{qop}{more}");
    }
}

#[test]
fn a_challenge_that_makes_no_sense_is_refused() {
    let asked = |challenge: &str| asked(challenge, Protection::Authentication);
    assert!(asked(&CHALLENGE.replace("nonce", "once")).is_err());
    assert!(asked(&CHALLENGE.replace("md5-sess", "md5")).is_err());
    for size in ["0", "255", "16777216", "-1", "99999999999999999999999", "x"] {
        let size = format!("{CHALLENGE},maxbuf={size}");
        assert!(asked(&size).is_err(), "{size}");
    }
    assert!(asked(&format!("{CHALLENGE},maxbuf=16777215")).is_ok());
    for broken in ["", "realm", "realm=\"open", "realm=\"a\\\"b\"", "=,=,\""] {
        assert!(asked(broken).is_err(), "{broken}");
    }
    assert!(answer(b"\xff", PARTY, Protection::Authentication).is_err());
}

#[test]
fn a_quotation_mark_in_a_name_is_quoted() {
    assert_eq!(quoted(r#"a"b\c"#), r#"a\"b\\c"#);
    assert_eq!(unquoted(r#"a\\",b"#), None);
    assert_eq!(unquoted(r#"a,b",c"#), Some(("a,b", ",c")));
}
