//! `heartline serve`: the options, and the start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use clap::error::ErrorKind;
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use crate::feed;
use crate::job::Job;
use crate::metrics::Metrics;
use crate::server::{self, Access, Token};
use heartline_cli::{self as cli, duration};
use heartline_process::say::say;
use heartline_zookeeper::{Address, Namespace, Settings};

const PROGRAM: &str = "heartline serve";

/// Show jobs live on a web page, with an API and metrics for Prometheus
///
/// The page is part of this program and loads nothing from elsewhere. It only reads: nobody can end a task by it.
/// Everybody who reaches the address sees it, so that any address but this machine's own needs a --token-file.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Address on which to listen; port 0 is any free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:50092")]
    listen: SocketAddr,

    /// File with the secret that browsers and programs need; only its owner may read it
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// Name or address under which the page may be opened, beside those of this machine; can be repeated
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,

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

    /// Path above the znodes of a job; can be repeated, to show several jobs
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
        value_parser = duration
    )]
    session_timeout: Duration,
}

impl ServeArgs {
    /// Serves until a signal ends the process.
    pub fn run(&self, command: &mut clap::Command) -> ExitCode {
        let token = match self.token() {
            Ok(token) => token,
            Err(why) => command.error(ErrorKind::ValueValidation, why).exit(),
        };
        let access = Access::new(self.listen, token, &self.allow_host);
        cli::run(PROGRAM, self.serve(access))
    }

    /// The token, if there is one; an error if there must be one or it is not secret.
    fn token(&self) -> Result<Option<Token>, String> {
        let Some(path) = &self.token_file else {
            if self.listen.ip().is_loopback() {
                return Ok(None);
            }
            let address = self.listen;
            return Err(format!(
                "everybody could read the page at {address}: give --token-file, or listen on 127.0.0.1"
            ));
        };
        Token::read(path).map(Some)
    }

    async fn serve(&self, access: Access) -> anyhow::Result<()> {
        let listener = TcpListener::bind(self.listen).await;
        let listener = listener.with_context(|| {
            let address = self.listen;
            format!("cannot listen on {address}; --listen names another address")
        })?;
        let metrics = Arc::new(Metrics::default());
        let mut jobs: Vec<Arc<Job>> = Vec::new();
        let feeds = LocalSet::new();
        for namespace in &self.namespace {
            let settings = Settings {
                address: self.zookeeper.clone(),
                namespace: namespace.clone(),
                session_timeout: self.session_timeout,
            };
            let whole = namespace.below(settings.address.chroot()).to_string();
            let name = if whole.is_empty() {
                "/".to_owned()
            } else {
                whole
            };
            // Twice the same would be counted twice.
            if jobs.iter().any(|job| job.namespace == name) {
                continue;
            }
            let (job, requests) = Job::new(name, self.every, Arc::clone(&metrics));
            let job = Arc::new(job);
            let reading = feed::read(Arc::clone(&job), requests, settings.clone(), self.every);
            feeds.spawn_local(reading);
            feeds.spawn_local(feed::events(Arc::clone(&job), settings));
            jobs.push(job);
        }
        let address = listener.local_addr()?;
        say(PROGRAM, format!("http://{address}/"));
        let serving = server::serve(listener, jobs, metrics, access);
        feeds.run_until(serving).await
    }
}
