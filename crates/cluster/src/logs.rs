//! `heartline cluster logs`: shows the log of a role.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use anyhow::bail;
use clap::Args;

use super::input::{FileArgs, ending};
use super::model::Cluster;
use super::role::Role;
use heartline_core::text;
use heartline_process::files::{self, Links};
use heartline_process::stdio;

/// The maximum number of bytes of a log in memory at once.
const PIECE: u64 = 1 << 20;
/// The interval between checks for new lines.
const GLANCE: Duration = Duration::from_millis(200);

/// Show the log of a role, on all of its hosts or on one
#[derive(Args, Clone, Debug)]
pub(super) struct LogsArgs {
    #[command(flatten)]
    file: FileArgs,

    /// Role to show, such as namenode, or h1/namenode for one host
    #[arg(value_name = "ROLE|HOST/ROLE")]
    whose: String,

    /// Show new lines as they are written
    #[arg(short, long)]
    follow: bool,
}

struct Log {
    title: String,
    path: PathBuf,
    file: Option<File>,
    /// The bytes of a line that is not complete yet.
    begun: Vec<u8>,
}

impl LogsArgs {
    pub(super) fn run(&self) -> ExitCode {
        ending(self.show())
    }

    fn show(&self) -> anyhow::Result<()> {
        let cluster = self.file.described(None)?.cluster;
        let mut logs = logs(&cluster, &self.whose)?;
        let several = logs.len() > 1;
        let mut out = stdio::out();
        let mut last = None;
        loop {
            for (index, log) in logs.iter_mut().enumerate() {
                loop {
                    let text = log.more(self.follow)?;
                    if text.is_empty() {
                        break;
                    }
                    if several && last != Some(index) {
                        writeln!(out, "==> {} <==", log.title)?;
                    }
                    last = Some(index);
                    out.write_all(text::log(&text).as_bytes())?;
                }
            }
            out.flush()?;
            if !self.follow {
                break;
            }
            sleep(GLANCE);
        }
        if logs.iter().all(|log| log.file.is_none()) {
            bail!(
                "{} has no log yet; start it with heartline cluster up",
                self.whose
            );
        }
        Ok(())
    }
}

fn logs(cluster: &Cluster, whose: &str) -> anyhow::Result<Vec<Log>> {
    let (of, role) = match whose.split_once('/') {
        Some((host, role)) => (Some(host), role),
        None => (None, whose),
    };
    let Ok(role) = role.parse::<Role>() else {
        bail!("unknown role '{role}'; write one of {}", Role::all());
    };
    let hosts = cluster
        .with(role)
        .filter(|host| of.is_none_or(|of| of == host.name));
    let log = |host: &super::model::Host| Log {
        title: format!("{} {role}", host.name),
        path: cluster.log(host, role),
        file: None,
        begun: Vec::new(),
    };
    let logs: Vec<Log> = hosts.map(log).collect();
    if logs.is_empty() {
        let hosts: Vec<&str> = cluster.with(role).map(|host| host.name.as_str()).collect();
        let hosts = if hosts.is_empty() {
            "no host".to_owned()
        } else {
            hosts.join(", ")
        };
        bail!("this cluster has no {whose}; {role} runs on {hosts}");
    }
    Ok(logs)
}

impl Log {
    /// The next piece of the lines that were added since the last call, or an empty text if there are none; with
    /// `whole`, an incomplete last line is held back.
    fn more(&mut self, whole: bool) -> io::Result<String> {
        if self.file.is_none() {
            self.file = files::open(&self.path, Links::OfUsOrRoot).ok();
        }
        if let Some(file) = &mut self.file {
            file.take(PIECE).read_to_end(&mut self.begun)?;
        }
        let end = match self.begun.iter().rposition(|byte| *byte == b'\n') {
            // A line longer than a piece is shown as far as it is there.
            _ if !whole || self.begun.len() as u64 >= PIECE => self.begun.len(),
            Some(last) => last + 1,
            None => 0,
        };
        let text: Vec<u8> = self.begun.drain(..end).collect();
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}
