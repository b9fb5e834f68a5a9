//! The options of whoever talks to ZooKeeper, and of whoever is a member.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::{Args, Command};

use super::StallOptions;
use crate::coordination::{Address, Namespace, Settings};
use crate::detect::{DetectorConfig, Rule};
use crate::master::state::MasterConfig;
use crate::member::{Config, Name, Scheduling};
use crate::protocol::{Identity, Phase};
use crate::streaming::Task;
use crate::template::Template;

/// How to reach ZooKeeper.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "ZooKeeper")]
pub struct ZooKeeperOptions {
    /// The ensemble's servers, and the path that all znodes are below
    #[arg(
        long,
        value_name = "HOSTS[/CHROOT]",
        env = "HEARTLINE_ZOOKEEPER",
        default_value = "127.0.0.1:2181"
    )]
    pub zookeeper: Address,

    /// Put the job's znodes below this path, so that jobs do not meet
    #[arg(
        long,
        value_name = "PATH",
        env = "HEARTLINE_NAMESPACE",
        default_value = "/"
    )]
    pub namespace: Namespace,

    /// How long ZooKeeper keeps the znodes of a process that is gone
    #[arg(
        long,
        value_name = "DURATION",
        env = "HEARTLINE_SESSION_TIMEOUT",
        default_value = "6s",
        value_parser = session_timeout
    )]
    pub session_timeout: Duration,
}

impl ZooKeeperOptions {
    /// As settings of a session.
    pub fn settings(&self) -> Settings {
        Settings {
            address: self.zookeeper.clone(),
            namespace: self.namespace.clone(),
            session_timeout: self.session_timeout,
        }
    }
}

/// How to beat, and how long to let others be silent.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Heartbeat")]
pub struct BeatOptions {
    #[command(flatten)]
    zookeeper: ZooKeeperOptions,

    /// Time between two beats
    #[arg(
        long,
        value_name = "DURATION",
        env = "HEARTLINE_INTERVAL",
        default_value = "5ms",
        value_parser = duration,
        help_heading = "Heartbeat"
    )]
    pub interval: Duration,

    /// Silence after which a follower is declared dead; a master is deposed after twice that
    #[arg(
        long,
        value_name = "DURATION",
        env = "HEARTLINE_TIMEOUT",
        default_value = "20ms",
        value_parser = duration,
        help_heading = "Heartbeat"
    )]
    pub timeout: Duration,

    /// Whether the timeout is the same for all, or longer for those whose beats come irregularly
    #[arg(
        long,
        value_name = "RULE",
        env = "HEARTLINE_DETECTOR",
        default_value_t,
        help_heading = "Heartbeat"
    )]
    pub detector: Rule,

    /// Whether the heartbeat's thread may go before other work of the machine
    #[arg(
        long,
        value_name = "POLICY",
        env = "HEARTLINE_SCHEDULING",
        default_value_t,
        help_heading = "Heartbeat"
    )]
    pub scheduling: Scheduling,

    /// How many beats all members together may write in a second: beyond it the master has its
    /// followers beat less often
    #[arg(
        long,
        value_name = "BEATS",
        env = "HEARTLINE_BEAT_BUDGET",
        default_value_t = 5000,
        value_parser = clap::value_parser!(u32).range(10..),
        help_heading = "Heartbeat"
    )]
    pub beat_budget: u32,

    /// While this member is master, run this for each member that it declares dead, such as
    /// 'mapred job -fail-task {attempt}'. Words are split as by a shell, but none is started;
    /// {attempt}, {node}, {host}, {job}, {pid} and {epoch} tell of the dead, by an empty word
    /// what is not known. At most 4 run at once, for 60s each
    #[arg(
        long,
        value_name = "COMMAND",
        env = "HEARTLINE_ON_DEATH",
        help_heading = "Heartbeat"
    )]
    pub on_death: Option<Template>,

    /// What this member is called in ZooKeeper [default: map, or master, and the time
    /// of its start]
    #[arg(
        long,
        value_name = "NAME",
        env = "HEARTLINE_NAME",
        help_heading = "Heartbeat"
    )]
    pub name: Option<Name>,
}

