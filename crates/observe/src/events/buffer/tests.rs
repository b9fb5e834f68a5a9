use std::collections::BTreeMap;

use chrono::DateTime;
use proptest::prelude::*;

use super::*;

/// The `number`th event of a node.
fn message(node: &str, number: u64) -> Message {
    Message {
        key: Some(node.to_owned()),
        time: DateTime::from_timestamp(1_609_240_719, 0).unwrap(),
        epoch: Some(9),
        json: format!("{{\"number\":{number}}}"),
        events: 1,
    }
}

/// The content of a line: an event's number, or the number of lost events.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    Number(u64),
    Lost(u64),
}

fn read(message: &Message) -> Content {
    let json: serde_json::Value = serde_json::from_str(&message.json).unwrap();
    match json["number"].as_u64() {
        Some(number) => Content::Number(number),
        None => Content::Lost(json["count"].as_u64().unwrap()),
    }
}

fn contents(batch: &Batch) -> Vec<Content> {
    batch.messages.iter().map(read).collect()
}

#[test]
fn what_comes_goes_out_in_its_order() {
    let mut buffer = Buffer::new(10);
    buffer.open(1);
    assert_eq!(buffer.next(), None);
    for number in 0..3 {
        assert!(!buffer.offer(message("a", number)));
    }
    let batch = buffer.next().unwrap();
    assert_eq!(contents(&batch), [0, 1, 2].map(Content::Number));
    buffer.offer(message("a", 3));
    // Only one batch is in flight: the order survives any number of attempts.
    assert_eq!(buffer.next(), None);
    buffer.delivered(0, 1);
    assert_eq!((buffer.next(), buffer.undelivered()), (None, 3));
    buffer.delivered(0, 2);
    assert_eq!(contents(&buffer.next().unwrap()), [Content::Number(3)]);
    buffer.delivered(0, 1);
    assert_eq!((buffer.next(), buffer.undelivered()), (None, 0));
}

#[test]
fn nothing_goes_out_before_the_lanes_are_known() {
    let mut buffer = Buffer::new(2);
    for number in 0..5 {
        assert_eq!(buffer.offer(message("a", number)), number >= 2);
    }
    assert_eq!((buffer.next(), buffer.undelivered()), (None, 5));
    buffer.open(3);
    let mut shown = Vec::new();
    while let Some(batch) = buffer.next() {
        shown.extend(contents(&batch));
        buffer.delivered(batch.queue, batch.messages.len());
    }
    assert_eq!(
        shown,
        [Content::Lost(3), Content::Number(3), Content::Number(4)]
    );
}

#[test]
fn what_is_in_flight_is_not_given_up() {
    let mut buffer = Buffer::new(4);
    buffer.open(1);
    for number in 0..4 {
        buffer.offer(message("a", number));
    }
    // A batch takes at most half of the capacity.
    assert_eq!(
        contents(&buffer.next().unwrap()),
        [0, 1].map(Content::Number)
    );
    for number in 4..7 {
        assert!(buffer.offer(message("a", number)));
    }
    buffer.delivered(0, 2);
    let batch = buffer.next().unwrap();
    assert_eq!(batch.lost, 3);
    assert_eq!(contents(&batch), [Content::Lost(3), Content::Number(5)]);
    // A line about lost events takes no capacity, and is never dropped.
    assert_eq!(buffer.undelivered(), 5);
}

#[test]
fn a_lane_that_stands_still_does_not_hold_up_another() {
    let mut buffer = Buffer::new(100);
    buffer.open(2);
    let keys: Vec<String> = (0..10).map(|name| format!("map{name}")).collect();
    for key in &keys {
        buffer.offer(message(key, 0));
    }
    let (stuck, free) = (buffer.next().unwrap(), buffer.next().unwrap());
    assert_ne!(stuck.queue, free.queue);
    buffer.delivered(free.queue, free.messages.len());
    for key in &keys {
        buffer.offer(message(key, 1));
    }
    assert_eq!(buffer.next().unwrap().queue, free.queue);
    assert_eq!(buffer.next(), None);
}

#[test]
fn the_names_of_the_lost_are_bounded() {
    let mut buffer = Buffer::new(2);
    for node in 0..2000 {
        buffer.offer(message(&format!("map{node}"), 0));
    }
    // One more gap counts all other keys.
    assert_eq!(buffer.queues[0].gaps.len(), NAMES + 1);
    assert_eq!(buffer.undelivered(), 2000);
}

#[derive(Clone, Debug)]
enum Step {
    Offer(usize),
    Open(usize),
    Next,
    Deliver(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..KEYS).prop_map(Step::Offer),
        1 => (1_usize..5).prop_map(Step::Open),
        2 => Just(Step::Next),
        2 => (0_usize..5, 1_usize..9).prop_map(|(queue, count)| Step::Deliver(queue, count)),
    ]
}

/// So few keys that all of them are named among the lost.
const KEYS: usize = 5;

/// What a reader has received of each node.
#[derive(Default)]
struct Reader(BTreeMap<String, u64>);

impl Reader {
    /// Checks that each event follows the last one, or the events reported as lost between them.
    fn read(&mut self, batch: &Batch) {
        let mut lost = 0;
        for message in &batch.messages {
            let next = self.0.entry(message.key.clone().unwrap()).or_default();
            match read(message) {
                Content::Number(number) => {
                    assert_eq!(number, *next, "{message:?}");
                    *next += 1;
                }
                Content::Lost(count) => {
                    *next += count;
                    lost += count;
                }
            }
        }
        assert_eq!(lost, batch.lost);
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_unreported_or_out_of_order(
        capacity in 1..20_usize,
        steps in prop::collection::vec(step(), 0..300),
    ) {
        let mut buffer = Buffer::new(capacity);
        let mut offered = BTreeMap::<String, u64>::new();
        let mut reader = Reader::default();
        let mut flight = BTreeMap::<usize, usize>::new();
        for step in steps {
            match step {
                Step::Offer(key) => {
                    let node = format!("map{key}");
                    let number = offered.entry(node.clone()).or_default();
                    let full = buffer.held == capacity;
                    prop_assert_eq!(buffer.offer(message(&node, *number)), full);
                    *number += 1;
                }
                Step::Open(queues) => buffer.open(queues),
                Step::Next => {
                    if let Some(batch) = buffer.next() {
                        // No other batch of this partition may be in flight.
                        prop_assert_eq!(flight.insert(batch.queue, batch.messages.len()), None);
                        prop_assert!(!batch.messages.is_empty());
                        reader.read(&batch);
                    }
                }
                Step::Deliver(queue, count) => {
                    let left = flight.get(&queue).copied().unwrap_or(0).saturating_sub(count);
                    buffer.delivered(queue, count);
                    if left > 0 {
                        flight.insert(queue, left);
                    } else {
                        flight.remove(&queue);
                    }
                }
            }
            prop_assert!(buffer.held <= capacity);
        }
        // In the end everything arrives, or the report that it is lost.
        buffer.open(1);
        for (queue, count) in flight {
            buffer.delivered(queue, count);
        }
        while let Some(batch) = buffer.next() {
            reader.read(&batch);
            buffer.delivered(batch.queue, batch.messages.len());
        }
        prop_assert_eq!(reader.0, offered);
        prop_assert_eq!((buffer.held, buffer.undelivered()), (0, 0));
    }
}
