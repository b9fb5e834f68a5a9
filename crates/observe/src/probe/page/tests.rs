//! Refusals of a server on loopback, before and after a ticket.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use serde_json::Value;

use super::*;

/// More than enough for a server on loopback.
const LONG: Duration = Duration::from_secs(60);
const ASKS: &str = "HTTP/1.1 401 Who\r\nWWW-Authenticate: Negotiate\r\n";
const FORBIDS: &str = "HTTP/1.1 403 No\r\n";
const REASON: &str = r#"{"RemoteException":{"exception":"StandbyException"}}"#;

/// Gives these answers (head and body), each on a connection of its own; returns its place, and then the questions.
fn server(answers: &[(&'static str, &'static str)]) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = listener.local_addr().unwrap().to_string();
    let answers = answers.to_vec();
    let asked = thread::spawn(move || {
        let answer = |(head, body): (&str, &str)| {
            let (mut stream, _) = listener.accept().unwrap();
            let mut question = Vec::new();
            while !question.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                question.extend(byte);
            }
            let length = body.len();
            let rest = format!("Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
            stream
                .write_all((head.to_owned() + &rest).as_bytes())
                .unwrap();
            String::from_utf8(question).unwrap()
        };
        answers.into_iter().map(answer).collect()
    });
    (place, asked)
}

fn with_ticket() -> Pages {
    let ticket = Credential::Ticket("h1".to_owned(), |host| Ok(host.as_bytes().to_vec()));
    Pages::default().with(ticket)
}

fn page(pages: &Pages, answers: &[(&'static str, &'static str)]) -> Result<Value, Silence> {
    let (place, asked) = server(answers);
    let page = pages.page(&place, Instant::now() + LONG);
    asked.join().unwrap();
    page
}

fn refusal(answers: &[(&'static str, &'static str)]) -> Result<Result<Value, Value>, Silence> {
    let (place, asked) = server(answers);
    let end = Instant::now() + LONG;
    let page = with_ticket().page_or_refusal(&place, &[], end);
    asked.join().unwrap();
    page
}

fn closed(page: Result<impl std::fmt::Debug, Silence>) -> String {
    match page {
        Err(Silence::Closed(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refusal_with_a_reason_is_told_and_another_blames_the_ticket() {
    let told = refusal(&[(ASKS, ""), (FORBIDS, REASON)]).unwrap();
    assert_eq!(told.unwrap_err().to_string(), REASON);
    let why = closed(refusal(&[(ASKS, ""), (FORBIDS, "<html>")]));
    assert!(why.contains("refuses it with HTTP 403"), "{why}");
    let why = closed(page(&with_ticket(), &[(ASKS, ""), (FORBIDS, REASON)]));
    assert!(why.contains("refuses it with HTTP 403"), "{why}");
    let why = closed(page(&with_ticket(), &[(ASKS, ""), (ASKS, "")]));
    assert!(why.contains("refuses it with HTTP 401"), "{why}");
}

#[test]
fn a_refusal_that_asks_for_no_ticket_is_no_matter_of_tickets() {
    let other = "HTTP/1.1 401 Who\r\nWWW-Authenticate: Basic realm=\"a\"\r\n";
    for head in [other, FORBIDS] {
        let why = page(&with_ticket(), &[(head, "")]).unwrap_err();
        assert!(matches!(&why, Silence::Broken(_)), "{why}");
    }
    let why = page(&Pages::default(), &[(ASKS, "")]).unwrap_err();
    assert_eq!(why.to_string(), "answers with HTTP 401 Unauthorized");
    let without = Pages::default().without_ticket();
    assert_eq!(closed(page(&without, &[(ASKS, "")])), "");
}

#[test]
fn who_asks_with_a_ticket_claims_no_name_beside_it() {
    let (place, asked) = server(&[(ASKS, ""), ("HTTP/1.1 200 OK\r\n", "1")]);
    let query = [("op", "LISTSTATUS"), (CLAIM, "ann")];
    let end = Instant::now() + LONG;
    let page = with_ticket().page_or_refusal::<Value, Value>(&place, &query, end);
    assert_eq!(page, Ok(Ok(Value::from(1))));
    let asked = asked.join().unwrap();
    assert!(asked[0].contains("user.name=ann"), "{asked:?}");
    assert!(!asked[1].contains("user.name"), "{asked:?}");
    assert!(asked[1].contains("op=LISTSTATUS"), "{asked:?}");
    assert!(asked[1].contains("Negotiate aDE="), "{asked:?}");
}

#[test]
fn who_is_slow_with_a_ticket_is_said_to_be() {
    let slow: Result<(), _> = Err(Silence::Slow);
    assert_eq!(closed(in_time(slow.clone(), true)), SLOW_WITH_TICKET);
    assert_eq!(in_time(slow, false), Err(Silence::Slow));
}

#[test]
fn a_cookie_is_not_shown() {
    let shown = format!(
        "{:?}",
        Pages::default().with_cookie("hadoop.auth=1".to_owned())
    );
    assert!(!shown.contains("hadoop"), "{shown}");
}
