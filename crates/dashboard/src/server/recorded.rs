//! The answers about a recording: what a player needs to know, and the blocks.

use std::io;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use tokio::task::spawn_blocking;

use super::Shared;
use super::api::{busy, failed, fresh, not_found};

/// What a player needs to know of a job.
pub(super) async fn about(State(shared): State<Shared>, Path(job): Path<String>) -> Response {
    let about = shared.recording.as_ref().and_then(|recording| {
        let job = job.parse().ok()?;
        recording.about(job)
    });
    match about {
        Some(about) => fresh(about),
        None => not_found(
            "no such recording; /api/v1/jobs lists the jobs, and says whether they are live",
        ),
    }
}

/// The text of a block.
pub(super) async fn block(
    State(shared): State<Shared>,
    Path((job, number)): Path<(String, String)>,
) -> Response {
    let missing = || not_found("no such block; /api/v1/jobs/N/recording lists them");
    let (Some(recording), Ok(job), Ok(number)) = (&shared.recording, job.parse(), number.parse())
    else {
        return missing();
    };
    // It can be large, and is decompressed for each who asks.
    let Ok(permit) = Arc::clone(&shared.clients).try_acquire_owned() else {
        return busy();
    };
    let recording = Arc::clone(recording);
    let text = spawn_blocking(move || {
        let text = recording.text(job, number);
        drop(permit);
        text
    });
    match text
        .await
        .unwrap_or_else(|error| Some(Err(io::Error::other(error))))
    {
        Some(Ok(text)) => {
            let about = [
                (CONTENT_TYPE, "application/jsonl"),
                (CACHE_CONTROL, "no-store"),
            ];
            (about, text).into_response()
        }
        Some(Err(error)) => {
            let why = format!("block {number} of the recording cannot be read: {error}");
            failed(StatusCode::INTERNAL_SERVER_ERROR, &why)
        }
        None => missing(),
    }
}
