//! The brokers of a topic: opens clients, and says in one line why that or a request fails.

use std::time::Duration;

use heartline_process::off_thread::off_thread;
use heartline_tls::{Handshake, host_of};
use rskafka::BackoffConfig;
use rskafka::client::error::Error;
use rskafka::client::partition::{PartitionClient, UnknownTopicHandling};
use rskafka::client::{Client, ClientBuilder};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::target::Topic;
use super::failure::{answered, missing, reason, refusal, unreached};
use super::security::KafkaSecurity;

/// How long each layer of the client retries on its own. The times multiply, and the reason is reported only after all
/// of them.
const LAYER_TIMEOUT: Duration = Duration::from_millis(250);
/// How long the search for a reason may take, over all brokers.
const DIAGNOSIS: Duration = Duration::from_secs(3);
/// How long a broker may take meanwhile to accept a connection.
const ACCEPT: Duration = Duration::from_millis(500);

/// A topic, and how its brokers are reached.
#[derive(Clone, Debug)]
pub(super) struct Brokers {
    topic: Topic,
    security: KafkaSecurity,
}

impl Brokers {
    /// Checks the settings, and reads their files once; blocks.
    ///
    /// # Errors
    /// A line that names the option and says what to do.
    pub(super) fn new(topic: Topic, security: KafkaSecurity) -> Result<Self, String> {
        if let Some(misfit) = security.misfit(&topic) {
            return Err(misfit);
        }
        security.secure(builder(&topic))?;
        Ok(Self { topic, security })
    }

    /// What is unsafe about the settings; `None` if nothing is.
    pub(super) fn warning(&self) -> Option<String> {
        self.security.warning(&self.topic)
    }

    /// A client that has reached a broker, with the files as they are now.
    pub(super) async fn client(&self) -> Result<Client, String> {
        let (security, builder) = (self.security.clone(), builder(&self.topic));
        let secured = off_thread(move || security.secure(builder)).await;
        let secured = secured.unwrap_or_else(|| {
            Err("the files of certificates and credentials do not answer".to_owned())
        })?;
        match secured.build().await {
            Ok(client) => Ok(client),
            Err(error) => Err(self.reason(&error).await),
        }
    }

    /// A connection to the leader of a partition.
    pub(super) async fn leader(
        &self,
        client: &Client,
        number: i32,
    ) -> Result<PartitionClient, String> {
        let (name, unknown) = (&self.topic.name, UnknownTopicHandling::Error);
        match client.partition_client(name, number, unknown).await {
            Ok(leader) => Ok(leader),
            Err(error) => Err(self.reason(&error).await),
        }
    }

    /// The number of partitions of the topic, which is created if the brokers do that automatically.
    pub(super) async fn partitions(&self, client: &Client) -> Result<usize, String> {
        // Asking for a topic creates it.
        self.leader(client, 0).await?;
        let topics = match client.list_topics().await {
            Ok(topics) => topics,
            Err(error) => return Err(self.reason(&error).await),
        };
        let found = topics
            .into_iter()
            .find(|found| found.name == self.topic.name);
        let partitions = found.map_or(0, |found| found.partitions.len());
        if partitions > 0 {
            Ok(partitions)
        } else {
            Err(missing(&self.topic))
        }
    }

    /// The reason of a failure, and its remedy if that is known.
    ///
    /// # Cancellation safety
    /// When the future is dropped, its connections are closed.
    pub(super) async fn reason(&self, error: &Error) -> String {
        if let Some(code) = answered(error) {
            let security = self.security.clone();
            let user = off_thread(move || security.user()).await.flatten();
            return refusal(&self.topic, &self.security, user, code);
        }
        let handshakes = timeout(DIAGNOSIS, self.handshakes(error)).await;
        match handshakes {
            Ok(Some(why)) => why,
            Ok(None) | Err(_) => reason(&self.security, error),
        }
    }

    /// What is wrong with TLS at the first broker where something is. The client library tells that only in its own words.
    async fn handshakes(&self, error: &Error) -> Option<String> {
        if !matches!(error, Error::Connection(_) | Error::RetryFailed(_)) {
            return None;
        }
        // In the same order each time, so that the same broker is told.
        let named = self.topic.brokers.iter().map(String::as_str);
        for broker in named.chain(unreached(error)) {
            let Ok(Ok(stream)) = timeout(ACCEPT, TcpStream::connect(broker)).await else {
                continue;
            };
            let host = host_of(broker);
            match self.security.tls() {
                Some(files) => {
                    if let Handshake::Failed(why) = Handshake::with(stream, host, &files).await {
                        return Some(format!("{broker} {why}"));
                    }
                }
                None if Handshake::is_spoken(stream, host).await => {
                    return Some(format!(
                        "{broker} asks for TLS: give --kafka-tls with the CA of the brokers, or name a listener without TLS"
                    ));
                }
                None => {}
            }
        }
        None
    }
}

fn builder(topic: &Topic) -> ClientBuilder {
    let backoff = BackoffConfig {
        init_backoff: Duration::from_millis(50),
        max_backoff: LAYER_TIMEOUT,
        base: 2.0,
        deadline: Some(LAYER_TIMEOUT),
    };
    let builder = ClientBuilder::new(topic.brokers.clone());
    builder.client_id("heartline").backoff_config(backoff)
}
