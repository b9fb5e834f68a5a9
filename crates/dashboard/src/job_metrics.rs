//! The metrics of one job without its page, for `heartline master --metrics`.

use std::sync::Arc;
use std::time::Duration;

use crate::feeds::{FeedTerms, Feeds};
use crate::job::Job;
use crate::metrics::Metrics;
use heartline_exporter::server::{MetricsServer, MetricsSource};
use heartline_zookeeper::Settings;

/// The time between two readings: Prometheus asks every 15 s or so.
const EVERY: Duration = Duration::from_secs(1);

struct OneJob {
    job: Option<Arc<Job>>,
    metrics: Arc<Metrics>,
}

impl MetricsSource for OneJob {
    fn text(&self) -> String {
        self.metrics.text()
    }

    fn is_ready(&self) -> bool {
        self.job.as_ref().is_some_and(|job| job.is_ready())
    }
}

/// Reads a job again and again, and answers requests for its metrics, for ever.
///
/// # Errors
/// If the listener fails, which it does not.
pub async fn serve_job_metrics(server: MetricsServer, settings: Settings) -> anyhow::Result<()> {
    let metrics = Arc::new(Metrics::default());
    let feeds = Feeds::default();
    let terms = FeedTerms {
        program: None,
        every: EVERY,
        metrics: Arc::clone(&metrics),
    };
    feeds.add(settings, &terms);
    let job = feeds.jobs.get(0);
    let source = Arc::new(OneJob { job, metrics });
    feeds.readers.run_until(server.serve(source)).await
}
