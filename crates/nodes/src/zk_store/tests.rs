//! Tests of the `zk_store` module.

use super::transactions::{BATCH, batches};
use super::*;
use crate::state::tests::kept;

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes()).expect("long enough")
}

/// The values after these transactions.
fn applied(mut values: Values, batches: Vec<Vec<Operation>>) -> Values {
    let name = |path: &str| {
        path.strip_prefix("/f")
            .map(|rest| rest.trim_start_matches('/').to_owned())
            .expect("below")
    };
    for operation in batches.into_iter().flatten() {
        match operation {
            Operation::Check { .. } => panic!("the fence checks"),
            Operation::Create { path, value, .. } => {
                assert!(
                    values.insert(name(&path), value).is_none(),
                    "{path} is there"
                );
            }
            Operation::Set { path, value, .. } => {
                assert!(
                    values.insert(name(&path), value).is_some(),
                    "{path} is not there"
                );
            }
            Operation::Delete { path, .. } => {
                assert!(values.remove(&name(&path)).is_some(), "{path} is not there");
            }
        }
    }
    values
}

fn believed(values: &Values, secret: Option<&Secret>) -> anyhow::Result<PersistedState> {
    read(values, secret, false, &mut BTreeMap::new())
}

#[test]
fn what_is_passed_over_is_named_and_left_there() {
    let one = written(&kept(&["m1", "a2"]), None);
    let mut values = one.clone();
    values.insert("junk".to_owned(), b"hello".to_vec());
    let mut odd = BTreeMap::new();
    let believed = read(&values, None, false, &mut odd).expect("the folder's value is right");
    assert_eq!(believed.nodes.len(), 2);
    assert_eq!(odd.keys().collect::<Vec<_>>(), ["junk"]);
    let odd = odd.into_keys().collect();
    assert!(batches("/f", &values, &one, &odd).is_empty());
}

#[test]
fn an_empty_value_stands_for_a_node_that_is_forgotten() {
    let wanted = written(&kept(&["m1"]), None);
    let mut values = wanted.clone();
    values.insert("a2".to_owned(), Vec::new());
    let mut odd = BTreeMap::new();
    let read = read(&values, None, false, &mut odd).expect("the folder's value is right");
    assert_eq!((read.nodes.len(), odd), (1, BTreeMap::new()));
    assert!(batches("/f", &values, &wanted, &BTreeSet::new()).is_empty());
    let again = written(&kept(&["m1", "a2"]), None);
    let again_written = batches("/f", &values, &again, &BTreeSet::new());
    assert_eq!(applied(values, again_written), again);
}

#[test]
fn an_address_that_agents_reject_costs_its_node_alone() {
    let mut values = written(&kept(&["m1", "a2"]), None);
    let value = String::from_utf8(values["a2"].clone()).expect("text");
    values.insert(
        "a2".to_owned(),
        value.replace("10.0.0.2", "127.0.0.2").into(),
    );
    for (loopback, count) in [(false, 1), (true, 2)] {
        let mut odd = BTreeMap::new();
        let read = read(&values, None, loopback, &mut odd).expect("the folder's is right");
        assert_eq!((read.nodes.len(), odd.len()), (count, 2 - count));
    }
}

#[test]
fn what_is_written_is_read_again() {
    let kept = kept(&["m1", "a2", "b3"]);
    for secret in [None, Some(&secret("0123456789abcdef"))] {
        let values = written(&kept, secret);
        assert_eq!(believed(&values, secret).expect("whole"), kept);
    }
    assert_eq!(
        believed(&Values::new(), None).expect("nothing"),
        PersistedState::default()
    );
}

#[test]
fn only_what_differs_is_written() {
    let (one, other) = (kept(&["m1", "a2", "b3"]), kept(&["m1", "c2", "b3", "d4"]));
    let (one, other) = (written(&one, None), written(&other, None));
    let none = BTreeSet::new();
    let batches = |before: &Values, wanted: &Values| batches("/f", before, wanted, &none);
    let between = batches(&one, &other);
    assert_eq!(between.iter().flatten().count(), 3, "{between:?}");
    assert_eq!(applied(one.clone(), between), other);
    assert!(batches(&one, &one).is_empty());
    let all = batches(&Values::new(), &one);
    assert!(
        matches!(&all[0][0], Operation::Create { path, .. } if path == "/f"),
        "the folder first"
    );
    assert_eq!(applied(Values::new(), all), one);
    assert_eq!(
        applied(one.clone(), batches(&one, &Values::new())),
        Values::new()
    );
}

#[test]
fn no_transaction_is_too_long() {
    let values: Values = (0..1000)
        .map(|n| (format!("n{n}"), vec![b'x'; 1000]))
        .collect();
    let batches = batches("/f", &Values::new(), &values, &BTreeSet::new());
    assert_eq!(batches.len(), 5);
    for batch in &batches {
        assert!(batch.iter().map(Operation::weight).sum::<usize>() <= BATCH);
    }
    assert_eq!(applied(Values::new(), batches), values);
}

#[test]
fn what_another_has_written_is_not_believed() {
    let (own, other) = (secret("0123456789abcdef"), secret("fedcba9876543210"));
    let kept = kept(&["m1", "a2"]);
    let values = written(&kept, Some(&own));
    assert!(believed(&written(&kept, None), Some(&own)).is_err());
    assert!(believed(&written(&kept, Some(&other)), Some(&own)).is_err());
    let mut moved = values.clone();
    moved.insert("m1".to_owned(), values["a2"].clone());
    let names = |values: &Values| {
        let nodes = believed(values, Some(&own))
            .expect("the folder's value is right")
            .nodes;
        let names = nodes.iter().map(|node| node.hostname.to_string());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names(&moved), ["a2"]);
    let mut changed = values.clone();
    if let Some(value) = changed.get_mut("a2") {
        let at = value
            .iter()
            .position(|byte| *byte == b'7')
            .expect("a digit");
        value[at] = b'8';
    }
    assert_eq!(names(&changed), ["m1"]);
    assert_eq!(names(&values).len(), 2);
}
