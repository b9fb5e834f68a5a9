//! Delivers to a topic of Kafka, with one request in flight in each partition.
//!
//! A request is repeated until all in-sync replicas have its records; only then the next one goes out. So records with
//! the same key never pass each other, and a record whose acknowledgement was lost may be stored twice.

use std::sync::Arc;
use std::time::Duration;

use rskafka::BackoffConfig;
use rskafka::client::error::{Error, ProtocolError};
use rskafka::client::partition::{Compression, PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use rskafka::record::Record;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{sleep, timeout};

use super::buffer::Batch;
use super::message::Message;
use super::sink::{DeliveryReport, DeliveryReports, Sink, SinkWorker, sink};
use super::target::Topic;

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// How long each layer of the client retries on its own. The times multiply, and the reason is reported only after all
/// of them.
const LAYER_TIMEOUT: Duration = Duration::from_millis(250);
/// How long finding the leader may take, with a broker that accepts connections and sends nothing.
const CONNECT: Duration = Duration::from_secs(15);
/// How long an answer may take. A broker waits up to 30 s for its replicas.
const ANSWER: Duration = Duration::from_secs(40);

/// Starts the delivery, within a runtime; it ends with the publisher.
pub(super) fn start(topic: Topic) -> Sink {
    let (sink, inlet) = sink();
    tokio::spawn(deliver(topic, inlet));
    sink
}

/// Passes each batch to its partition.
async fn deliver(topic: Topic, mut inlet: SinkWorker) {
    let (known, partitions) = partitions(&topic, &inlet.answers).await;
    let known = Arc::new(known);
    let queues: Vec<_> = (0..partitions)
        .map(|number| {
            let (batches, taken) = unbounded_channel();
            let queue = PartitionWriter {
                topic: topic.clone(),
                number,
                answers: inlet.answers.clone(),
                known: Arc::clone(&known),
                failures: 0,
                client: None,
            };
            tokio::spawn(queue.deliver(taken));
            batches
        })
        .collect();
    inlet.answers.say(DeliveryReport::Open(partitions));
    while let Some(batch) = inlet.batches.recv().await {
        // A lane ends only with its sender.
        let _ = queues[batch.queue].send(batch);
    }
}

/// The number of partitions of the topic, however long the query takes; and the client that has the answer, which knows
/// all brokers from then on.
async fn partitions(topic: &Topic, answers: &DeliveryReports) -> (Client, usize) {
    loop {
        let why = match timeout(CONNECT, count(topic)).await {
            Ok(Ok((known, partitions))) if partitions > 0 => return (known, partitions),
            Ok(Ok(_)) => missing(topic),
            Ok(Err(error)) => reason(topic, &error),
            Err(_) => silent(CONNECT),
        };
        answers.say(DeliveryReport::Problem(0, why));
        sleep(PAUSE).await;
    }
}

async fn count(topic: &Topic) -> Result<(Client, usize), Error> {
    let client = client(topic).await?;
    // Asking for a topic creates it, if the brokers create topics automatically.
    client
        .partition_client(&topic.name, 0, UnknownTopicHandling::Error)
        .await?;
    let topics = client.list_topics().await?;
    let found = topics.into_iter().find(|found| found.name == topic.name);
    let partitions = found.map_or(0, |found| found.partitions.len());
    Ok((client, partitions))
}

async fn client(topic: &Topic) -> Result<Client, Error> {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(50),
        max_backoff: LAYER_TIMEOUT,
        base: 2.0,
        deadline: Some(LAYER_TIMEOUT),
    };
    let builder = ClientBuilder::new(topic.brokers.clone());
    let builder = builder.client_id("heartline").backoff_config(backoff);
    builder.build().await
}

/// Delivers to one partition.
struct PartitionWriter {
    topic: Topic,
    number: usize,
    answers: DeliveryReports,
    /// A client that knows all brokers, even when the configured ones are gone.
    known: Arc<Client>,
    failures: u32,
    client: Option<PartitionClient>,
}

impl PartitionWriter {
    async fn deliver(mut self, mut batches: UnboundedReceiver<Batch>) {
        while let Some(batch) = batches.recv().await {
            let count = batch.messages.len();
            let records: Vec<Record> = batch.messages.into_iter().map(record).collect();
            while let Err(why) = self.attempt(&records).await {
                // Another broker may be the leader now.
                self.client = None;
                self.failures = self.failures.wrapping_add(1);
                self.answers.say(DeliveryReport::Problem(self.number, why));
                sleep(PAUSE).await;
            }
            self.answers
                .say(DeliveryReport::Delivered(self.number, count));
        }
    }

    async fn attempt(&mut self, records: &[Record]) -> Result<(), String> {
        let client = match &self.client {
            Some(client) => client,
            None => self.client.insert(self.connect().await?),
        };
        let produced = client.produce(records.to_vec(), Compression::NoCompression);
        match timeout(ANSWER, produced).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(reason(&self.topic, &error)),
            Err(_) => Err(silent(ANSWER)),
        }
    }

    async fn connect(&self) -> Result<PartitionClient, String> {
        let connected = async {
            let number = i32::try_from(self.number).unwrap_or(i32::MAX);
            let (topic, unknown) = (&self.topic, UnknownTopicHandling::Error);
            // Every second attempt uses the configured brokers, in case all have moved.
            if self.failures % 2 == 1 {
                let named = client(topic).await?;
                named.partition_client(&topic.name, number, unknown).await
            } else {
                let known = &self.known;
                known.partition_client(&topic.name, number, unknown).await
            }
        };
        match timeout(CONNECT, connected).await {
            Ok(Ok(client)) => Ok(client),
            Ok(Err(error)) => Err(reason(&self.topic, &error)),
            Err(_) => Err(silent(CONNECT)),
        }
    }
}

fn record(message: Message) -> Record {
    Record {
        key: message.key.map(String::into_bytes),
        value: Some(message.json.into_bytes()),
        headers: std::collections::BTreeMap::new(),
        timestamp: message.time,
    }
}

/// The reason of a failure, and its remedy if that is known.
fn reason(topic: &Topic, error: &Error) -> String {
    match said(error) {
        Some(ProtocolError::UnknownTopicOrPartition) => missing(topic),
        Some(code) => format!("the broker answered {code:?}"),
        // The client adds its own text for each of its layers; the innermost has the reason.
        None => {
            let text = error.to_string();
            let inner = text.rsplit("Source: ").next().unwrap_or(&text);
            let inner = inner.strip_prefix("Connection error: ").unwrap_or(inner);
            inner.to_owned()
        }
    }
}

/// The answer of a broker, under any number of the client's retries.
fn said(error: &Error) -> Option<ProtocolError> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(Error::ServerError { protocol_error, .. }) = error.downcast_ref() {
            return Some(*protocol_error);
        }
        cause = error.source();
    }
    None
}

fn missing(topic: &Topic) -> String {
    format!(
        "the topic does not exist, and the brokers do not create it; run kafka-topics.sh --create --topic {}",
        topic.name
    )
}

fn silent(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs())
}
