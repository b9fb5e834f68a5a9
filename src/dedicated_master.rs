//! `heartline master`: a master without input, which stands before all mappers in the line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Command};
use tokio::time::{sleep, timeout};

use crate::cli::{self, BeatOptions};
use crate::coordination::{Connector, Failure, Session, Settings};
use crate::dashboard::serve_job_metrics;
use crate::exporter::server::MetricsServer;
use crate::member::{Config, Heartbeat, MemberTurn, Name, Recording, Signals, TurnHook};
use crate::progress::Progress;
use crate::protocol::Ending;
use crate::protocol::claim::{holder, is_standing};
use crate::say::say;
use crate::service::{self, Watchdog};
use crate::streaming::Task;
use crate::watch::{OutputFormat, watch_master};

const PROGRAM: &str = "heartline master";

/// How long reading the line may take; if that fails, the master stands in line all the same.
const LOOK: Duration = Duration::from_secs(3);

/// How long to listen for the beats of another dedicated master, in timeouts: a master that was killed does not keep
/// its replacement out, although its claim remains for as long as its session.
const BEATS: u32 = 4;
/// The minimum timeout for this purpose.
const LEAST: Duration = Duration::from_millis(50);

/// Run a dedicated master, which has no input: it takes over from any mapper at once, and reports until it is
/// stopped
#[derive(Args, Clone, Debug)]
pub struct DedicatedMasterArgs {
    /// Stand in line behind a dedicated master that is already running, instead of refusing to start; the number of
    /// backups is not limited
    #[arg(long)]
    backup: bool,

    /// Write one JSON object per line: time, event, node, epoch
    #[arg(long)]
    json: bool,

    /// Record when each beat was received, for scripts/bench detector
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    /// Address on which to serve the job's metrics for Prometheus, such as 0.0.0.0:9472; whoever reaches it can read them
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,

    #[command(flatten)]
    beat: BeatOptions,
}

impl DedicatedMasterArgs {
    /// Stands in line and shows the master's report until a signal ends the process.
    pub fn run(&self, command: &mut Command) -> ExitCode {
        let mut config = self.beat.config(command, &Task::default());
        config.standing = true;
        config.turn_hook = Some(told_to_service_manager());
        config.name = self.beat.name.clone().unwrap_or_else(Name::of_new_master);
        if let Some(path) = &self.record {
            match Recording::create(path) {
                Ok(recording) => config.recording = Some(recording),
                Err(error) => {
                    let path = path.display();
                    let reason =
                        format!("cannot write {path}: {error}; give --record another file");
                    command.error(ErrorKind::Io, reason).exit();
                }
            }
        }
        let format = OutputFormat::of(self.json);
        cli::run(PROGRAM, self.stand(config, format))
    }

    async fn stand(&self, config: Config, format: OutputFormat) -> anyhow::Result<()> {
        let metrics = match self.metrics {
            Some(address) => Some(MetricsServer::bind(address).await?),
            None => None,
        };
        let settings = config.settings.clone();
        let standing = stand(config, self.backup, format);
        let Some(metrics) = metrics else {
            return standing.await;
        };
        say(PROGRAM, metrics.url()?);
        tokio::select! {
            outcome = standing => outcome,
            outcome = serve_job_metrics(metrics, settings) => outcome,
        }
    }
}

async fn stand(config: Config, backup: bool, format: OutputFormat) -> anyhow::Result<()> {
    let settings = config.settings.clone();
    let silence = BEATS * config.pace.detection.timeout.max(LEAST);
    let look = timeout(LOOK + silence, other(&settings, silence));
    if !backup && let Ok(Some(other)) = look.await {
        anyhow::bail!("{other} is already the dedicated master; start this one with --backup");
    }
    let address = settings.address.clone();
    let complain = move |what: &str| {
        say(
            PROGRAM,
            format!("no master through ZooKeeper at {address}: {what}; trying again"),
        );
    };
    let progress = Arc::new(Progress::default());
    // This is not a task: no other process needs to know why it ends.
    let signals = Signals::Heartbeat(Arc::new(|_| {}));
    let heartbeat = Heartbeat::start(PROGRAM, config, progress, false, signals, complain)?;
    // Ends only when it cannot show anything any more; a signal ends the process after the heartbeat has
    // handed the claim over.
    let outcome = watch_master(&settings, format, None).await;
    heartbeat.stop(Ending::Failed);
    outcome
}

/// Waits at its end until the service manager has been told everything.
struct LastWord;

impl Drop for LastWord {
    fn drop(&mut self) {
        service::last_word();
    }
}

/// Tells the service manager what this master is. The loop that beats feeds the watchdog, also while ZooKeeper is away: a
/// restart would not bring it back.
fn told_to_service_manager() -> TurnHook {
    let told = Mutex::new((None, Watchdog::start()));
    let last_word = LastWord;
    TurnHook::new(move |turn| {
        // The hook goes with the member, when that has left.
        let _ = &last_word;
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        told.1.feed();
        if told.0.replace(turn) == Some(turn) {
            return;
        }
        match turn {
            MemberTurn::Leads => service::ready("is the master"),
            MemberTurn::Joined => service::ready("stands in line behind another master"),
            MemberTurn::Away => service::status("waits for ZooKeeper"),
            MemberTurn::Leaving => service::stopping(),
        }
    })
}

/// The name of another dedicated master in line, if there is one that beats.
async fn other(settings: &Settings, silence: Duration) -> Option<String> {
    let session = Connector::new(settings.clone())
        .of_any_age()
        .attempt()
        .await
        .ok()?;
    let found = look(&session, silence).await.ok().flatten();
    // Without an answer the session ends by its timeout.
    let _ = session.close(LOOK).await;
    found
}

async fn look(session: &Session, silence: Duration) -> Result<Option<String>, Failure> {
    let Some((claim, before)) = session.first_claim(true).await? else {
        return Ok(None);
    };
    if !is_standing(&claim) {
        return Ok(None);
    }
    sleep(silence).await;
    match session.first_claim(true).await? {
        Some((same, after)) if same == claim && after.stat.version == before.stat.version => {
            Ok(None)
        }
        first => Ok(first
            .filter(|(claim, _)| is_standing(claim))
            .map(|(_, value)| holder(&value.bytes))),
    }
}
