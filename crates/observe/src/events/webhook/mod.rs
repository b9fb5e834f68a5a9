//! Posts events to a receiver by HTTP, one request at a time, in a separate thread.
//!
//! A request is repeated until the receiver has taken it; only then the next one goes out. So all events arrive in order,
//! and a request whose answer was lost may arrive twice.

mod alerts;
mod body;
mod receiver;
#[cfg(test)]
mod tests;

use std::thread;
use std::time::Duration;

use anyhow::{Context, anyhow};

use super::message::Message;
use super::sink::{DeliveryReport, DeliveryReports, Sink, sink};
pub(super) use body::{BodyAbout, WebhookFormat};
use heartline_core::backoff::Backoff;
use receiver::PostFailure;
pub(super) use receiver::{Receiver, WebhookOptions};

/// The first and the longest pause between two attempts, unless the receiver asks for another.
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(30)];

/// Starts the thread. Nothing waits for its end, because the receiver may be slow.
pub(super) fn start(receiver: Receiver, about: BodyAbout) -> anyhow::Result<Sink> {
    let (sink, mut inlet) = sink();
    inlet.answers.say(DeliveryReport::Open(1));
    let run = move || {
        while let Some(batch) = inlet.batches.blocking_recv() {
            if let Err(why) = deliver(&receiver, &about, &batch.messages, &inlet.answers) {
                inlet.answers.say(DeliveryReport::Over(anyhow!(why)));
                return;
            }
        }
    };
    let thread = thread::Builder::new().name("webhook".to_owned()).spawn(run);
    thread.context("cannot start a thread")?;
    Ok(sink)
}

/// Posts messages until all are taken. An error is final.
fn deliver(
    receiver: &Receiver,
    about: &BodyAbout,
    messages: &[Message],
    answers: &DeliveryReports,
) -> Result<(), String> {
    let mut rest = messages;
    while !rest.is_empty() {
        let (count, body) = body::next(about, rest);
        if let Some(body) = body {
            let [first, longest] = PAUSES;
            let mut backoff = Backoff::between(first, longest).seeded(seed());
            loop {
                match receiver.post(&body) {
                    Ok(()) => break,
                    Err(PostFailure::Again { why, after }) => {
                        answers.say(DeliveryReport::Problem(0, why));
                        let wait = backoff.next_wait();
                        thread::sleep(after.map_or(wait, |after| after.max(wait)));
                    }
                    Err(PostFailure::Over(why)) => return Err(why),
                }
            }
        }
        answers.say(DeliveryReport::Delivered(0, count));
        rest = rest.get(count..).unwrap_or_default();
    }
    Ok(())
}

/// A seed that differs between publishers: they must not come back at the same moment.
fn seed() -> u64 {
    u64::from(std::process::id())
}
