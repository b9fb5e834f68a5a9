//! A server of nothing but metrics and health, for a program that has its figures in a registry.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;

use crate::listener::LimitedListener;

/// The `OpenMetrics` text format, as Prometheus asks for it.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Figures that can be read at any time, by any thread.
pub trait MetricsSource: Send + Sync + 'static {
    /// All figures in the `OpenMetrics` text format.
    fn text(&self) -> String;

    /// Whether the program does what it is for.
    fn is_ready(&self) -> bool;
}

/// All figures of a registry in the `OpenMetrics` text format.
pub fn metrics_text(registry: &Registry) -> String {
    let mut text = String::new();
    // Writing to a string fails only without memory, and then it panics.
    let _ = encode(&mut text, registry);
    text
}

/// The answer to a request for metrics.
pub fn metrics_response(text: String) -> Response {
    ([(CONTENT_TYPE, OPENMETRICS)], text).into_response()
}

/// A listener for requests for metrics.
#[derive(Debug)]
pub struct MetricsServer {
    listener: TcpListener,
}

impl MetricsServer {
    /// Listens on an address; port 0 is any free one.
    ///
    /// # Errors
    /// If that is not possible; the error names the address and the option `--metrics`.
    pub async fn bind(address: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await;
        let listener = listener.with_context(|| {
            format!("cannot listen on {address}; --metrics names another address")
        })?;
        Ok(Self { listener })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// If the kernel does not say.
    pub fn url(&self) -> anyhow::Result<String> {
        Ok(format!("http://{}/metrics", self.listener.local_addr()?))
    }

    /// Answers requests, for ever: `/metrics`; `/healthz`, 200 while the program runs; `/readyz`, 200 or 503.
    ///
    /// # Errors
    /// If the listener fails, which it does not.
    pub async fn serve(self, source: Arc<dyn MetricsSource>) -> anyhow::Result<()> {
        let router = Router::new()
            .route("/metrics", get(metrics))
            .route("/healthz", get(health))
            .route("/readyz", get(ready))
            .with_state(source);
        let listener = LimitedListener::new(self.listener, None);
        Ok(axum::serve(listener, router).await?)
    }
}

async fn metrics(State(source): State<Arc<dyn MetricsSource>>) -> Response {
    metrics_response(source.text())
}

async fn health() -> &'static str {
    "ok\n"
}

async fn ready(State(source): State<Arc<dyn MetricsSource>>) -> (StatusCode, &'static str) {
    if source.is_ready() {
        (StatusCode::OK, "ok\n")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "not ready\n")
    }
}
