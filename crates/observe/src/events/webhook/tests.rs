//! Deliveries to a server of HTTP/1.1 that answers as it is told, and the bodies that it gets.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver as Requests, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::body::{BodyAbout, WebhookFormat, next};
use super::receiver::{PostFailure, PostLimits, Receiver, WebhookOptions};
use super::{deliver, start};
use crate::events::buffer::Batch;
use crate::events::message::Message;
use crate::events::sink::{DeliveryReport, sink};
use heartline_core::condition::Condition;
use heartline_core::detect::DeathCause;
use heartline_core::protocol::{EndReason, Event, EventKind, PreviousMaster};

/// What the server does with a request.
#[derive(Clone, Copy)]
enum Does {
    Answers(&'static str),
    /// Closes the connection in the middle of its answer.
    Cuts,
    /// Answers after this time.
    Waits(Duration),
}

fn serve(listener: &TcpListener, does: &[Does], got: &Sender<(String, String)>) {
    for one in does {
        let (stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0, "{head}");
        }
        let lower = head.to_lowercase();
        let length = lower.split("content-length: ").nth(1).unwrap();
        let mut body = vec![0; length.split('\r').next().unwrap().parse().unwrap()];
        reader.read_exact(&mut body).unwrap();
        got.send((lower, String::from_utf8(body).unwrap())).unwrap();
        let answer = match one {
            Does::Answers(answer) => format!("HTTP/1.1 {answer}\r\nconnection: close\r\n\r\n"),
            Does::Cuts => "HTTP/1.1 20".to_owned(),
            Does::Waits(time) => {
                thread::sleep(*time);
                continue;
            }
        };
        reader.into_inner().write_all(answer.as_bytes()).unwrap();
    }
}

/// A server that does this with one request after the other, and what it gets.
fn server(does: Vec<Does>) -> (String, Requests<(String, String)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (got, requests) = channel();
    thread::spawn(move || serve(&listener, &does, &got));
    (format!("http://{address}/hook"), requests)
}

fn receiver(url: &str) -> Receiver {
    let options = WebhookOptions {
        url: url.to_owned(),
        ca: None,
        headers: None,
    };
    let limits = PostLimits {
        connect: Duration::from_secs(5),
        whole: Duration::from_millis(500),
    };
    Receiver::within(&options, limits).unwrap()
}

fn about(format: WebhookFormat) -> BodyAbout {
    BodyAbout {
        format,
        namespace: "/jobs/one".to_owned(),
        link: Some("http://monitor:50092/".to_owned()),
    }
}

fn time(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_609_240_719 + second, 0).unwrap()
}

fn event(kind: EventKind, node: &str, second: i64) -> Event {
    Event::of(time(second), kind, node, Some(9))
}

fn died(node: &str) -> Message {
    let event = event(EventKind::Died, node, 0);
    Message::of(&Event {
        cause: Some(DeathCause::Closed),
        ..event
    })
}

fn batch(messages: Vec<Message>) -> Batch {
    Batch {
        queue: 0,
        messages,
        lost: 0,
    }
}

#[test]
fn what_was_not_taken_is_sent_again_until_it_is() {
    let (url, requests) = server(vec![
        Does::Answers("500 Oops"),
        Does::Cuts,
        Does::Waits(Duration::from_secs(1)),
        Does::Answers("429 Slow\r\nretry-after: 1"),
        Does::Answers("204 Taken"),
        Does::Answers("200 OK"),
    ]);
    let mut sink = start(receiver(&url), about(WebhookFormat::Heartline)).unwrap();
    let began = Instant::now();
    for messages in [vec![died("map1"), died("map2")], vec![died("map3")]] {
        sink.batches.send(batch(messages)).unwrap();
    }
    let bodies: Vec<Value> = requests
        .iter()
        .take(6)
        .map(|(head, body)| {
            assert!(head.starts_with("post /hook http/1.1\r\n"), "{head}");
            assert!(
                head.contains("content-type: application/json\r\n"),
                "{head}"
            );
            serde_json::from_str(&body).unwrap()
        })
        .collect();
    assert!(bodies[1..5].iter().all(|body| *body == bodies[0]));
    let nodes = |body: &Value| {
        let nodes = body
            .as_array()
            .unwrap()
            .iter()
            .map(|event| event["node"].clone());
        nodes.collect::<Vec<_>>()
    };
    assert_eq!(
        (nodes(&bodies[0]), nodes(&bodies[5])),
        (vec![json!("map1"), json!("map2")], vec![json!("map3")])
    );
    // Backoff from half a second on, shortened by half at most; the receiver wanted a second once.
    assert!(
        began.elapsed() >= Duration::from_millis(250 + 500 + 1000 + 2000),
        "{:?}",
        began.elapsed()
    );
    let mut said = Vec::new();
    while said.len() < 7 {
        said.push(sink.answers.blocking_recv().unwrap());
    }
    assert!(matches!(said[0], DeliveryReport::Open(1)));
    assert!(
        matches!(&said[1], DeliveryReport::Problem(0, why) if why.contains("500")),
        "{said:?}"
    );
    assert!(
        matches!(said[5], DeliveryReport::Delivered(0, 2)),
        "{said:?}"
    );
}

