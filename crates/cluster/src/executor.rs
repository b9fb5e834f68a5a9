//! Executes the steps of a start. Started processes are watched, and every wait for them has a limit.

use std::collections::BTreeMap;
use std::fs;
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::inspect::{Data, Inspection, begun};
use super::java::{Launcher, NAMENODE, ZKFC};
use super::model::{Cluster, Host};
use super::plan::{OneTimeTask, ReadyCondition};
use super::probe;
use super::process::{ProcessRecord, run, start, tail};
use super::progress::progress;
use super::readiness::{self, Readiness};
use super::role::Role;
use super::role_instance::RoleInstance;

/// How long any step may take. Seconds are usual; a machine that starts twenty JVMs at once needs more.
const LIMIT: Duration = Duration::from_secs(300);
/// The interval between checks.
const GLANCE: Duration = Duration::from_millis(150);

/// A running start.
pub(super) struct Executor<'a> {
    launcher: &'a Launcher<'a>,
    found: &'a Inspection,
    /// When the start began, in milliseconds since 1970.
    since: i64,
    /// All processes that must be running.
    running: BTreeMap<RoleInstance, ProcessRecord>,
}

impl<'a> Executor<'a> {
    pub(super) fn new(launcher: &'a Launcher<'a>, found: &'a Inspection) -> Self {
        Self {
            launcher,
            found,
            since: chrono::Utc::now().timestamp_millis(),
            running: found.running.clone(),
        }
    }

