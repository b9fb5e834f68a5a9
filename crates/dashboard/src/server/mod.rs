//! The HTTP server: the page, the API, metrics.

mod access;
mod api;
mod assets;
mod listener;
mod stream;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tower_http::compression::CompressionLayer;

use crate::job::Job;
use crate::metrics::Metrics;
pub(crate) use access::{Access, Token};
use listener::LimitedListener;

/// Maximum number of clients that follow jobs at the same time: each costs memory for what it is told.
const MOST_CLIENTS: usize = 64;

/// The page loads nothing but its own files, and runs nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What all requests share.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) jobs: Arc<[Arc<Job>]>,
    pub(crate) metrics: Arc<Metrics>,
    /// A permit for each client that may still follow a job.
    pub(crate) clients: Arc<Semaphore>,
}

/// Serves until the listener fails, which it does not.
pub(crate) async fn serve(
    listener: TcpListener,
    jobs: Vec<Arc<Job>>,
    metrics: Arc<Metrics>,
    access: Access,
) -> anyhow::Result<()> {
    let shared = Shared {
        jobs: jobs.into(),
        metrics,
        clients: Arc::new(Semaphore::new(MOST_CLIENTS)),
    };
    Ok(axum::serve(LimitedListener::new(listener), router(shared, access)).await?)
}

fn router(shared: Shared, access: Access) -> Router {
    let open = Router::new()
        .route("/healthz", get(api::health))
        .route("/readyz", get(api::ready));
    let guarded = Router::new()
        .route("/metrics", get(api::metrics))
        .route("/api/v1/jobs", get(api::jobs))
        .route("/api/v1/jobs/{job}", get(api::job))
        .route("/api/v1/jobs/{job}/stream", get(stream::follow))
        .route("/api/v1/jobs/{job}/members/{node}", get(api::member))
        .route(
            "/api/v1/jobs/{job}/members/{node}/snapshot",
            get(api::snapshot),
        )
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
