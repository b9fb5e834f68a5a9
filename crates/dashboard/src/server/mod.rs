//! The HTTP server: the page, the API, metrics.

mod access;
mod actions;
mod api;
mod assets;
mod recorded;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tower_http::compression::CompressionLayer;

use crate::job_list::JobList;
use crate::metrics::Metrics;
use crate::recording::JobRecording;
use crate::reports::Reports;
pub(crate) use access::{Access, Token};
pub(crate) use assets::{PAGE, page_files};
use heartline_exporter::listener::{HttpClient, LimitedListener};

/// Maximum number of clients that follow jobs at the same time: each costs memory for what it is told.
const MOST_CLIENTS: usize = 64;

/// Maximum length of what a client sends, in bytes.
const MOST_BODY: usize = 4096;

/// The page loads nothing but its own files, and runs nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What all requests share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    /// The jobs that are live.
    pub(crate) jobs: JobList,
    /// What is shown instead of live jobs.
    pub(crate) recording: Option<Arc<JobRecording>>,
    pub(crate) metrics: Arc<Metrics>,
    /// Of the cluster and its nodes.
    pub(crate) reports: Reports,
    /// The address of YARN's own pages.
    pub(crate) yarn: Option<String>,
    /// Whether clients may kill members and set the interval.
    pub(crate) allows_actions: bool,
    /// A permit for each client that may still follow a job.
    pub(crate) clients: Arc<Semaphore>,
}

/// Where and to whom to serve.
pub(crate) struct Entrance {
    pub(crate) listener: TcpListener,
    pub(crate) tls: Option<TlsAcceptor>,
    pub(crate) access: Access,
}

impl Shared {
    /// What is shown: live jobs or a recording.
    pub(crate) fn new(
        jobs: JobList,
        recording: Option<JobRecording>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            jobs,
            recording: recording.map(Arc::new),
            metrics,
            reports: Reports::default(),
            yarn: None,
            allows_actions: false,
            clients: Arc::new(Semaphore::new(MOST_CLIENTS)),
        }
    }
}

/// Serves until the listener fails, which it does not.
pub(crate) async fn serve(entrance: Entrance, shared: Shared) -> anyhow::Result<()> {
    let listener = LimitedListener::new(entrance.listener, entrance.tls);
    let service =
        router(shared, entrance.access).into_make_service_with_connect_info::<HttpClient>();
    Ok(axum::serve(listener, service).await?)
}

fn router(shared: Shared, access: Access) -> Router {
    let open = Router::new()
        .route("/healthz", get(api::health))
        .route("/readyz", get(api::ready));
    let acting = if shared.allows_actions {
        Router::new()
            .route("/api/v1/jobs/{job}/actions", get(actions::list))
            .route("/api/v1/jobs/{job}/interval", post(actions::interval))
            .route(
                "/api/v1/jobs/{job}/members/{node}/kill",
                post(actions::kill),
            )
            .layer(DefaultBodyLimit::max(MOST_BODY))
    } else {
        Router::new()
    };
    let guarded = Router::new()
        .route("/metrics", get(api::metrics))
        .route("/api/v1/openapi.json", get(api::openapi))
        .route("/api/v1/cluster", get(api::cluster))
        .route("/api/v1/nodes", get(api::nodes))
        .route("/api/v1/jobs", get(api::jobs))
        .route("/api/v1/jobs/{job}", get(api::job))
        .route("/api/v1/jobs/{job}/stream", get(stream::follow))
        .route("/api/v1/jobs/{job}/members/{node}", get(api::member))
        .route(
            "/api/v1/jobs/{job}/members/{node}/snapshot",
            get(api::snapshot),
        )
        .route("/api/v1/jobs/{job}/recording", get(recorded::about))
        .route(
            "/api/v1/jobs/{job}/recording/blocks/{block}",
            get(recorded::block),
        )
        .merge(acting)
        .fallback(get(assets::asset))
        .layer(CompressionLayer::new())
        .layer(from_fn_with_state(Arc::new(access), admit));
    open.merge(guarded)
        .layer(from_fn(harden))
        .with_state(shared)
}

/// Answers only those who may ask.
async fn admit(State(access): State<Arc<Access>>, request: Request, next: Next) -> Response {
    match access.check(&request) {
        Ok(()) => next.run(request).await,
        Err(refusal) => *refusal,
    }
}

/// Tells the browser to trust nothing but this server.
async fn harden(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    #[test]
    fn each_path_is_in_the_openapi_document_and_no_other() {
        let document: Value = serde_json::from_str(super::api::OPENAPI).expect("JSON");
        let told = document["paths"].as_object().expect("paths").keys();
        let told: BTreeSet<&str> = told.map(String::as_str).collect();
        let source = include_str!("mod.rs");
        let source = source.split("mod tests").next().unwrap_or_default();
        let routes = source.split(".route(").skip(1);
        let routes = routes.filter_map(|route| route.split('"').nth(1));
        assert_eq!(routes.collect::<BTreeSet<_>>(), told);
    }
}
