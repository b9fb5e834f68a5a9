//! What clients do: POST requests with JSON. Another origin's page cannot send these without asking the browser first
//! (CORS), which this server does not allow; nor does the browser send it the cookie with the token.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Json;
use axum::extract::{ConnectInfo, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use super::api::{NoJob, failed, fresh, not_found};
use crate::actions::{Action, ActionOutcome};
use heartline_core::text;
use heartline_exporter::listener::HttpClient;

/// The longest interval, in milliseconds: a day.
const LONGEST_MS: f64 = 86_400_000.0;

/// What is told with a kill; nothing yet.
#[derive(Debug, Deserialize)]
pub(super) struct KillBody {}

/// The interval to set; `null` lets the master choose.
#[derive(Debug, Deserialize)]
pub(super) struct IntervalBody {
    interval_ms: Option<f64>,
}

/// Kills a member.
pub(super) async fn kill(
    State(shared): State<Shared>,
    Path((id, node)): Path<(String, String)>,
    ConnectInfo(client): ConnectInfo<HttpClient>,
    Json(KillBody {}): Json<KillBody>,
) -> Result<Response, NoJob> {
    // The master would also take the name of a task or of a whole job.
    if shared.job(&id)?.member(&node).is_none() {
        return Ok(not_found("no member has this name"));
    }
    act(&shared, &id, client.0, Action::Kill(node)).await
}

/// Sets the interval.
pub(super) async fn interval(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    ConnectInfo(client): ConnectInfo<HttpClient>,
    Json(body): Json<IntervalBody>,
) -> Result<Response, NoJob> {
    let interval = match body.interval_ms {
        None => None,
        Some(ms) if ms > 0.0 && ms <= LONGEST_MS => Some(Duration::from_secs_f64(ms / 1e3)),
        Some(_) => {
            let why = "interval_ms must be a number of milliseconds above 0, or null";
            return Ok(failed(StatusCode::UNPROCESSABLE_ENTITY, why));
        }
    };
    act(&shared, &id, client.0, Action::Interval(interval)).await
}

async fn act(shared: &Shared, id: &str, by: SocketAddr, action: Action) -> Result<Response, NoJob> {
    let outcome = shared.job(id)?.act(action, by.to_string()).await;
    let status = match outcome {
        ActionOutcome::Done(words) => {
            return Ok(Json(json!({ "result": words })).into_response());
        }
        ActionOutcome::Refused(_) => StatusCode::CONFLICT,
        ActionOutcome::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
    };
    Ok(failed(status, outcome.words()))
}

/// The last actions.
pub(super) async fn list(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, NoJob> {
    let actions = json!({ "actions": shared.job(&id)?.actions() });
    // A map of texts can always be written.
    Ok(fresh(text::json(&actions).unwrap_or_default()))
}
