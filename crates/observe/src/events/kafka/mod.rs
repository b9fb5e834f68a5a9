//! Delivers to a topic of Kafka, with one request in flight in each partition.
//!
//! A request is repeated until all in-sync replicas have its records; only then the next one goes out. So records with
//! the same key never pass each other, and a record whose acknowledgement was lost may be stored twice.

mod brokers;
mod failure;
mod security;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Error;
use rskafka::client::Client;
use rskafka::client::partition::{Compression, PartitionClient};
use rskafka::record::Record;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::{sleep, timeout};

use super::buffer::Batch;
use super::message::Message;
use super::publish::PROGRAM;
use super::sink::{DeliveryReport, DeliveryReports, Sink, SinkWorker, sink};
use super::target::Topic;
use brokers::Brokers;
use heartline_process::say::say;
pub(super) use security::{KafkaSasl, KafkaSecurity};

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(500);
/// How long finding the leader may take, with a broker that accepts connections and sends nothing.
const CONNECT: Duration = Duration::from_secs(15);
/// How long an answer may take. A broker waits up to 30 s for its replicas.
const ANSWER: Duration = Duration::from_secs(40);

/// Starts the delivery, within a runtime; it ends with the publisher.
///
/// # Errors
/// If the settings do not fit together, or if a file of certificates or credentials is of no use.
pub(super) fn start(topic: Topic, security: KafkaSecurity) -> anyhow::Result<Sink> {
    let brokers = Brokers::new(topic, security).map_err(Error::msg)?;
    if let Some(warning) = brokers.warning() {
        say(PROGRAM, warning);
    }
    let (sink, inlet) = sink();
    tokio::spawn(deliver(Arc::new(brokers), inlet));
    Ok(sink)
}

/// Passes each batch to its partition.
async fn deliver(brokers: Arc<Brokers>, mut inlet: SinkWorker) {
    let (known, partitions) = partitions(&brokers, &inlet.answers).await;
    let known = Arc::new(known);
    let queues: Vec<_> = (0..partitions)
        .map(|number| {
            let (batches, taken) = unbounded_channel();
            let queue = PartitionWriter {
                brokers: Arc::clone(&brokers),
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
async fn partitions(brokers: &Brokers, answers: &DeliveryReports) -> (Client, usize) {
    loop {
        let asked = async {
            let client = brokers.client().await?;
            let partitions = brokers.partitions(&client).await?;
            Ok((client, partitions))
        };
        let why = match timeout(CONNECT, asked).await {
            Ok(Ok(known)) => return known,
            Ok(Err(why)) => why,
            Err(_) => silent(CONNECT),
        };
        answers.say(DeliveryReport::Problem(0, why));
        sleep(PAUSE).await;
    }
}

/// Delivers to one partition.
struct PartitionWriter {
    brokers: Arc<Brokers>,
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
        let client = match self.client.take() {
            Some(client) => client,
            None => self.connect().await?,
        };
        let client = self.client.insert(client);
        let produced = client.produce(records.to_vec(), Compression::NoCompression);
        match timeout(ANSWER, produced).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(self.brokers.reason(&error).await),
            Err(_) => Err(silent(ANSWER)),
        }
    }

    /// Finds the leader of the partition. Every second attempt uses the configured brokers, in case all have moved, and
    /// reads the files again.
    async fn connect(&mut self) -> Result<PartitionClient, String> {
        let connected = async {
            let number = i32::try_from(self.number).unwrap_or(i32::MAX);
            if self.failures % 2 == 1 {
                let named = self.brokers.client().await?;
                let leader = self.brokers.leader(&named, number).await?;
                // The one before may have a password or a certificate that is no longer valid.
                self.known = Arc::new(named);
                Ok(leader)
            } else {
                self.brokers.leader(&self.known, number).await
            }
        };
        match timeout(CONNECT, connected).await {
            Ok(connected) => connected,
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

fn silent(limit: Duration) -> String {
    format!("no answer within {} s", limit.as_secs())
}
