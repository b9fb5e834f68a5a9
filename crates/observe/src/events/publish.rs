//! Moves events from the watch into the buffer, and from the buffer to the sink.

use std::collections::BTreeMap;
#[cfg(feature = "webhook")]
use std::path::PathBuf;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

#[cfg(feature = "webhook")]
use anyhow::Error;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::buffer::Buffer;
use super::file::last_event;
#[cfg(feature = "kafka")]
use super::kafka::{self, KafkaSecurity};
use super::lines;
use super::message::Message;
use super::sink::{DeliveryReport, Sink};
use super::target::Target;
#[cfg(feature = "webhook")]
use super::webhook::{self, BodyAbout, Receiver, WebhookFormat, WebhookOptions};
use crate::watch::{ConnectionChanges, EventHandler, EventHistory, follow};
use heartline_core::protocol::Event;
use heartline_process::say::say;
use heartline_process::service::{self, Watchdog};
use heartline_process::supervisor::listen;
use heartline_zookeeper::Settings;

pub(super) const PROGRAM: &str = "heartline events";

/// The options of the publisher.
#[derive(Debug)]
pub(super) struct PublishOptions {
    pub(super) target: Target,
    pub(super) alive: bool,
    pub(super) buffer: usize,
    pub(super) linger: Duration,
    #[cfg(feature = "kafka")]
    pub(super) kafka: KafkaSecurity,
    #[cfg(feature = "webhook")]
    pub(super) webhook: WebhookChoice,
}

/// What a receiver gets, and how.
#[cfg(feature = "webhook")]
#[derive(Debug)]
pub(super) struct WebhookChoice {
    pub(super) format: WebhookFormat,
    pub(super) ca: Option<PathBuf>,
    pub(super) headers: Option<PathBuf>,
    pub(super) link: Option<String>,
}

