//! Kafka as its brokers record it in ZooKeeper: which brokers are registered, which is the controller, which partitions
//! lack replicas.

use futures_util::future::try_join_all;
use serde::{Deserialize, Serialize};

use heartline_zookeeper::{Failure, Session};

/// The state of Kafka in the znodes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Kafka {
    /// The id of the controller.
    pub(super) controller: Option<i32>,
    /// The ids of the registered brokers.
    pub(super) brokers: Vec<i32>,
    /// The number of partitions.
    pub(super) partitions: usize,
    /// Partitions with fewer in-sync replicas than assigned ones: `TOPIC-NUMBER`.
    pub(super) under_replicated: Vec<String>,
    /// Partitions without a leader.
    pub(super) offline: Vec<String>,
}

/// The content of `/controller`.
#[derive(Deserialize)]
struct Controller {
    brokerid: i32,
}

/// The content of `/brokers/topics/TOPIC`.
#[derive(Deserialize)]
struct Topic {
    partitions: std::collections::BTreeMap<String, Vec<i32>>,
}

/// The content of `/brokers/topics/TOPIC/partitions/NUMBER/state`.
#[derive(Deserialize)]
struct State {
    leader: i32,
    isr: Vec<i32>,
}

/// A partition: its name, its assigned replicas, and the content of its state znode if there is one.
type Partition = (String, Vec<i32>, Option<Vec<u8>>);

impl Kafka {
    /// Reads the state from ZooKeeper.
    pub(super) async fn read(session: &Session) -> Result<Self, Failure> {
        let (controller, brokers, topics) = tokio::try_join!(
            value(session, "/controller".to_owned()),
            names(session, "/brokers/ids"),
            names(session, "/brokers/topics"),
        )?;
        let topics = topics.into_iter().map(|topic| async move {
            let value = value(session, format!("/brokers/topics/{topic}")).await?;
            Ok::<_, Failure>((topic, value))
        });
        let mut partitions = Vec::new();
        for (topic, value) in try_join_all(topics).await? {
            let Some(described) = parsed::<Topic>(value) else {
                // The topic was deleted just now.
                continue;
            };
            for (number, replicas) in described.partitions {
                let state = format!("/brokers/topics/{topic}/partitions/{number}/state");
                let name = format!("{topic}-{number}");
                partitions.push(async move {
                    Ok::<Partition, Failure>((name, replicas, self::value(session, state).await?))
                });
            }
        }
        let partitions = try_join_all(partitions).await?;
        Ok(Self::of(controller, &brokers, partitions))
    }

    /// Derives the state from the contents of the znodes.
    pub(super) fn of(
        controller: Option<Vec<u8>>,
        brokers: &[String],
        partitions: Vec<Partition>,
    ) -> Self {
        let mut brokers: Vec<i32> = brokers.iter().filter_map(|id| id.parse().ok()).collect();
        brokers.sort_unstable();
        let mut kafka = Self {
            controller: parsed::<Controller>(controller).map(|it| it.brokerid),
            brokers,
            partitions: partitions.len(),
            ..Self::default()
        };
        for (name, replicas, state) in partitions {
            let state = parsed::<State>(state);
            // A new partition has no state yet, and thus no leader.
            let is_led = state
                .as_ref()
                .is_some_and(|state| state.leader >= 0 && kafka.brokers.contains(&state.leader));
            let in_step = state.map_or(0, |state| {
                let alive = |id: &&i32| kafka.brokers.contains(id);
                state.isr.iter().filter(alive).count()
            });
            if in_step < replicas.len() {
                kafka.under_replicated.push(name.clone());
            }
            if !is_led {
                kafka.offline.push(name);
            }
        }
        kafka.under_replicated.sort_unstable();
        kafka.offline.sort_unstable();
        kafka
    }
}

fn parsed<T: for<'a> Deserialize<'a>>(value: Option<Vec<u8>>) -> Option<T> {
    serde_json::from_slice(&value?).ok()
}

async fn names(session: &Session, path: &str) -> Result<Vec<String>, Failure> {
    match session.client().children(path).await {
        Err(Failure::NoNode) => Ok(Vec::new()),
        names => names,
    }
}

async fn value(session: &Session, path: String) -> Result<Option<Vec<u8>>, Failure> {
    let found = session.find(&path).await?;
    Ok(found.map(|value| value.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(name: &str, replicas: &[i32], leader: i32, isr: &[i32]) -> Partition {
        let state = format!(
            r#"{{"controller_epoch":1,"leader":{leader},"version":1,"leader_epoch":0,"isr":{isr:?}}}"#
        );
        (name.to_owned(), replicas.to_vec(), Some(state.into_bytes()))
    }

    #[test]
    fn partitions_that_lack_copies_or_a_leader_are_named() {
        let controller =
            br#"{"version":2,"brokerid":5,"timestamp":"1795292999999","kraftControllerEpoch":-1}"#;
        let brokers = ["5".to_owned(), "4".to_owned()];
        let partitions = vec![
            partition("a-1", &[4, 5], 4, &[4, 5]),
            partition("a-0", &[4, 5], 5, &[5]),
            partition("b-0", &[6], 6, &[6]),
            partition("c-0", &[4], -1, &[4]),
            ("d-0".to_owned(), vec![4], None),
        ];
        let kafka = Kafka::of(Some(controller.to_vec()), &brokers, partitions);
        assert_eq!((kafka.controller, kafka.brokers), (Some(5), vec![4, 5]));
        assert_eq!(kafka.under_replicated, ["a-0", "b-0", "d-0"]);
        assert_eq!(kafka.offline, ["b-0", "c-0", "d-0"]);
        assert_eq!(kafka.partitions, 5);
    }

    #[test]
    fn nothing_there_is_nobody() {
        assert_eq!(Kafka::of(None, &[], Vec::new()), Kafka::default());
    }
}
