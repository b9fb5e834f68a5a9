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
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::Shared;
use super::api::{NoJob, busy};
use crate::job::{Change, Job};

/// How often a stream shows that the server lives, if nothing else happens.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// What one client has been told.
struct Client {
    job: Arc<Job>,
    changes: Receiver<Change>,
    /// The number of the last event that it has.
    seen: u64,
    /// Whether it is to be told everything.
    is_new: bool,
    _permit: OwnedSemaphorePermit,
}

/// Follows a job until the client goes.
pub(super) async fn follow(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, NoJob> {
    let job = Arc::clone(shared.job(&id)?);
    let Ok(permit) = Arc::clone(&shared.clients).try_acquire_owned() else {
        return Ok(busy());
    };
    let seen = headers.get("last-event-id");
    let seen = seen.and_then(|seen| Some(job.event_number(seen.to_str().ok()?)));
    let client = Client {
        changes: job.subscribe(),
        job,
        seen: seen.unwrap_or(0),
        is_new: true,
        _permit: permit,
    };
    let told = unfold(client, |mut client| async {
        let event = client.next().await?;
        Some((Ok::<_, Infallible>(event), client))
    });
    let told = Sse::new(told).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    Ok(told.into_response())
}

impl Client {
    /// The next message; `None` when the server ends.
    async fn next(&mut self) -> Option<Event> {
        if self.is_new {
            return Some(self.all());
        }
        loop {
            let (kind, data) = match self.changes.recv().await {
                Ok(Change::Tick(data)) => ("tick", data),
                Ok(Change::Away(data)) => ("away", data),
                // It was part of the snapshot.
                Ok(Change::Event(number, _)) if number <= self.seen => continue,
                Ok(Change::Event(number, data)) => {
                    self.seen = number;
                    let event = Event::default()
                        .event("event")
                        .id(self.job.event_id(number));
                    return Some(event.data(&*data));
                }
                // It was too slow: what it missed is in a snapshot.
                Ok(Change::Anew) | Err(RecvError::Lagged(_)) => return Some(self.all()),
                Err(RecvError::Closed) => return None,
            };
            return Some(Event::default().event(kind).data(&*data));
        }
    }

    fn all(&mut self) -> Event {
        self.is_new = false;
        // What was told before is part of it.
        self.changes = self.job.subscribe();
        let (newest, snapshot) = self.job.snapshot(self.seen);
        self.seen = newest;
        let event = Event::default()
            .event("snapshot")
            .id(self.job.event_id(newest));
        event.data(&*snapshot)
    }
}