#[test]
fn a_refusal_is_final_and_says_why() {
    for (answer, said) in [
        (
            "400 Bad Request\r\ncontent-length: 9\r\n\r\nno \u{1b}[2Jat",
            "400 Bad Request: no \u{fffd}[2Ja",
        ),
        ("403 Forbidden", "403 Forbidden; check --to"),
        (
            "302 Found\r\nlocation: http://elsewhere/",
            "names http://elsewhere/; no redirection is followed",
        ),
    ] {
        let (url, requests) = server(vec![Does::Answers(answer)]);
        let mut sink = start(receiver(&url), about(WebhookFormat::Heartline)).unwrap();
        let messages = vec![died("map1")];
        sink.batches.send(batch(messages)).unwrap();
        requests.recv().unwrap();
        assert!(matches!(
            sink.answers.blocking_recv(),
            Some(DeliveryReport::Open(1))
        ));
        match sink.answers.blocking_recv() {
            Some(DeliveryReport::Over(why)) => assert!(why.to_string().contains(said), "{why}"),
            other => panic!("{other:?}"),
        }
        // Nothing follows it elsewhere.
        assert!(requests.recv().is_err());
    }
}

#[test]
fn nobody_there_and_a_slow_one_are_tried_again() {
    let gone = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (slow, _requests) = server(vec![Does::Waits(Duration::from_secs(30))]);
    for url in [format!("http://{gone}/"), slow] {
        let began = Instant::now();
        let failure = receiver(&url).post("[]").unwrap_err();
        assert!(
            matches!(failure, PostFailure::Again { after: None, .. }),
            "{failure:?}"
        );
        assert!(began.elapsed() < Duration::from_secs(10));
    }
}

#[test]
fn events_without_an_alert_are_not_posted() {
    let (mut sink, inlet) = sink();
    let messages = [Message::of(&event(EventKind::Joined, "map1", 0))];
    let receiver = receiver("http://127.0.0.1:1/");
    deliver(
        &receiver,
        &about(WebhookFormat::Alertmanager),
        &messages,
        &inlet.answers,
    )
    .unwrap();
    assert!(matches!(
        sink.answers.blocking_recv(),
        Some(DeliveryReport::Delivered(0, 1))
    ));
}

fn alerts(events: &[Event]) -> Value {
    let messages: Vec<Message> = events.iter().map(Message::of).collect();
    let (count, body) = next(&about(WebhookFormat::Alertmanager), &messages);
    assert_eq!(count, events.len());
    serde_json::from_str(&body.unwrap_or_else(|| "[]".to_owned())).unwrap()
}

#[test]
fn a_stall_is_an_alert_until_the_member_works_again() {
    let stalled = Event {
        condition: Some(Condition::Blocked),
        ..event(EventKind::Stalled, "map1", 0)
    };
    let labels = json!({
        "alertname": "HeartlineMemberStalled", "namespace": "/jobs/one", "node": "map1",
    });
    let fired = alerts(&[stalled]);
    assert_eq!(
        fired,
        json!([{
            "labels": labels,
            "annotations": { "summary": "map1 is stalled: blocked" },
            "startsAt": "2020-12-29T11:18:39.000000Z",
            "endsAt": "2020-12-30T11:18:39.000000Z",
            "generatorURL": "http://monitor:50092/",
        }])
    );
    for kind in [EventKind::Recovered, EventKind::Finished, EventKind::Failed] {
        let resolved = alerts(&[event(kind, "map1", 5)]);
        assert_eq!(resolved[0]["labels"], labels, "{kind}");
        assert_eq!(resolved[0]["endsAt"], "2020-12-29T11:18:44.000000Z");
        assert_eq!(resolved.as_array().map(Vec::len), Some(1));
    }
}

#[test]
fn a_death_is_an_alert_also_of_a_master_and_ends_with_its_return() {
    let death = Event {
        cause: Some(DeathCause::Silent),
        ..event(EventKind::Died, "map1", 0)
    };
    let claimed = Event {
        previous: Some(PreviousMaster {
            node: "map0".to_owned(),
            epoch: 8,
            went: EndReason::Dead,
            cause: None,
            silence: None,
        }),
        ..event(EventKind::Claimed, "map2", 1)
    };
    let fired = alerts(&[death, claimed, event(EventKind::Claimed, "map3", 2)]);
    let named: Vec<(&Value, &Value)> = fired
        .as_array()
        .unwrap()
        .iter()
        .map(|alert| (&alert["labels"]["alertname"], &alert["labels"]["node"]))
        .collect();
    let (died, stalled) = (
        json!("HeartlineMemberDied"),
        json!("HeartlineMemberStalled"),
    );
    assert_eq!(
        named,
        [
            (&stalled, &json!("map1")),
            (&died, &json!("map1")),
            (&died, &json!("map0"))
        ]
    );
    assert_eq!(fired[1]["endsAt"], "2020-12-29T11:28:39.000000Z");
    let back = alerts(&[event(EventKind::Returned, "map1", 5)]);
    assert_eq!(back[0]["labels"], fired[1]["labels"]);
    assert_eq!(back[0]["endsAt"], "2020-12-29T11:18:44.000000Z");
}

#[test]
fn texts_for_slack_are_escaped_and_bounded() {
    let body = |messages: &[Message]| next(&about(WebhookFormat::Slack), messages);
    let (count, text) = body(&[
        died("<!channel>&\u{202e}\u{1b}"),
        Message::of(&event(EventKind::Joined, "b", 0)),
    ]);
    let text: Value = serde_json::from_str(&text.unwrap()).unwrap();
    let expected = "*died* &lt;!channel&gt;&amp;\u{fffd}\u{fffd} (closed) in /jobs/one at 2020-12-29 11:18:39Z\n\
                    *joined* b in /jobs/one at 2020-12-29 11:18:39Z";
    assert_eq!((count, text), (2, json!({ "text": expected })));
    let many: Vec<Message> = (0..500)
        .map(|number| died(&format!("map{number}")))
        .collect();
    let (count, text) = body(&many);
    assert!(count > 10 && count < 100 && text.unwrap().len() < 4000);
    // One that is too long goes alone.
    let long = [died(&"x".repeat(600_000)), died("b")];
    assert_eq!(next(&about(WebhookFormat::Heartline), &long).0, 1);
}
