//! The jobs that a command line names, and what keeps them up to date.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::task::LocalSet;

use crate::feed;
use crate::job::Job;
use crate::metrics::Metrics;
use heartline_cli::{duration, session_timeout};
use heartline_zookeeper::{Address, Namespace, Settings};

/// Which jobs, and how often they are read.
#[derive(Args, Clone, Debug)]
pub(crate) struct JobOptions {
    /// Time between two readings of all members; longer where a reading takes long
    #[arg(long, value_name = "DURATION", default_value = "250ms", value_parser = duration)]
    every: Duration,

    /// Servers of the ensemble, and the path above all znodes
    #[arg(
        long,
        value_name = "HOSTS[/CHROOT]",
        env = "HEARTLINE_ZOOKEEPER",
        default_value = "127.0.0.1:2181"
    )]
    zookeeper: Address,

    /// Path above the znodes of a job; can be repeated, for several jobs
    #[arg(
        long,
        value_name = "PATH",
        env = "HEARTLINE_NAMESPACE",
        default_value = "/"
    )]
    namespace: Vec<Namespace>,

    /// Time after which ZooKeeper ends the sessions of this program when it is gone
    #[arg(
        long,
        value_name = "DURATION",
        env = "HEARTLINE_SESSION_TIMEOUT",
        default_value = "6s",
        value_parser = session_timeout
    )]
    session_timeout: Duration,
}

/// The jobs, and what reads them: it must run for the jobs to be up to date.
#[derive(Default)]
pub(crate) struct Feeds {
    pub(crate) jobs: Vec<Arc<Job>>,
    pub(crate) readers: LocalSet,
}

impl Feeds {
    /// Begins to read a job; one that is read already is not read twice.
    pub(crate) fn add(&mut self, settings: Settings, every: Duration, metrics: &Arc<Metrics>) {
        let whole = settings.namespace.below(settings.address.chroot());
        let whole = whole.to_string();
        let name = if whole.is_empty() {
            "/".to_owned()
        } else {
            whole
        };
        if self.jobs.iter().any(|job| job.namespace() == name) {
            return;
        }
        let (job, requests) = Job::new(name, every, Arc::clone(metrics));
        let job = Arc::new(job);
        let reading = feed::read(
            Arc::clone(&job),
            requests.snapshots,
            settings.clone(),
            every,
        );
        self.readers.spawn_local(reading);
        let acting = feed::actions(Arc::clone(&job), requests.actions, settings.clone());
        self.readers.spawn_local(acting);
        self.readers
            .spawn_local(feed::events(Arc::clone(&job), settings));
        self.jobs.push(job);
    }
}

impl JobOptions {
    /// Begins to read the jobs.
    pub(crate) fn start(&self, metrics: &Arc<Metrics>) -> Feeds {
        let mut feeds = Feeds::default();
        for namespace in &self.namespace {
            let settings = Settings {
                address: self.zookeeper.clone(),
                namespace: namespace.clone(),
                session_timeout: self.session_timeout,
            };
            feeds.add(settings, self.every, metrics);
        }
        feeds
    }
}
