//! The options of `heartline events`.

#[cfg(any(feature = "kafka", feature = "webhook"))]
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;

#[cfg(feature = "kafka")]
use super::kafka::{KafkaSasl, KafkaSecurity};
use super::publish::{PROGRAM, PublishOptions, publish};
use super::target::Target;
#[cfg(feature = "webhook")]
use super::webhook::WebhookFormat;
use heartline_cli::{self as cli, ZooKeeperOptions, duration};

/// Publish events of the members of a job: as JSON lines to stdout, a file or Kafka, or by HTTP to a receiver
///
/// Each event is one object, as in the output of watch-master --json: time, event, node, epoch. The program runs until
/// it is stopped, also while ZooKeeper, Kafka or the receiver is unavailable.
///
/// Each event is delivered at least once, and the events of one node arrive in order; in Kafka the node is the key.
/// After a restart or a retry, events may be repeated: epoch and sequence identify them. A file is continued after its
/// last event. If the lines cannot be delivered and the buffer is full, the oldest events are lost; an event "lost"
/// with node and count marks their position.
#[derive(Args, Clone, Debug)]
pub struct EventsArgs {
    #[arg(
        long,
        value_name = "TARGET",
        default_value = "-",
        help = "Destination: kafka://HOST[:PORT][,HOST[:PORT]…]/TOPIC; https://HOST[:PORT]/PATH or http://…, which gets \
                POST requests; file:PATH or just PATH, which is appended to \
                and may be renamed at any time; or - for stdout"
    )]
    to: Target,

    /// Also publish an event "alive" for each live follower in each report of the master
    #[arg(long)]
    alive: bool,

    /// Maximum number of events to keep while they cannot be delivered
    #[arg(
        long,
        value_name = "EVENTS",
        default_value_t = 10_000,
        value_parser = clap::value_parser!(u32).range(1..=10_000_000)
    )]
    buffer: u32,

    /// Time to deliver the remaining events after a signal to stop
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    linger: Duration,

    #[cfg(feature = "kafka")]
    #[command(flatten)]
    kafka: KafkaArgs,

    #[cfg(feature = "webhook")]
    #[command(flatten)]
    webhook: WebhookArgs,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

/// How to reach the brokers of kafka://…
#[cfg(feature = "kafka")]
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Kafka security")]
struct KafkaArgs {
    /// Authenticate by SASL, with the line USER:PASSWORD of a file that only its owner may read
    #[arg(
        id = "kafka-sasl",
        long,
        value_name = "plain:FILE|scram-sha-256:FILE|scram-sha-512:FILE",
        env = "HEARTLINE_KAFKA_SASL"
    )]
    sasl: Option<KafkaSasl>,

    /// Connect by TLS to brokers whose certificates a CA of this PEM file has signed for their host names. A replaced file
    /// is read when a connection has failed
    #[arg(
        id = "kafka-tls",
        long,
        value_name = "CA-FILE",
        env = "HEARTLINE_KAFKA_TLS"
    )]
    ca: Option<PathBuf>,

    /// The certificate of this program, for brokers that ask for one: a PEM file, with its chain
    #[arg(
        id = "kafka-tls-cert",
        long,
        value_name = "FILE",
        env = "HEARTLINE_KAFKA_TLS_CERT"
    )]
    certificate: Option<PathBuf>,

    /// The key of the certificate, which only its owner may read [default: in the file of the certificate]
    #[arg(
        id = "kafka-tls-key",
        long,
        value_name = "FILE",
        env = "HEARTLINE_KAFKA_TLS_KEY"
    )]
    key: Option<PathBuf>,
}

/// How to post to a receiver.
#[cfg(feature = "webhook")]
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Receiver")]
struct WebhookArgs {
    /// Form of the requests to https://… or http://…
    #[arg(
        long = "webhook-format",
        value_name = "FORMAT",
        value_enum,
        default_value_t
    )]
    format: WebhookFormat,

    /// File with the certificates to trust for https://…, instead of those of Mozilla
    #[arg(long = "webhook-ca", value_name = "FILE")]
    ca: Option<PathBuf>,

    /// File with further headers, one Name: value a line; only its owner may read it
    #[arg(long = "webhook-header-file", value_name = "FILE")]
    headers: Option<PathBuf>,

    /// Page to which alerts lead, such as that of heartline serve
    #[arg(long = "webhook-link", value_name = "URL")]
    link: Option<String>,
}

impl EventsArgs {
    /// Publishes until a signal asks it to stop.
    pub fn run(self) -> ExitCode {
        let terms = PublishOptions {
            target: self.to,
            alive: self.alive,
            buffer: usize::try_from(self.buffer).unwrap_or(usize::MAX),
            linger: self.linger,
            #[cfg(feature = "kafka")]
            kafka: KafkaSecurity {
                ca: self.kafka.ca,
                certificate: self.kafka.certificate,
                key: self.kafka.key,
                sasl: self.kafka.sasl,
            },
            #[cfg(feature = "webhook")]
            webhook: super::publish::WebhookChoice {
                format: self.webhook.format,
                ca: self.webhook.ca,
                headers: self.webhook.headers,
                link: self.webhook.link,
            },
        };
        cli::run(PROGRAM, publish(self.zookeeper.settings(), terms))
    }
}
