//! `heartline export`: a recording as one page.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use bytesize::ByteSize;
use clap::Args;
use tempfile::NamedTempFile;

use crate::recording::{JobRecording, html};
use heartline_cli as cli;
use heartline_process::say::say;

const PROGRAM: &str = "heartline export";

/// Larger pages are slow to open in a browser, or fail.
const MOST: ByteSize = ByteSize::mib(256);

/// Write a recording as one web page that needs no server, to attach it to a ticket
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// Recording of heartline record
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// File for the page; one that exists is replaced
    #[arg(long, value_name = "FILE")]
    html: PathBuf,
}

impl ExportArgs {
    /// Writes the page.
    pub fn run(&self) -> ExitCode {
        cli::run(PROGRAM, async { self.export() })
    }

    fn export(&self) -> anyhow::Result<()> {
        let recording = JobRecording::open(&self.file)?;
        if let Some(problem) = recording.problem() {
            say(PROGRAM, format!("{}: {problem}", self.file.display()));
        }
        let shown = self.file.display();
        let page = html(&recording).with_context(|| format!("{shown} cannot be read"))?;
        let size = ByteSize::b(page.len() as u64);
        if size > MOST {
            bail!(
                "the page would have {size}, which browsers do not open; heartline serve --replay {shown} shows it"
            );
        }
        let target = self.html.display();
        write(&self.html, &page).with_context(|| format!("{target} cannot be written"))?;
        say(PROGRAM, format!("{target}: {size}"));
        Ok(())
    }
}

/// Writes a whole file, or leaves what is there.
fn write(path: &Path, page: &str) -> anyhow::Result<()> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let mut file = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))?;
    file.write_all(page.as_bytes())?;
    file.persist(path)?;
    Ok(())
}
