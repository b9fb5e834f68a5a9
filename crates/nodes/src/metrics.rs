//! Figures of the node control server for Prometheus. Nodes are counted, not listed.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Args;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::PROGRAM;
use super::event::NodeEvent;
use super::roster::Roster;
use heartline_exporter::process::ProcessCollector;
use heartline_exporter::server::{MetricsServer, MetricsSource, metrics_text};
use heartline_process::say::say;

/// Where metrics are served.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct MetricsOptions {
    /// Address on which to serve metrics for Prometheus, such as 0.0.0.0:9473; whoever reaches it can read them
    #[arg(long = "metrics", value_name = "ADDRESS")]
    pub(super) address: Option<SocketAddr>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfState {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OfEvent {
    event: &'static str,
}

/// The figures.
#[derive(Debug)]
pub(super) struct NodesMetrics {
    registry: Registry,
    active: Gauge,
    nodes: Family<OfState, Gauge>,
    has_master: Gauge,
    events: Family<OfEvent, Counter>,
    connections: Gauge,
    refused: Counter,
}

impl NodesMetrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::default(),
            active: Gauge::default(),
            nodes: Family::default(),
            has_master: Gauge::default(),
            events: Family::default(),
            connections: Gauge::default(),
            refused: Counter::default(),
        };
        let all = metrics.registry.sub_registry_with_prefix("heartline");
        let help = "Whether this server answers nodes (1) or stands by (0)";
        all.register("nodes_server_active", help, metrics.active.clone());
        let help = "Number of nodes by state";
        all.register("nodes", help, metrics.nodes.clone());
        let help = "Whether one of the nodes is master (1) or none (0)";
        all.register("nodes_master", help, metrics.has_master.clone());
        let help = "Events of nodes by kind";
        all.register("nodes_events", help, metrics.events.clone());
        let help = "Open connections of nodes and tools";
        all.register("nodes_connections", help, metrics.connections.clone());
        let help = "Connections refused, since there were too many";
        all.register("nodes_connections_refused", help, metrics.refused.clone());
        let process = Box::new(ProcessCollector);
        metrics.registry.register_collector(process);
        metrics
    }

    /// This server begins or ends to answer nodes.
    pub(super) fn active(&self, is_active: bool) {
        self.active.set(i64::from(is_active));
    }

    /// The nodes as they are now.
    pub(super) fn roster(&self, roster: &Roster) {
        let nodes = roster.nodes();
        let alive = nodes.iter().filter(|(_, node)| node.is_alive()).count();
        for (state, count) in [("alive", alive), ("dead", nodes.len() - alive)] {
            let gauge = self.nodes.get_or_create(&OfState { state });
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
        self.has_master.set(i64::from(roster.master().is_some()));
    }

    /// Something has happened.
    pub(super) fn event(&self, event: &NodeEvent) {
        let event = event.kind();
        self.events.get_or_create(&OfEvent { event }).inc();
    }

    /// A connection was opened or refused.
    pub(super) fn entered(&self, is_accepted: bool) {
        if is_accepted {
            self.connections.inc();
        } else {
            self.refused.inc();
        }
    }

    /// A connection has ended.
    pub(super) fn left(&self) {
        self.connections.dec();
    }
}

impl MetricsSource for NodesMetrics {
    fn text(&self) -> String {
        metrics_text(&self.registry)
    }

    /// A server that stands by does what it is for.
    fn is_ready(&self) -> bool {
        true
    }
}

/// Serves metrics for ever, if there is a server for them.
pub(super) async fn serve_metrics(
    server: Option<MetricsServer>,
    metrics: Arc<NodesMetrics>,
) -> anyhow::Result<()> {
    let Some(server) = server else {
        return std::future::pending().await;
    };
    say(PROGRAM, server.url()?);
    server.serve(metrics).await
}
