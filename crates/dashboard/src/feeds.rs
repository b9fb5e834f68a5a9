//! The jobs that a command line names, and what keeps them up to date.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::sleep;

use crate::feed::{self, OutageTeller};
use crate::job::Job;
use crate::job_list::JobList;
use crate::metrics::Metrics;
use heartline_cli::{SecurityOptions, duration, session_timeout};
use heartline_observe::status::JobFinder;
use heartline_zookeeper::{Address, Namespace, Settings};

/// The pause between two looks for new jobs.
const LOOK_PAUSE: Duration = Duration::from_secs(5);

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

    /// Path above the znodes of a job; can be repeated, for several jobs [default: /]
    #[arg(long, value_name = "PATH", env = "HEARTLINE_NAMESPACE")]
    namespace: Option<Vec<Namespace>>,

    /// Time after which ZooKeeper ends the sessions of this program when it is gone
    #[arg(
        long,
        value_name = "DURATION",
        env = "HEARTLINE_SESSION_TIMEOUT",
        default_value = "6s",
        value_parser = session_timeout
    )]
    session_timeout: Duration,

    /// How to connect to a secured ensemble.
    #[command(flatten)]
    security: SecurityOptions,
}

/// The jobs, and what reads them: it must run for the jobs to be up to date.
#[derive(Default)]
pub(crate) struct Feeds {
    pub(crate) jobs: JobList,
    pub(crate) readers: LocalSet,
}

/// How jobs are read.
#[derive(Clone)]
pub(crate) struct FeedTerms {
    /// The program that says why a job cannot be read; none where another part of it does.
    pub(crate) program: Option<&'static str>,
    pub(crate) every: Duration,
    pub(crate) metrics: Arc<Metrics>,
}

impl Feeds {
    /// Begins to read a job; one that is read already is not read twice.
    pub(crate) fn add(&self, settings: Settings, terms: &FeedTerms) {
        let _inside = self.readers.enter();
        add(&self.jobs, settings, terms);
    }

    /// Begins to look for jobs below the namespace of these settings.
    fn discover(&self, settings: Settings, terms: FeedTerms) {
        let found = discover(self.jobs.clone(), settings, terms);
        self.readers.spawn_local(found);
    }
}

/// The path of a namespace, for people.
fn shown(whole: &Namespace) -> String {
    let whole = whole.to_string();
    if whole.is_empty() {
        "/".to_owned()
    } else {
        whole
    }
}

/// Begins to read a job, within a `LocalSet`.
fn add(jobs: &JobList, settings: Settings, terms: &FeedTerms) {
    let whole = settings.namespace.below(settings.address.chroot());
    let name = shown(&whole);
    if !jobs.takes(&name) {
        return;
    }
    let every = terms.every;
    let teller = terms
        .program
        .map(|program| OutageTeller::new(program, format!("job {name}")));
    let (job, requests) = Job::new(name, every, Arc::clone(&terms.metrics));
    let job = Arc::new(job);
    let reading = feed::read(
        Arc::clone(&job),
        requests.snapshots,
        settings.clone(),
        every,
        teller,
    );
    spawn_local(reading);
    let acting = feed::actions(Arc::clone(&job), requests.actions, settings.clone());
    spawn_local(acting);
    spawn_local(feed::events(Arc::clone(&job), settings));
    jobs.add(job);
}

/// Looks for jobs again and again, for ever. What cannot be read now is found later.
async fn discover(jobs: JobList, settings: Settings, terms: FeedTerms) {
    let mut finder = JobFinder::new(settings.clone());
    let mut teller = terms.program.map(|program| {
        let whole = settings.namespace.below(settings.address.chroot());
        OutageTeller::new(program, format!("jobs below {}", shown(&whole)))
    });
    loop {
        let found = finder.find().await;
        match (&mut teller, &found) {
            (Some(teller), Ok(_)) => teller.is_read(),
            (Some(teller), Err(why)) => teller.tell(why),
            (None, _) => {}
        }
        for name in found.unwrap_or_default() {
            let Ok(namespace) = format!("/{name}").parse::<Namespace>() else {
                continue;
            };
            let settings = Settings {
                namespace: namespace.below(&settings.namespace),
                ..settings.clone()
            };
            add(&jobs, settings, &terms);
        }
        sleep(LOOK_PAUSE).await;
    }
}

impl JobOptions {
    /// Begins to read the jobs, and to look for those below each path of `discovered`.
    pub(crate) fn start(
        &self,
        program: &'static str,
        discovered: &[Namespace],
        metrics: &Arc<Metrics>,
    ) -> Feeds {
        let feeds = Feeds::default();
        let terms = FeedTerms {
            program: Some(program),
            every: self.every,
            metrics: Arc::clone(metrics),
        };
        let settings = |namespace: &Namespace| Settings {
            address: self.zookeeper.clone(),
            namespace: namespace.clone(),
            session_timeout: self.session_timeout,
            security: self.security.settings(),
        };
        let root = [Namespace::default()];
        let named = match &self.namespace {
            Some(named) => named.as_slice(),
            None if discovered.is_empty() => &root,
            None => &[],
        };
        for namespace in named {
            feeds.add(settings(namespace), &terms);
        }
        for namespace in discovered {
            feeds.discover(settings(namespace), terms.clone());
        }
        feeds
    }
}
