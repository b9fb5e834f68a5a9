//! `heartline master`: a master that works on no input, before all mappers in the line.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, Command};

use crate::cli::{self, BeatOptions};
use crate::coordination::{Failure, Session, Settings};
use crate::member::{Config, Heart, Name, Recording};
use crate::protocol::Ending;
use crate::protocol::claim::{holder, in_order, is_standing};
use crate::say::say;
use crate::streaming::Progress;
use crate::watch::{Form, watch_master};

const PROGRAM: &str = "heartline master";

/// How long the look at the line may take; a master that cannot look stands in line all the same.
const LOOK: Duration = Duration::from_secs(3);

/// Be a master that works on no input: it takes over from any mapper at once, and reports until it is
/// stopped
#[derive(Args, Clone, Debug)]
pub struct StandingArgs {
    /// Stand in line behind a standing master that is there already, instead of refusing to start; any
    /// number of them may
    #[arg(long)]
    backup: bool,

    /// Write one JSON object a line: time, event, node, epoch
    #[arg(long)]
    json: bool,

    /// Write down when each beat was heard, for scripts/bench detector
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,

    #[command(flatten)]
    beat: BeatOptions,
}

impl StandingArgs {
    /// Stands in line and shows what the master says, until the process is ended by a signal.
    pub fn run(&self, command: &mut Command) -> ExitCode {
        let mut config = self.beat.config(command, None);
        config.standing = true;
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
        let form = if self.json { Form::Json } else { Form::Text };
        cli::run(PROGRAM, stand(config, self.backup, form))
    }
}

async fn stand(config: Config, backup: bool, form: Form) -> anyhow::Result<()> {
    let settings = config.settings.clone();
    if !backup && let Ok(Some(other)) = tokio::time::timeout(LOOK, other(&settings)).await {
        anyhow::bail!("{other} is a standing master already; start this one with --backup");
    }
    let address = settings.address.clone();
    let complain = move |what: &str| {
        say(
            PROGRAM,
            format!("no master through ZooKeeper at {address}: {what}; it goes on trying"),
        );
    };
    let heart = Heart::start(config, Arc::new(Progress::default()), false, complain)?;
    // Ends only when it cannot show anything any more; a signal ends the process after the heart has
    // handed the claim over.
    let outcome = watch_master(&settings, form, None).await;
    heart.stop(Ending::Failed);
    outcome
}

/// The standing master in line, if there is one.
async fn other(settings: &Settings) -> Option<String> {
    let session = Session::open(settings).await.ok()?;
    let found = look(&session).await.ok().flatten();
    // Without an answer it ends by its timeout.
    let _ = session.close(LOOK).await;
    found
}

async fn look(session: &Session) -> Result<Option<String>, Failure> {
    let line = session.line(true).await?;
    let Some(first) = in_order(&line)
        .first()
        .copied()
        .filter(|name| is_standing(name))
    else {
        return Ok(None);
    };
    match session.read(&session.paths().claim(first)).await {
        Err(Failure::NoNode) => Ok(None),
        read => Ok(Some(holder(&read?.0.bytes))),
    }
}
