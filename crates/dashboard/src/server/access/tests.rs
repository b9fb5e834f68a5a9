//! Tests of who may ask.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;

use axum::body::Body;

use super::*;

const SECRET: &str = "0123456789abcdef";

fn access(token: Option<&str>, hosts: &[&str]) -> Access {
    let listen = SocketAddr::from(([10, 0, 0, 7], 50092));
    let hosts: Vec<String> = hosts.iter().map(|host| (*host).to_owned()).collect();
    Access::new(listen, token.and_then(Token::new), &hosts, false)
}

fn request(uri: &str, headers: &[(&str, &str)]) -> Request {
    let mut request = Request::builder().uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

fn status(access: &Access, request: &Request) -> u16 {
    let checked = access.check(request);
    checked.map_or_else(|refusal| refusal.status().as_u16(), |()| 200)
}

#[test]
fn without_a_token_only_known_names_are_answered() {
    let access = access(None, &["Proxy.example"]);
    for (host, expected) in [
        ("127.0.0.1:50092", 200),
        ("localhost", 200),
        ("[::1]:50092", 200),
        ("10.0.0.7:50092", 200),
        ("proxy.example", 200),
        ("rebound.example:50092", 421),
        ("127.0.0.1.rebound.example", 421),
        ("", 421),
    ] {
        assert_eq!(
            status(&access, &request("/", &[("host", host)])),
            expected,
            "{host}"
        );
    }
    assert_eq!(status(&access, &request("/", &[])), 421);
}

#[test]
fn with_a_token_only_who_knows_it_is_answered() {
    let access = access(Some(SECRET), &[]);
    let bearer = format!("Bearer {SECRET}");
    let cookie = format!("heartline-token-50092=stale; heartline-token-50092={SECRET}");
    let ask = |headers: &[(&str, &str)]| status(&access, &request("/api/v1/jobs", headers));
    assert_eq!(ask(&[("authorization", &bearer)]), 200);
    assert_eq!(ask(&[("cookie", &cookie)]), 200);
    assert_eq!(ask(&[]), 401);
    assert_eq!(ask(&[("authorization", "Bearer 0123456789abcdeg")]), 401);
    assert_eq!(ask(&[("cookie", "heartline-token-50092=")]), 401);
}

#[test]
fn the_first_visit_is_answered_by_a_cookie_and_an_address_without_the_token() {
    let access = access(Some(SECRET), &[]);
    let visit = request(&format!("/?view=x&token={SECRET}"), &[]);
    let answer = access.check(&visit).unwrap_err();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()[LOCATION], "./");
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
    assert!(cookie.ends_with("; HttpOnly; SameSite=Lax"), "{cookie}");
    assert_eq!(status(&access, &request("/?token=wrong", &[])), 401);
    let program = request(&format!("/metrics?token={SECRET}"), &[]);
    assert_eq!(status(&access, &program), 200);
}

#[test]
fn a_token_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let mut file = std::fs::File::create(&path).unwrap();
    writeln!(file, "{SECRET}").unwrap();
    for (mode, expected) in [(0o600, None), (0o640, Some("can be read by others"))] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let why = Token::read(&path).err();
        let is_told = why
            .as_ref()
            .zip(expected)
            .is_none_or(|(why, told)| why.contains(told));
        assert!(why.is_some() == expected.is_some() && is_told, "{why:?}");
    }
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&path, "short\n").unwrap();
    assert!(Token::read(&path).is_err_and(|why| why.contains("16 or more")));
    assert!(Token::read(&folder.path().join("none")).is_err());
}
