//! A job as Server-Sent Events: everything once, then each change. A client that was away sends the number of the last
//! event that it has (`Last-Event-ID`), and gets those that it missed.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;

use super::Shared;
use super::api::{NoJob, busy};
use crate::subscriber::{Message, MessageKind, Subscriber};

/// How often a stream shows that the server lives, if nothing else happens.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Follows a job until the client goes.
pub(super) async fn follow(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, NoJob> {
    let job = shared.job(&id)?;
    let Ok(permit) = Arc::clone(&shared.clients).try_acquire_owned() else {
        return Ok(busy());
    };
    let seen = headers.get("last-event-id");
    let seen = seen.and_then(|seen| Some(job.event_number(seen.to_str().ok()?)));
    let subscriber = Subscriber::new(job, seen.unwrap_or(0));
    let told = unfold((subscriber, permit), |(mut subscriber, permit)| async {
        let message = subscriber.next().await?;
        let event = event(&subscriber, &message);
        Some((Ok::<_, Infallible>(event), (subscriber, permit)))
    });
    let told = Sse::new(told).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(told.into_response())
}

fn event(subscriber: &Subscriber, message: &Message) -> Event {
    let event = Event::default().event(message.kind.name());
    let event = match message.kind {
        MessageKind::Tick | MessageKind::Away => event,
        MessageKind::Snapshot | MessageKind::Event => {
            event.id(subscriber.job().event_id(subscriber.seen()))
        }
    };
    event.data(&*message.data)
}
