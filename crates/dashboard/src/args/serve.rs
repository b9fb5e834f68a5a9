//! `heartline serve`: the options, and the start.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use clap::error::ErrorKind;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::record::{RecordOptions, finish};
use super::reports::ReportOptions;
use crate::feeds::JobOptions;
use crate::job_list::JobList;
use crate::metrics::Metrics;
use crate::recording::{JobRecording, Recorder};
use crate::server::{self, Access, Entrance, Shared, Token};
use crate::service_report::tell_service_manager;
use heartline_cli as cli;
use heartline_exporter::tls;
use heartline_process::say::say;
use heartline_process::service::{self, Watchdog};
use heartline_zookeeper::Namespace;

const PROGRAM: &str = "heartline serve";

/// Show jobs live on a web page, with an API and metrics for Prometheus; or play a recording
///
/// The page is part of this program and loads nothing from elsewhere. It only reads, unless --allow-actions is given.
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

    /// Certificate of this server with its chain, PEM: then the page has https:// addresses
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,

    /// Private key of the certificate, PEM; only its owner may read it
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,

    /// Give each member series of its own in /metrics, up to 2000 of a job
    #[arg(long)]
    per_member: bool,

    /// Let whoever has the token kill attempts and set the interval
    #[arg(long, requires = "token_file", conflicts_with = "replay")]
    allow_actions: bool,

    /// Show all jobs directly below this path, also those that begin later; can be repeated
    #[arg(long, value_name = "PATH", conflicts_with_all = ["record", "replay"])]
    discover: Vec<Namespace>,

    #[command(flatten)]
    reports: ReportOptions,

    /// Play a recording of heartline record, instead of live jobs
    #[arg(long, value_name = "FILE", conflicts_with = "record")]
    replay: Option<PathBuf>,

    /// Record the jobs to this file too, or add to a recording
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    #[command(flatten)]
    recording: RecordOptions,

    #[command(flatten)]
    jobs: JobOptions,
}

impl ServeArgs {
    /// Serves until a signal ends the process.
    pub fn run(&self, command: &mut clap::Command) -> ExitCode {
        let entrance = self.token().and_then(|token| {
            let paths = self.tls_cert.as_deref().zip(self.tls_key.as_deref());
            let tls = paths.map(|(certificate, key)| tls::acceptor(certificate, key));
            Ok((token, tls.transpose()?))
        });
        match entrance {
            Ok((token, tls)) => cli::run(PROGRAM, self.serve(token, tls)),
            Err(why) => command.error(ErrorKind::ValueValidation, why).exit(),
        }
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

    async fn serve(&self, token: Option<Token>, tls: Option<TlsAcceptor>) -> anyhow::Result<()> {
        let replayed = self.replay.as_deref().map(JobRecording::open).transpose()?;
        let record = self.record.as_deref();
        let file = record.map(|path| self.recording.open(PROGRAM, path));
        let file = file.transpose()?;
        let listener = TcpListener::bind(self.listen).await;
        let listener = listener.with_context(|| {
            let address = self.listen;
            format!("cannot listen on {address}; --listen names another address")
        })?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let entrance = Entrance {
            listener,
            access: Access::new(self.listen, token, &self.allow_host, tls.is_some()),
            tls,
        };
        let metrics = Arc::new(Metrics::new(self.per_member));
        let shown = || say(PROGRAM, format!("{scheme}://{address}/"));
        if replayed.is_some() {
            shown();
            let shared = Shared::new(JobList::default(), replayed, metrics);
            service::ready("plays a recording");
            let serving = server::serve(entrance, shared);
            return Watchdog::start().while_waiting(serving).await;
        }
        let feeds = self.jobs.start(PROGRAM, &self.discover, &metrics);
        let telling = tell_service_manager(feeds.jobs.clone());
        feeds.readers.spawn_local(telling);
        shown();
        let recorder = file.map(|file| Recorder::start(PROGRAM, &feeds.jobs.all(), file));
        let shared = Shared {
            reports: self.reports.start(&feeds.readers),
            yarn: self.reports.yarn.clone(),
            allows_actions: self.allow_actions,
            ..Shared::new(feeds.jobs, None, metrics)
        };
        let serving = server::serve(entrance, shared);
        match recorder {
            Some(recorder) => feeds.readers.run_until(finish(recorder, serving)).await,
            None => feeds.readers.run_until(serving).await,
        }
    }
}