/// Publishes until a signal asks it to stop, then delivers the remaining events within the time limit. Fails if any are
/// left after that.
pub(super) async fn publish(settings: Settings, terms: PublishOptions) -> anyhow::Result<ExitCode> {
    let (orders, mut ordered) = unbounded_channel();
    listen(&orders, |_| ());
    let (hear, mut heard) = unbounded_channel();
    let (sink, history) = opened(&settings, &terms)?;
    let mut publisher = Publisher::new(&terms, sink);
    let mut watchdog = Watchdog::start();
    let (tell_connected, mut connection) = watch::channel(None);
    let forwarder = EventForwarder {
        hear,
        tell_connected,
        connection: ConnectionChanges::default(),
        alive: terms.alive,
    };
    let ended = {
        let mut watching = pin!(follow(&settings, forwarder, history, Some(PROGRAM)));
        loop {
            tokio::select! {
                biased;
                _ = ordered.recv() => {
                    service::stopping();
                    break Ok(());
                }
                () = watchdog.due() => watchdog.feed(),
                Ok(()) = connection.changed() => {
                    publisher.connected = *connection.borrow_and_update();
                    publisher.tell_service_manager();
                }
                Some(message) = heard.recv() => publisher.offer(message),
                answer = publisher.sink.answers.recv() => {
                    if let Err(why) = publisher.answer(answer) {
                        // A reader of stdout that went waits for nothing.
                        if terms.target != Target::Stdout {
                            publisher.say_left(publisher.buffer.undelivered());
                        }
                        return Err(why);
                    }
                }
                over = &mut watching => break over,
            }
            publisher.send();
        }
    };
    let left = publisher
        .flush(terms.linger, &mut heard, &mut ordered)
        .await?;
    publisher.say_left(left);
    service::last_word();
    ended?;
    Ok(if left > 0 {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// The sink of the target, and what it has already.
fn opened(settings: &Settings, terms: &PublishOptions) -> anyhow::Result<(Sink, EventHistory)> {
    let sink = match &terms.target {
        Target::Stdout => lines::stdout()?,
        Target::File(path) => {
            let history = last_event(path)
                .map_or_else(EventHistory::default, |(epoch, sequence, time)| {
                    EventHistory::up_to(epoch, sequence, time)
                });
            return Ok((lines::file(path.clone())?, history));
        }
        #[cfg(feature = "kafka")]
        Target::Kafka(topic) => kafka::start(topic.clone(), terms.kafka.clone())?,
        #[cfg(not(feature = "kafka"))]
        Target::Kafka(_) => {
            anyhow::bail!("this program was built without Kafka; build it with --features kafka")
        }
        #[cfg(feature = "webhook")]
        Target::Webhook(url) => {
            let WebhookChoice {
                format,
                ca,
                headers,
                link,
            } = &terms.webhook;
            let options = WebhookOptions {
                url: url.0.clone(),
                ca: ca.clone(),
                headers: headers.clone(),
            };
            let namespace = settings.namespace.below(settings.address.chroot());
            let about = BodyAbout {
                format: *format,
                namespace: match namespace.to_string() {
                    root if root.is_empty() => "/".to_owned(),
                    path => path,
                },
                link: link.clone(),
            };
            webhook::start(Receiver::new(&options).map_err(Error::msg)?, about)?
        }
        #[cfg(not(feature = "webhook"))]
        Target::Webhook(_) => {
            let _ = settings;
            anyhow::bail!(
                "this program was built without webhooks; build it with --features webhook"
            )
        }
    };
    Ok((sink, EventHistory::default()))
}

struct Publisher {
    target: String,
    buffer: Buffer,
    capacity: usize,
    sink: Sink,
    /// Events are being lost, and this was reported.
    losing: bool,
    /// The reported fault of each partition.
    problems: BTreeMap<usize, String>,
    /// Whether ZooKeeper is connected, if that is known.
    connected: Option<bool>,
    /// Whether the sink has taken its place.
    is_open: bool,
}

impl Publisher {
    fn new(terms: &PublishOptions, sink: Sink) -> Self {
        Self {
            target: terms.target.to_string(),
            buffer: Buffer::new(terms.buffer),
            capacity: terms.buffer,
            sink,
            losing: false,
            problems: BTreeMap::new(),
            connected: None,
            is_open: false,
        }
    }

    /// Says how many events stay undelivered.
    fn say_left(&self, left: u64) {
        if left > 0 {
            let target = &self.target;
            say(PROGRAM, format!("events not delivered to {target}: {left}"));
        }
    }

    fn offer(&mut self, message: Message) {
        if self.buffer.offer(message) && !self.losing {
            self.losing = true;
            let (capacity, target) = (self.capacity, &self.target);
            say(
                PROGRAM,
                format!("the buffer of {capacity} is full for {target}: the oldest are being lost"),
            );
        }
    }

    fn answer(&mut self, answer: Option<DeliveryReport>) -> anyhow::Result<()> {
        match answer {
            Some(DeliveryReport::Open(queues)) => {
                self.buffer.open(queues);
                self.is_open = true;
                self.well(0);
                self.tell_service_manager();
            }
            Some(DeliveryReport::Delivered(queue, messages)) => {
                self.buffer.delivered(queue, messages);
                self.well(queue);
            }
            Some(DeliveryReport::Problem(queue, why)) => {
                if !self.problems.values().any(|said| *said == why) {
                    say(PROGRAM, format!("{}: {why}; trying again", self.target));
                }
                self.problems.insert(queue, why);
            }
            Some(DeliveryReport::Over(error)) => return Err(error),
            None => anyhow::bail!("{} accepts no more events", self.target),
        }
        Ok(())
    }

    /// It serves when events can be read and can be delivered. A restart would not bring ZooKeeper back, so that being
    /// without it later is a status and no failure.
    fn tell_service_manager(&self) {
        match (self.connected, self.is_open) {
            (Some(true), true) => service::ready(&format!("publishes to {}", self.target)),
            (Some(true), false) => service::status(&format!("waits for {}", self.target)),
            _ => service::status("waits for ZooKeeper"),
        }
    }

    /// The partition has no fault any more.
    fn well(&mut self, queue: usize) {
        if self.problems.remove(&queue).is_some() && self.problems.is_empty() {
            say(PROGRAM, format!("{} takes events again", self.target));
        }
    }

    /// Sends all batches that may go out now.
    fn send(&mut self) {
        while let Some(batch) = self.buffer.next() {
            if batch.lost > 0 {
                self.losing = false;
                let (lost, target) = (batch.lost, &self.target);
                say(
                    PROGRAM,
                    format!(
                        "events lost for {target}: {lost}; an event \"lost\" marks their position"
                    ),
                );
            }
            // If the sink has ended, its last report gave the reason.
            let _ = self.sink.batches.send(batch);
        }
    }

    /// Delivers the remaining events, until the time limit or another signal; returns how many are left after that.
    async fn flush(
        &mut self,
        linger: Duration,
        heard: &mut UnboundedReceiver<Message>,
        ordered: &mut UnboundedReceiver<()>,
    ) -> anyhow::Result<u64> {
        while let Ok(message) = heard.try_recv() {
            self.offer(message);
        }
        self.send();
        let end = Instant::now() + linger;
        while self.buffer.undelivered() > 0 {
            tokio::select! {
                biased;
                answer = self.sink.answers.recv() => self.answer(answer)?,
                () = sleep_until(end) => break,
                _ = ordered.recv() => break,
            }
            self.send();
        }
        Ok(self.buffer.undelivered())
    }
}

/// Receives the events of the watch, and passes them on without waiting.
struct EventForwarder {
    hear: UnboundedSender<Message>,
    tell_connected: watch::Sender<Option<bool>>,
    connection: ConnectionChanges,
    alive: bool,
}

impl EventHandler for EventForwarder {
    fn connection(&mut self, connected: bool) -> anyhow::Result<bool> {
        self.tell_connected.send_replace(Some(connected));
        let Some(event) = self.connection.event(connected) else {
            return Ok(false);
        };
        self.event(&event)?;
        Ok(true)
    }

    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        // The receiver is gone once the publisher has ended.
        let _ = self.hear.send(Message::of(event));
        Ok(())
    }

    fn alive(&mut self, event: &Event) -> anyhow::Result<()> {
        if self.alive {
            self.event(event)
        } else {
            Ok(())
        }
    }
}
