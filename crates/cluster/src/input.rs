//! What all subcommands share: the options that name the description and the parts of this machine, and the exit status.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use thiserror::Error;

use super::configuration::LocalPaths;
use super::model::{Cluster, HostKind, home};
use super::parse::read;
use super::problem::errors;
use super::record::{recorded_authentication, recorded_host_kind};
use super::source_lines::SourceLines;
use heartline_process::files;
use heartline_process::say::say;
use heartline_streaming::die_of_broken_pipe;

pub(super) const PROGRAM: &str = "heartline cluster";

/// The description has errors, which were already printed.
#[derive(Debug, Error)]
#[error("{file}: {}; nothing was changed", errors(*.grave))]
struct InvalidDescription {
    file: String,
    grave: usize,
}

/// The exit status of a subcommand: 2 if the description is wrong, 1 on any other failure.
pub(super) fn ending(outcome: anyhow::Result<()>) -> ExitCode {
    let Err(error) = outcome else {
        return ExitCode::SUCCESS;
    };
    let io = error.downcast_ref::<io::Error>();
    if io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return die_of_broken_pipe();
    }
    say(PROGRAM, format_args!("{error:#}"));
    if error.is::<InvalidDescription>() {
        ExitCode::from(2)
    } else {
        ExitCode::FAILURE
    }
}

/// The option that names the cluster's description.
#[derive(Args, Clone, Debug)]
pub(super) struct FileArgs {
    /// The cluster's description (TOML); see sample-data/clusters/ for examples
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// A description that was read and checked.
#[derive(Clone, Debug)]
pub(super) struct LoadedDescription {
    pub(super) cluster: Cluster,
    pub(super) file: PathBuf,
    pub(super) text: String,
}

impl FileArgs {
    /// Reads and checks the description. Prints all warnings and errors; any error makes this fail.
    pub(super) fn cluster(&self, host_kind: HostKind) -> anyhow::Result<Cluster> {
        Ok(self.described(Some(host_kind))?.cluster)
    }

    /// As [`Self::cluster`], with the description's text. If `host_kind` is `None`, the kind that was started applies.
    pub(super) fn described(
        &self,
        host_kind: Option<HostKind>,
    ) -> anyhow::Result<LoadedDescription> {
        let file = self.file.display();
        let what = || format!("{file} cannot be read; name a cluster's description");
        let named = files::read_named(&self.file, files::SMALL).with_context(what)?;
        let beside = match self.file.parent() {
            // A description from <(COMMAND) in a shell has no folder.
            Some(_) if named.about.file_type().is_fifo() => Path::new("."),
            folder => folder.unwrap_or(Path::new(".")),
        };
        let text = named.text().with_context(what)?;
        let mut outcome = read(&text, beside, host_kind.unwrap_or(HostKind::Loopback));
        if let (None, Ok((cluster, _))) = (host_kind, &outcome)
            && let Some(host_kind) = recorded_host_kind(&cluster.folder)
        {
            outcome = read(&text, beside, host_kind);
        }
        let problems = outcome
            .as_ref()
            .map_or_else(|problems| problems, |(_, warnings)| warnings);
        for problem in problems {
            say(PROGRAM, format!("{file}:{problem}"));
        }
        match outcome {
            Ok((mut cluster, _)) => {
                if cluster.host_kind != HostKind::Own {
                    cluster.folder = settled(&cluster.folder)?;
                    // Unless the description says it, the cluster goes on as it was started.
                    if !SourceLines::of(&text).security().1
                        && let Some(before) = recorded_authentication(&cluster.folder)
                    {
                        cluster.set_authentication(before);
                    }
                }
                let file = self.file.clone();
                Ok(LoadedDescription {
                    cluster,
                    file,
                    text,
                })
            }
            Err(problems) => {
                let grave = problems.iter().filter(|problem| problem.grave).count();
                let file = file.to_string();
                Err(InvalidDescription { file, grave }.into())
            }
        }
    }
}

/// The absolute path of the folder: servers run in folders of their own, and are recognized by this path later.
fn settled(folder: &Path) -> anyhow::Result<PathBuf> {
    let folder = std::path::absolute(folder)?;
    for above in folder.ancestors() {
        if let Ok(real) = fs::canonicalize(above) {
            let below = folder.strip_prefix(above).unwrap_or(Path::new(""));
            return Ok(real.components().chain(below.components()).collect());
        }
    }
    Ok(folder)
}

/// The options for the files on this machine that clusters are made of.
#[derive(Args, Clone, Debug)]
pub(super) struct MachineArgs {
    /// Folder of the jars of Hadoop and ZooKeeper [default: parts/lib below .heartline, as scripts/fetch-parts leaves
    /// them]; Hadoop's native library is in the folder native beside it
    #[arg(long, value_name = "DIR", env = "HEARTLINE_JARS", hide_env = true)]
    jars: Option<PathBuf>,
}

impl MachineArgs {
    pub(super) fn machine(&self) -> anyhow::Result<LocalPaths> {
        let jars = match &self.jars {
            Some(jars) => jars.clone(),
            None => home().join("parts/lib"),
        };
        Ok(LocalPaths {
            native: std::path::absolute(jars.with_file_name("native"))?,
            jars: std::path::absolute(jars)?,
            heartline: std::env::current_exe().context("cannot locate the heartline executable")?,
        })
    }
}
