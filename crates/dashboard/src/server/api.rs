//! The answers that are not a stream: JSON, metrics, health.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::Shared;
use crate::job::Job;

/// The `OpenMetrics` text format, as Prometheus asks for it.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Shared {
    /// A job by its number, or the answer that there is none.
    pub(super) fn job(&self, id: &str) -> Result<&Arc<Job>, Box<Response>> {
        let found = id.parse().ok().and_then(|id: usize| self.jobs.get(id));
        found.ok_or_else(|| Box::new(not_found("no such job; /api/v1/jobs lists them")))
    }
}

/// An error as JSON.
pub(super) fn not_found(why: &str) -> Response {
    (StatusCode::NOT_FOUND, Json(json!({ "error": why }))).into_response()
}

/// Whether this process serves.
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// Whether all jobs can be read.
pub(super) async fn ready(State(shared): State<Shared>) -> Response {
    let mut jobs = shared.jobs.iter();
    match jobs.find(|job| !job.is_ready()) {
        None => "ok\n".into_response(),
        Some(job) => {
            let why = format!("the job at {} cannot be read\n", job.namespace);
            (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
        }
    }
}

/// The figures of all jobs.
pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    ([(CONTENT_TYPE, OPENMETRICS)], shared.metrics.text()).into_response()
}

/// The jobs that are shown.
pub(super) async fn jobs(State(shared): State<Shared>) -> Json<Value> {
    let jobs = shared.jobs.iter().enumerate();
    let jobs: Vec<Value> = jobs
        .map(|(id, job)| json!({ "id": id, "namespace": job.namespace }))
        .collect();
    Json(json!({ "jobs": jobs }))
}

/// Everything about one job, as the first message of its stream.
pub(super) async fn job(State(shared): State<Shared>, Path(id): Path<String>) -> Response {
    let job = match shared.job(&id) {
        Ok(job) => job,
        Err(answer) => return *answer,
    };
    let (_, snapshot) = job.snapshot(0);
    let about = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (about, snapshot.to_string()).into_response()
}

/// The details of one member.
pub(super) async fn member(
    State(shared): State<Shared>,
    Path((id, node)): Path<(String, String)>,
) -> Response {
    let job = match shared.job(&id) {
        Ok(job) => job,
        Err(answer) => return *answer,
    };
    match job.member(&node) {
        Some(member) => ([(CACHE_CONTROL, "no-store")], Json(member)).into_response(),
        None => not_found("no member has this name, or it has been gone for long"),
    }
}

/// The snapshot of a stalled member; `null` if there is none.
pub(super) async fn snapshot(
    State(shared): State<Shared>,
    Path((id, node)): Path<(String, String)>,
) -> Response {
    let job = match shared.job(&id) {
        Ok(job) => job,
        Err(answer) => return *answer,
    };
    match job.stall_snapshot(node.clone()).await {
        Ok(text) => {
            let found = json!({ "node": node, "text": text });
            ([(CACHE_CONTROL, "no-store")], Json(found)).into_response()
        }
        Err(why) => {
            let why = json!({ "error": why });
            (StatusCode::SERVICE_UNAVAILABLE, Json(why)).into_response()
        }
    }
}