    fn cluster(&self) -> &'a Cluster {
        self.launcher.cluster
    }

    fn host(&self, place: &RoleInstance) -> anyhow::Result<&'a Host> {
        let host = self.cluster().host(&place.host);
        host.with_context(|| format!("{place}: there is no such host"))
    }

    /// Starts servers, all at once.
    pub(super) fn start(&mut self, places: &[RoleInstance]) -> anyhow::Result<()> {
        for place in places {
            let (cluster, host) = (self.cluster(), self.host(place)?);
            let mut command = self.launcher.server(host, place.role);
            let log = cluster.log(host, place.role);
            let pid_file = cluster.pid_file(host, place.role);
            let known = start(&mut command, &log, &pid_file).with_context(|| place.to_string())?;
            progress(format_args!("{place}: started, pid {}", known.pid));
            self.running.insert(place.clone(), known);
        }
        Ok(())
    }

    /// Runs tools to their end, all at once.
    pub(super) fn run(&self, tools: &[OneTimeTask]) -> anyhow::Result<()> {
        let mut todo = Vec::new();
        for tool in tools {
            if let OneTimeTask::FormatFailover(_) = tool {
                let znode = format!("/hadoop-ha/{}", self.cluster().name);
                if probe::exist(self.cluster(), &[znode])? == [true] {
                    progress("failover: formatted already");
                    continue;
                }
            }
            todo.push(tool);
        }
        thread::scope(|scope| {
            let runs = todo.iter().map(|tool| scope.spawn(|| self.run_one(tool)));
            let runs: Vec<_> = runs.collect();
            let ends = runs.into_iter().map(|run| match run.join() {
                Ok(outcome) => outcome,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            // All tools have ended before the first failure is reported.
            let ends: Vec<anyhow::Result<()>> = ends.collect();
            ends.into_iter().collect()
        })
    }

    fn run_one(&self, tool: &OneTimeTask) -> anyhow::Result<()> {
        let (cluster, place) = (self.cluster(), tool.place());
        let host = self.host(place)?;
        let kept = cluster.data(host, Role::Namenode);
        let (class, action, name, makes) = match tool {
            OneTimeTask::Format(_) => (NAMENODE, "-format", "format", Some(place.clone())),
            // One task stands for all journals, since they are created together.
            OneTimeTask::ShareEdits(_) => (
                NAMENODE,
                "-initializeSharedEdits",
                "share-edits",
                cluster.places_of(Role::Journalnode).into_iter().next(),
            ),
            OneTimeTask::FormatFailover(_) => (ZKFC, "-formatZK", "format-failover", None),
            OneTimeTask::Bootstrap(_) => (
                NAMENODE,
                "-bootstrapStandby",
                "bootstrap",
                Some(place.clone()),
            ),
        };
        let again = makes
            .as_ref()
            .is_some_and(|place| self.found.is(place, &Data::Begun));
        if let Some(makes) = &makes {
            let file = begun(cluster, makes);
            fs::create_dir_all(file.parent().unwrap_or(&file))?;
            fs::write(&file, "")
                .with_context(|| format!("{} cannot be written", file.display()))?;
        }
        // An incomplete folder of an interrupted start never held anyone's data.
        if again
            && matches!(tool, OneTimeTask::Format(_) | OneTimeTask::Bootstrap(_))
            && kept.exists()
        {
            fs::remove_dir_all(&kept)
                .with_context(|| format!("{} cannot be removed", kept.display()))?;
        }
        let mut command = self.launcher.tool(host, place.role, class);
        command.args([action, if again { "-force" } else { "-nonInteractive" }]);
        if let OneTimeTask::Format(_) = tool {
            command.args(["-clusterId", &cluster.id()]);
        }
        let log = cluster.logs(host).join(format!("{name}.log"));
        let since = Instant::now();
        let status = run(&mut command, &log, LIMIT)?;
        match status {
            Some(0) => {}
            Some(status) => bail!(
                "{place}: {name} has failed with status {status}{}",
                tail(&log)
            ),
            None => bail!(
                "{place}: {name} has not ended in {} s{}",
                LIMIT.as_secs(),
                tail(&log)
            ),
        }
        if let Some(makes) = &makes {
            fs::remove_file(begun(cluster, makes))?;
        }
        progress(format_args!("{place}: {name} done ({})", seconds(since)));
        Ok(())
    }

    /// Waits until the condition is met. Fails if a started process has ended, or the limit has passed.
    pub(super) fn wait(&self, condition: &ReadyCondition) -> anyhow::Result<()> {
        let since = Instant::now();
        loop {
            let state = self.look(condition)?;
            if let Ok(done) = state {
                progress(format_args!("{done} ({})", seconds(since)));
                return Ok(());
            }
            self.all_live()?;
            if let Err(missing) = state
                && since.elapsed() >= LIMIT
            {
                bail!("not within {} s: {missing}", LIMIT.as_secs());
            }
            sleep(GLANCE);
        }
    }

    fn all_live(&self) -> anyhow::Result<()> {
        for (place, known) in &self.running {
            if !known.lives() {
                let log = self.cluster().log(self.host(place)?, place.role);
                bail!("{place}: process {} has ended{}", known.pid, tail(&log));
            }
        }
        Ok(())
    }

    /// The reached state, or what is missing.
    fn look(&self, condition: &ReadyCondition) -> anyhow::Result<Readiness> {
        let cluster = self.cluster();
        let seen = match condition {
            ReadyCondition::Ensemble => readiness::ensemble(cluster),
            ReadyCondition::Serves(places) => {
                let hosts = places
                    .iter()
                    .map(|place| Ok((self.host(place)?, place.role)));
                readiness::serves(&hosts.collect::<anyhow::Result<Vec<_>>>()?)
            }
            ReadyCondition::ActiveNamenode => readiness::active_namenode(cluster),
            ReadyCondition::ActiveManager => readiness::active_manager(cluster),
            ReadyCondition::Datanodes => readiness::datanodes(cluster),
            ReadyCondition::Nodemanagers => {
                let of = |place: &&RoleInstance| {
                    place.role == Role::Nodemanager && !self.found.runs(place)
                };
                let started = self.running.keys().filter(of);
                let started: Vec<&Host> = started
                    .filter_map(|place| cluster.host(&place.host))
                    .collect();
                readiness::nodemanagers(cluster, &started, self.since)
            }
            ReadyCondition::Forgotten(places) => {
                let hosts = places.iter().map(|place| self.host(place));
                let hosts = hosts.collect::<anyhow::Result<Vec<_>>>()?;
                readiness::forgotten(cluster, &hosts)?
            }
            ReadyCondition::Brokers => readiness::brokers(cluster)?,
            ReadyCondition::Pages => readiness::pages(cluster),
        };
        Ok(seen)
    }
}

fn seconds(since: Instant) -> String {
    format!("{:.1} s", since.elapsed().as_secs_f64())
}
