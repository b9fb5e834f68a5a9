//! `heartline doctor`: looks at what usually goes wrong before a job starts, and says what to do about each.
//!
//! Each part gathers facts, within a limit, and a pure function turns them into `Finding`s.

mod cluster;
mod finding;
mod hadoop;
mod host;
mod job;
mod kernel;
mod program_file;
mod servers;
mod tool;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;

use self::finding::{Finding, Level};
use crate::probe::ask;
use heartline_cli::{self as cli, ZooKeeperOptions, write_line};

const PROGRAM: &str = "heartline doctor";

/// How long all checks of this machine may take: they run at once.
const LOCAL_LIMIT: Duration = Duration::from_millis(2500);

const HELP: &str = "\
Examples:
  heartline doctor
  heartline doctor --zookeeper zk1,zk2,zk3 --mappers 40 --job ./my-job

Run it where the job will be started, and on a node, as the user of the tasks. Each line is ok, warning or
error, with what to do. Nothing is changed, except that one ephemeral znode tells the clock of ZooKeeper.

Exit status: 0 if nothing would break the job, also with warnings; 1 if something would; 2 on wrong usage.";

/// Look for what usually goes wrong before a job starts, and say what to do about it
///
/// Looks at ZooKeeper (reachable, version, limit on connections, ACLs, clock), at this machine (priority, /proc,
/// debuggers, descriptors, disks), at Java and Hadoop, and at the files of a job. Takes less than 5 s.
#[derive(Args, Clone, Debug)]
#[command(after_long_help = HELP)]
pub struct DoctorArgs {
    /// Folder with the files that the job ships: each program is looked at
    #[arg(long, value_name = "DIR")]
    job: Option<PathBuf>,

    /// Mappers that will run at once on one host: ZooKeeper limits the connections of each host
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    mappers: Option<u32>,

    /// Write one JSON object
    #[arg(long)]
    json: bool,

    /// Port of the admin servers of ZooKeeper, where the four-letter word conf is closed
    #[arg(long, value_name = "PORT", default_value_t = 8080, value_parser = clap::value_parser!(u16).range(1..))]
    admin_port: u16,

    #[command(flatten)]
    zookeeper: ZooKeeperOptions,
}

impl DoctorArgs {
    /// Runs all checks, and shows what they found.
    pub fn run(self) -> ExitCode {
        cli::run(PROGRAM, async {
            let findings = self.findings().await;
            if self.json {
                write_line(&finding::json(&findings)?)?;
            } else {
                finding::show(&findings)?;
            }
            let broken = findings.iter().any(|one| one.level == Level::Error);
            Ok(ExitCode::from(u8::from(broken)))
        })
    }

    async fn findings(&self) -> Vec<Finding> {
        let end = Instant::now() + LOCAL_LIMIT;
        let mappers = self.mappers;
        // Each may hang: on a disk of the network, or on a program that does not end.
        let mut local = vec![
            ("host", ask(end, move || host::findings(mappers))),
            ("kernel", ask(end, kernel::findings)),
            ("disk", ask(end, host::disks)),
            ("hadoop", ask(end, move || hadoop::findings(end))),
        ];
        if let Some(job) = self.job.clone() {
            local.push(("job", ask(end, move || job::findings(&job, end))));
        }
        let settings = self.zookeeper.settings();
        let asked = servers::ask_all(&settings, self.admin_port);
        let mut findings = servers::findings(&asked, mappers);
        if servers::is_worth_a_session(&findings) {
            findings.extend(cluster::findings(&settings).await);
        }
        for (area, pending) in local {
            match pending.answer() {
                Some(more) => findings.extend(more),
                None => findings.push(Finding::warning(
                    area,
                    "no answer in time",
                    "look whether a disk or a program hangs",
                )),
            }
        }
        findings
    }
}
