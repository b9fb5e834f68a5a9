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
use heartline_core::text;
use heartline_exporter::server::metrics_response;

impl Shared {
    /// A job by its number, or the answer that there is none.
    pub(super) fn job(&self, id: &str) -> Result<Arc<Job>, NoJob> {
        let found = id.parse().ok().and_then(|id: usize| self.jobs.get(id));
        found.ok_or(NoJob)
    }
}

/// No job has this number.
pub(super) struct NoJob;

impl IntoResponse for NoJob {
    fn into_response(self) -> Response {
        not_found("no such live job; /api/v1/jobs lists the jobs")
    }
}

/// The answer that there is no such thing.
pub(super) fn not_found(why: &str) -> Response {
    failed(StatusCode::NOT_FOUND, why)
}

/// An error as JSON.
pub(super) fn failed(status: StatusCode, why: &str) -> Response {
    (status, Json(json!({ "error": why }))).into_response()
}

/// JSON that is another one each time.
pub(super) fn fresh(json: String) -> Response {
    let about = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    (about, json).into_response()
}

/// Texts of others are escaped, since the answer may be shown on a terminal.
fn escaped(value: &Value) -> String {
    // A map of texts and numbers can always be written.
    text::json(value).unwrap_or_default()
}

/// The answer to one client too many.
pub(super) fn busy() -> Response {
    let why = "too many clients follow jobs; close some\n";
    (StatusCode::SERVICE_UNAVAILABLE, why).into_response()
}

/// Whether this process serves.
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// Whether all jobs can be read.
pub(super) async fn ready(State(shared): State<Shared>) -> Response {
    if shared.jobs.all().iter().all(|job| job.is_ready()) {
        return "ok\n".into_response();
    }
    // Who asks may be anybody, so that it does not say which.
    (StatusCode::SERVICE_UNAVAILABLE, "a job cannot be read\n").into_response()
}

/// The figures of all jobs.
pub(super) async fn metrics(State(shared): State<Shared>) -> Response {
    metrics_response(shared.metrics.text())
}

/// The document that describes these answers.
pub(super) const OPENAPI: &str = include_str!("../../openapi.json");

/// That document.
pub(super) async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], OPENAPI).into_response()
}

/// What `heartline cluster status` knows.
pub(super) async fn cluster(State(shared): State<Shared>) -> Response {
    match &shared.reports.cluster {
        Some(report) => fresh(report.json()),
        None => not_found("this server shows no cluster; start it with --cluster FILE"),
    }
}

/// What `heartline nodes list` knows.
pub(super) async fn nodes(State(shared): State<Shared>) -> Response {
    match &shared.reports.nodes {
        Some(report) => fresh(report.json()),
        None => not_found("this server shows no nodes; start it with --nodes HOST:PORT"),
    }
}

/// The jobs that are shown.
pub(super) async fn jobs(State(shared): State<Shared>) -> Json<Value> {
    let jobs = shared.jobs.all();
    let live = jobs.iter().map(|job| job.namespace());
    let recorded = shared.recording.iter();
    let recorded = recorded.flat_map(|recording| recording.namespaces());
    let jobs = live.chain(recorded).enumerate();
    let jobs: Vec<Value> = jobs
        .map(|(id, namespace)| json!({ "id": id, "namespace": namespace }))
        .collect();
    Json(json!({
        "jobs": jobs,
        "is_live": shared.recording.is_none(),
        "allows_actions": shared.allows_actions,
        "has_cluster": shared.reports.cluster.is_some(),
        "has_nodes": shared.reports.nodes.is_some(),
        "yarn": shared.yarn,
    }))
}

/// Everything about one job, as the first message of its stream.
pub(super) async fn job(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, NoJob> {
    let job = shared.job(&id)?;
    // It can be large, and is made for each who asks.
    let Ok(_permit) = shared.clients.try_acquire() else {
        return Ok(busy());
    };
    let (_, snapshot) = job.snapshot(0);
    Ok(fresh(snapshot.to_string()))
}

/// The details of one member.
pub(super) async fn member(
    State(shared): State<Shared>,
    Path((id, node)): Path<(String, String)>,
) -> Result<Response, NoJob> {
    let job = shared.job(&id)?;
    Ok(match job.member(&node) {
        Some(member) => fresh(escaped(&Value::Object(member))),
        None => not_found("no member has this name, or it has been gone for long"),
    })
}

/// The snapshot of a stalled member; `null` if there is none.
pub(super) async fn snapshot(
    State(shared): State<Shared>,
    Path((id, node)): Path<(String, String)>,
) -> Result<Response, NoJob> {
    let job = shared.job(&id)?;
    Ok(match job.stall_snapshot(node.clone()).await {
        Ok(text) => fresh(escaped(&json!({ "node": node, "text": text }))),
        Err(why) => failed(StatusCode::SERVICE_UNAVAILABLE, &why),
    })
}