impl BeatOptions {
    /// As the configuration of a member of this process, which runs `task`. Ends the process when options do not fit together.
    pub fn config(&self, command: &mut Command, task: &Task) -> Config {
        if let Err(reason) = self.check() {
            command.error(ErrorKind::ValueValidation, reason).exit();
        }
        Config {
            settings: self.zookeeper.settings(),
            pace: MasterConfig {
                interval: self.interval,
                detection: DetectorConfig {
                    rule: self.detector,
                    timeout: self.timeout,
                    // An echo may be late by one beat before the time between is called deafness.
                    longest_gap: self.interval * 2,
                },
                budget: self.beat_budget,
                session: self.zookeeper.session_timeout,
            },
            name: self.name.clone().unwrap_or_else(|| match task.phase {
                Some(Phase::Reduce) => Name::of_new_reducer(),
                Some(Phase::Map) | None => Name::of_new_mapper(),
            }),
            identity: Identity {
                attempt: task.attempt.clone(),
                job: task.job.clone(),
                phase: task.phase,
                split: task.split.clone(),
                host: rustix::system::uname()
                    .nodename()
                    .to_string_lossy()
                    .into_owned(),
                pid: std::process::id(),
                returns: 0,
                claim: None,
            },
            standing: false,
            scheduling: self.scheduling,
            recording: None,
            on_death: self.on_death.clone(),
            reigning: None,
        }
    }

    fn check(&self) -> Result<(), String> {
        if self.interval > self.timeout {
            return Err(format!(
                "--interval {} is longer than --timeout {}: every follower would be declared dead \
                 between two beats; give a timeout of several intervals",
                humantime::format_duration(self.interval),
                humantime::format_duration(self.timeout)
            ));
        }
        let session = self.zookeeper.session_timeout;
        if self.timeout > session / 2 {
            return Err(format!(
                "--timeout {} is more than half of --session-timeout {}: ZooKeeper would remove the \
                 silent before they are declared dead; give a longer session timeout",
                humantime::format_duration(self.timeout),
                humantime::format_duration(session)
            ));
        }
        Ok(())
    }
}

/// How to be a member beside some work.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Heartbeat")]
pub struct MemberOptions {
    #[command(flatten)]
    pub(super) beat: BeatOptions,

    /// Only do the work: no heartbeat, no connection to ZooKeeper
    #[arg(
        long,
        env = "HEARTLINE_NO_HEARTBEAT",
        value_parser = FalseyValueParser::new(),
        help_heading = "Heartbeat"
    )]
    pub no_heartbeat: bool,

    /// What to do when the work stands still.
    #[command(flatten)]
    pub stall: StallOptions,

    /// Without ZooKeeper, exit with status 1 before any input is read
    #[arg(
        long,
        env = "HEARTLINE_REQUIRE_ZOOKEEPER",
        value_parser = FalseyValueParser::new(),
        help_heading = "Heartbeat"
    )]
    pub require_zookeeper: bool,
}

impl MemberOptions {
    /// As a member's configuration; `None` without a heartbeat. Ends the process when options do not
    /// fit together.
    pub fn config(&self, command: &mut Command, task: &Task) -> Option<Config> {
        let config = self.beat.config(command, task);
        if self.no_heartbeat && self.require_zookeeper {
            let reason = "--no-heartbeat and --require-zookeeper exclude each other";
            command.error(ErrorKind::ValueValidation, reason).exit();
        }
        (!self.no_heartbeat).then_some(config)
    }
}

/// A duration of an option: `5ms`, `2s`; not zero.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let duration = humantime::parse_duration(text)
        .map_err(|_| "write a number and a unit, as in 5ms or 2s".to_owned())?;
    if duration < Duration::from_millis(1) {
        return Err("must be at least 1ms".to_owned());
    }
    if duration > Duration::from_secs(86_400) {
        return Err("must be at most 1day".to_owned());
    }
    Ok(duration)
}

/// ZooKeeper counts sessions in milliseconds of an `int`.
fn session_timeout(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if !(Duration::from_millis(100)..=Duration::from_secs(86_400)).contains(&duration) {
        return Err("must be between 100ms and 1day".to_owned());
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit_and_are_not_zero() {
        assert_eq!(duration("5ms"), Ok(Duration::from_millis(5)));
        assert_eq!(duration("2s"), Ok(Duration::from_secs(2)));
        for wrong in ["5", "", "ms", "-1ms", "0s", "0ms", "100us", "soon"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(session_timeout("10ms").is_err());
    }
}
