//! Very many members in one process, for `scripts/bench members`: each has its own session, claim and znode,
//! like a task on another machine.
//!
//! A line on stdin (`stop NAME`) stops one of them: it does not beat any more, and its session continues, as for a
//! task that hangs. A line on stdout gives the time of that, in microseconds since 1970.
//!
//! With `--hosts` they have direct connections, and those of each host share one by a relay, as on another machine.

mod common;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::task::{Context as Waking, Poll};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;
use heartline::coordination::{Address, Namespace, Security, Settings};
use heartline::detect::{DetectorConfig, Rule};
use heartline::master::state::MasterConfig;
use heartline::master::state::limits::NAMES;
use heartline::member::{
    Config, DirectConfig, MemberRunner, RunnerHooks, Scheduling, Shutdown, ShutdownOrder, Summary,
    SystemEnvironment,
};
use heartline::progress::Progress;
use heartline::protocol::Identity;
use tokio::sync::{mpsc, oneshot};

/// Run very many members at once
#[derive(Parser)]
struct Options {
    /// Number of members
    #[arg(long, default_value_t = 500)]
    members: usize,

    #[arg(long, default_value = "127.0.0.1:2181")]
    zookeeper: Address,

    #[arg(long, default_value = "/")]
    namespace: Namespace,

    /// Number of hosts on which they are; without it they have no direct connections
    #[arg(long)]
    hosts: Option<usize>,

    /// Time between the starts of two members
    #[arg(long, default_value = "5ms", value_parser = humantime::parse_duration)]
    apart: Duration,
}

const SESSION: Duration = Duration::from_secs(6);
const LEAVE: Duration = Duration::from_secs(5);
const INTERVAL: Duration = Duration::from_millis(5);

/// A member that can be stopped.
struct Held {
    life: Pin<Box<dyn Future<Output = Summary> + Send>>,
    is_held: Arc<AtomicBool>,
}

impl Future for Held {
    type Output = Summary;

    fn poll(mut self: Pin<&mut Self>, waking: &mut Waking<'_>) -> Poll<Summary> {
        if self.is_held.load(Relaxed) {
            return Poll::Pending;
        }
        self.life.as_mut().poll(waking)
    }
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    Scheduling::Realtime.ask();
    let lines = common::lines_of_stdin();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&options, lines))
}

async fn run(options: &Options, mut lines: mpsc::UnboundedReceiver<String>) -> anyhow::Result<()> {
    let mut members = BTreeMap::new();
    for number in 0..options.members {
        let name = format!("m{number:04}");
        let host = options
            .hosts
            .map(|hosts| format!("host{}", number % hosts.max(1)));
        let (held, order) = member(options, &name, host)?;
        let is_held = Arc::clone(&held.is_held);
        tokio::spawn(held);
        members.insert(name, (is_held, order));
        tokio::time::sleep(options.apart).await;
    }
    writeln!(io::stdout(), "all are started")?;
    while let Some(line) = lines.recv().await {
        let name = line.strip_prefix("stop ").unwrap_or_default();
        if let Some((is_held, _)) = members.get(name) {
            is_held.store(true, Relaxed);
            let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
            writeln!(io::stdout(), "{name} {at}")?;
        }
    }
    Ok(())
}

fn member(
    options: &Options,
    name: &str,
    host: Option<String>,
) -> anyhow::Result<(Held, oneshot::Sender<ShutdownOrder>)> {
    let config = Config {
        settings: Settings {
            address: options.zookeeper.clone(),
            namespace: options.namespace.clone(),
            session_timeout: SESSION,
            security: Security::default(),
        },
        pace: MasterConfig {
            interval: INTERVAL,
            detection: DetectorConfig {
                rule: Rule::Adaptive,
                timeout: INTERVAL * 4,
                longest_gap: INTERVAL * 2,
            },
            budget: 5000,
            session: SESSION,
            names: NAMES,
        },
        name: name.parse().map_err(anyhow::Error::msg)?,
        identity: Identity {
            host: "many".to_owned(),
            pid: std::process::id(),
            ..Identity::default()
        },
        standing: false,
        scheduling: Scheduling::Realtime,
        recording: None,
        on_death: None,
        direct: host.map(|host| DirectConfig {
            relay_host: Some(host),
            ..DirectConfig::default()
        }),
        master_lease: None,
        turn_hook: None,
    };
    let hooks = RunnerHooks {
        joined: None,
        complain: Box::new(|what| eprintln!("{what}")),
        note: Box::new(|_| {}),
        kill: Box::new(|_| {}),
        death_sink: None,
    };
    let account = Arc::new(Progress::default());
    let life = MemberRunner::new(config, Arc::new(SystemEnvironment::start()), account, hooks);
    let (order, stopped) = oneshot::channel();
    let held = Held {
        life: Box::pin(life.live(Shutdown::new(stopped, LEAVE))),
        is_held: Arc::default(),
    };
    Ok((held, order))
}
