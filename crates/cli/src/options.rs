//! The options of programs that connect to ZooKeeper, and of programs that are a member.

use std::time::Duration;

use clap::builder::FalseyValueParser;
use clap::error::ErrorKind;
use clap::{Args, Command};

use super::values::{RelayValue, RuleValue, SchedulingValue, TransportValue};
use super::{SecurityOptions, StallOptions};
use heartline_core::detect::DetectorConfig;
use heartline_core::master::state::MasterConfig;
use heartline_core::master::state::limits::NAMES;
use heartline_core::protocol::{Identity, Phase};
use heartline_core::template::Template;
use heartline_member::{Config, DirectConfig, ListenAddress, Name};
use heartline_streaming::Task;
use heartline_zookeeper::{Address, Namespace, Settings};

/// How to connect to ZooKeeper.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "ZooKeeper")]
pub struct ZooKeeperOptions {
    /// Servers of the ensemble, and the path above all znodes
    #[arg(
        long,
        value_name = "HOSTS[/CHROOT]",
        env = "HEARTLINE_ZOOKEEPER",
        default_value = "127.0.0.1:2181"
    )]
    pub zookeeper: Address,

    /// Path above the job's znodes, to separate it from other jobs
    #[arg(
        long,
        value_name = "PATH",
        env = "HEARTLINE_NAMESPACE",
        default_value = "/"
    )]
    pub namespace: Namespace,

    /// Time after which ZooKeeper removes the znodes of a process that is gone
    #[arg(
        long,
        value_name = "DURATION",
        env = "HEARTLINE_SESSION_TIMEOUT",
        default_value = "6s",
        value_parser = session_timeout
    )]
    pub session_timeout: Duration,

    /// How to connect to a secured ensemble.
    #[command(flatten)]
    pub security: SecurityOptions,
}

impl ZooKeeperOptions {
    /// Converts the options to the settings of a session.
    pub fn settings(&self) -> Settings {
        Settings {
            address: self.zookeeper.clone(),
            namespace: self.namespace.clone(),
            session_timeout: self.session_timeout,
            security: self.security.settings(),
        }
    }
}

/// How to beat, and how long other members may be silent.
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

    /// Rule for the allowed silence: the same timeout for all members, or a longer one for irregular beats
    #[arg(
        long,
        value_name = "RULE",
        env = "HEARTLINE_DETECTOR",
        default_value_t,
        help_heading = "Heartbeat"
    )]
    pub detector: RuleValue,

    /// Priority of the heartbeat's thread over other work of the machine
    #[arg(
        long,
        value_name = "POLICY",
        env = "HEARTLINE_SCHEDULING",
        default_value_t,
        help_heading = "Heartbeat"
    )]
    pub scheduling: SchedulingValue,

    /// Maximum number of beats per second of all members together; beyond it the master makes its followers
    /// beat less often
    #[arg(
        long,
        value_name = "BEATS",
        env = "HEARTLINE_BEAT_BUDGET",
        default_value_t = 5000,
        value_parser = clap::value_parser!(u32).range(10..),
        help_heading = "Heartbeat"
    )]
    pub beat_budget: u32,

    /// Where beats go: to ZooKeeper and by a direct connection to the master; by the direct connection, and to ZooKeeper
    /// once a second; or to ZooKeeper alone. Without a connection, all beats go to ZooKeeper
    #[arg(
        long,
        value_name = "WAY",
        env = "HEARTLINE_TRANSPORT",
        default_value_t,
        help_heading = "Heartbeat"
    )]
    pub transport: TransportValue,

    /// Where to accept direct connections of other members [default: the address by which this host reaches ZooKeeper,
    /// and any free port]
    #[arg(
        long,
        value_name = "HOST[:PORT]",
        env = "HEARTLINE_LISTEN",
        help_heading = "Heartbeat"
    )]
    pub listen: Option<ListenAddress>,

    /// Which members share one direct connection to the master: none, or those of one host, where one of them sends the
    /// beats of all
    #[arg(
        long,
        value_name = "MEMBERS",
        env = "HEARTLINE_RELAY",
        default_value_t,
        help_heading = "Heartbeat"
    )]
    pub relay: RelayValue,

    /// While this member is master, run this command for each member that it declares dead, such as 'mapred
    /// job -fail-task {attempt}'. Words are split as by a shell, but no shell is started; {attempt}, {node},
    /// {host}, {job}, {pid} and {epoch} are replaced by the details of the dead member, or by nothing if
    /// unknown. At most 4 run at once, for 60s each
    #[arg(
        long,
        value_name = "COMMAND",
        env = "HEARTLINE_ON_DEATH",
        help_heading = "Heartbeat"
    )]
    pub on_death: Option<Template>,

    /// Name of this member in ZooKeeper [default: map, or master, and the time of its start]
    #[arg(
        long,
        value_name = "NAME",
        env = "HEARTLINE_NAME",
        help_heading = "Heartbeat"
    )]
    pub name: Option<Name>,
}

