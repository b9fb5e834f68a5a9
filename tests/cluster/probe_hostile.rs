//! Servers that answer with other data, or without end: they are reported as silent or broken, and cost no more than
//! the allowed memory and time.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use heartline::probe::{Pages, Silence, page, word};
use serde_json::Value;

/// How long to wait for an answer that has an end, also on a busy machine.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);
/// How long to wait for an answer without end.
const LIMIT: Duration = Duration::from_millis(1500);

/// A server that sends `begin` to each client, then `again` for as long as the client reads. Returns its port.
fn server(begin: &'static [u8], again: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("its address").port();
    let answer = move |mut stream: TcpStream| {
        // Read the question first: closing with unread data would discard the answer.
        let mut question = [0; 1024];
        let _ = stream.read(&mut question);
        let mut written = stream.write_all(begin);
        while written.is_ok() && !again.is_empty() {
            written = stream.write_all(again);
        }
    };
    thread::spawn(move || listener.incoming().flatten().for_each(answer));
    port
}

fn limit(again: &[u8]) -> Duration {
    if again.is_empty() {
        ANSWER_LIMIT
    } else {
        LIMIT
    }
}

fn asked(begin: &'static [u8], again: &'static [u8]) -> Result<Value, Silence> {
    let place = format!("127.0.0.1:{}/jmx", server(begin, again));
    page(&place, Instant::now() + limit(again))
}

#[test]
fn a_page_of_another_kind_is_no_answer() {
    for begin in [
        &b""[..],
        b"\xff\xfe\x00\x01",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{",
        b"HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7fffffff\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n{}",
        b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 999 \x1b[2J\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/9.9 200 OK\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=\xff\r\nContent-Length: 1\r\n\r\n{",
    ] {
        let answer = asked(begin, b"");
        assert!(answer.is_err(), "{}: {answer:?}", begin.escape_ascii());
    }
}

#[test]
fn a_refusal_is_read_if_it_says_why() {
    let ask = |begin, again: &'static [u8]| {
        let place = format!("127.0.0.1:{}/webhdfs/v1/", server(begin, again));
        let end = Instant::now() + limit(again);
        Pages::default().page_or_refusal::<Value, Value>(&place, &[("user.name", "a b&c")], end)
    };
    let why = ask(
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 7\r\n\r\n{\"a\":1}",
        b"",
    );
    let why = why.expect("an answer").expect_err("a refusal");
    assert_eq!(why["a"], 1);
    let page = ask(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]", b"");
    assert!(page.expect("an answer").is_ok());
    let other = ask(
        b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 6\r\n\r\n<html>",
        b"",
    );
    let silence = Silence::Broken("answers with HTTP 401 Unauthorized".to_owned());
    assert_eq!(other.expect_err("no answer"), silence);
    for again in [&b"[[[[[[[["[..], b"x"] {
        let endless = ask(b"HTTP/1.1 403 Forbidden\r\n\r\n", again);
        assert!(endless.is_err(), "{endless:?}");
    }
}

#[test]
fn a_page_without_end_is_given_up() {
    for (begin, again) in [
        (&b"HTTP/1.1 200 OK\r\n"[..], &b"A: b\r\n"[..]),
        (b"HTTP/1.1 200 OK\r\nA: ", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"[[[[[[[[[[[[[[[["),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            b"4\r\n    \r\n",
        ),
    ] {
        let answer = asked(begin, again);
        assert!(answer.is_err(), "{}: {answer:?}", begin.escape_ascii());
    }
}

#[test]
fn a_word_is_answered_by_whatever_comes() {
    let ask = |begin, again: &'static [u8]| {
        let port = server(begin, again);
        word("127.0.0.1", port, "srvr", Instant::now() + limit(again))
    };
    assert_eq!(ask(b"", b"").as_deref(), Ok(""));
    let text = ask(b"Mode: \xff\x00\x1b[2J", b"").expect("an answer");
    assert!(text.starts_with("Mode: \u{fffd}"), "{text:?}");
    // What has no end is cut off, or has taken too long.
    if let Ok(text) = ask(b"", &[b'x'; 4096]) {
        assert!(text.len() < 8 << 20, "{}", text.len());
    }
}