impl BeatOptions {
    /// The configuration of this process as a member that runs `task`. Ends the process when options do not
    /// fit together.
    pub fn config(&self, command: &mut Command, task: &Task) -> Config {
        if let Err(reason) = self.check() {
            command.error(ErrorKind::ValueValidation, reason).exit();
        }
        Config {
            settings: self.zookeeper.settings(),
            pace: MasterConfig {
                interval: self.interval,
                detection: DetectorConfig {
                    rule: self.detector.into(),
                    timeout: self.timeout,
                    // An echo may be one beat late before the time in between counts as time without hearing.
                    longest_gap: self.interval * 2,
                },
                budget: self.beat_budget,
                session: self.zookeeper.session_timeout,
                names: NAMES,
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
                earlier_joins: 0,
                claim: None,
                address: None,
            },
            standing: false,
            scheduling: self.scheduling.into(),
            recording: None,
            on_death: self.on_death.clone(),
            direct: self.transport.path().map(|path| DirectConfig {
                listen: self.listen.clone(),
                path,
                relay_host: (self.relay == RelayValue::Host).then(String::new),
            }),
            master_lease: None,
            turn_hook: None,
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
                "--timeout {} is more than half of --session-timeout {}: ZooKeeper would remove \
                 silent members before they are declared dead; give a longer session timeout",
                humantime::format_duration(self.timeout),
                humantime::format_duration(session)
            ));
        }
        Ok(())
    }
}

/// How to be a member while doing other work.
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

    /// What to do when the work stalls.
    #[command(flatten)]
    pub stall: StallOptions,

    /// Exit with status 1 before any input is read if ZooKeeper is unavailable
    #[arg(
        long,
        env = "HEARTLINE_REQUIRE_ZOOKEEPER",
        value_parser = FalseyValueParser::new(),
        help_heading = "Heartbeat"
    )]
    pub require_zookeeper: bool,
}

impl MemberOptions {
    /// The configuration of the member; `None` without a heartbeat. Ends the process when options do not fit
    /// together.
    pub fn config(&self, command: &mut Command, task: &Task) -> Option<Config> {
        let config = self.beat.config(command, task);
        if self.no_heartbeat && self.require_zookeeper {
            let reason = "--no-heartbeat and --require-zookeeper exclude each other";
            command.error(ErrorKind::ValueValidation, reason).exit();
        }
        (!self.no_heartbeat).then_some(config)
    }
}

/// Parses a duration option: `5ms`, `2s`; not zero.
pub fn duration(text: &str) -> Result<Duration, String> {
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

/// Parses a session timeout: ZooKeeper stores it as an `int` of milliseconds.
pub fn session_timeout(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if !(Duration::from_millis(100)..=Duration::from_secs(86_400)).contains(&duration) {
        return Err("must be between 100ms and 1day".to_owned());
    }
    Ok(duration)
}

/// How a command ends that is asked to.
#[derive(Args, Clone, Copy, Debug)]
pub struct GraceOptions {
    /// How long COMMAND may take to end after SIGTERM; then it is killed
    #[arg(
        long,
        value_name = "DURATION",
        env = "HEARTLINE_GRACE",
        default_value = "5s",
        value_parser = duration
    )]
    pub grace: Duration,
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
