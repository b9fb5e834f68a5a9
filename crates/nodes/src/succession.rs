//! Several servers share one state in ZooKeeper: each queues for the claim as a dedicated master ([`heartline_member`]) in
//! a namespace of the servers; the one that becomes master is active, and the others stand by.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::bail;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout_at};

use super::PROGRAM;
use super::active_server::Server;
use super::store::Store;
use super::zk_store::{ZkStore, look};
use heartline_core::detect::{DetectorConfig, Rule};
use heartline_core::master::state::MasterConfig;
use heartline_core::master::state::limits::NAMES;
use heartline_core::protocol::{Ending, Identity};
use heartline_member::{
    Config, Heartbeat, MasterLease, MasterLeaseSender, MemberTurn, Name, Scheduling, Signals,
    TurnHook,
};
use heartline_process::progress::Progress;
use heartline_process::say::say;
use heartline_process::service::{self, Watchdog};
use heartline_zookeeper::{Connector, Failure, Fence, Settings};

/// The interval between heartbeats on a server's claim.
const INTERVAL: Duration = Duration::from_millis(100);
/// The next in line deposes a server that has been silent for twice this time. That is far longer than for mappers:
/// when a server loses its position, every node must reconnect.
const TIMEOUT: Duration = Duration::from_secs(1);
/// How long a server may work after it sent the last acknowledged heartbeat: it stops well before another one can
/// start.
const LEASE: Duration = Duration::from_millis(1500);
/// How long to wait before the state is read again.
const AGAIN: Duration = Duration::from_millis(200);

/// The member configuration of a server.
pub(super) fn candidate(
    mut settings: Settings,
    name: Name,
    host: String,
) -> Result<Config, String> {
    settings.namespace = settings.namespace.of_nodes();
    if settings.session_timeout < TIMEOUT * 2 {
        return Err(format!(
            "--session-timeout must be at least {}: a server may be silent for that long",
            humantime::format_duration(TIMEOUT * 2)
        ));
    }
    Ok(Config {
        pace: MasterConfig {
            interval: INTERVAL,
            detection: DetectorConfig {
                rule: Rule::default(),
                timeout: TIMEOUT,
                longest_gap: INTERVAL * 2,
            },
            budget: u32::MAX,
            session: settings.session_timeout,
            names: NAMES,
        },
        settings,
        name,
        identity: Identity {
            host,
            pid: std::process::id(),
            ..Identity::default()
        },
        standing: true,
        scheduling: Scheduling::default(),
        recording: None,
        on_death: None,
        direct: None,
        master_lease: None,
        turn_hook: None,
    })
}

/// Runs the server whenever it holds the claim. Returns only when the state cannot be trusted.
pub(super) async fn succeed(server: &Server, mut config: Config) -> anyhow::Result<()> {
    let (lease_sender, mut leases) = MasterLeaseSender::new();
    config.master_lease = Some(lease_sender);
    config.turn_hook = Some(standing_by(server));
    let settings = config.settings.clone();
    let address = settings.address.clone();
    let complain = move |what: &str| {
        say(
            PROGRAM,
            format_args!("no claim through ZooKeeper at {address}: {what}; trying again"),
        );
    };
    let (order, mut ordered) = watch::channel(None);
    let kill = Arc::new(move |reason| {
        order.send_replace(Some(reason));
    });
    let _leaving = Leaving(Some(Heartbeat::start(
        PROGRAM,
        config,
        Arc::new(Progress::default()),
        false,
        Signals::Program(kill),
        complain,
    )?));
    let terms = async {
        let mut lost = None;
        loop {
            lost = term(server, &mut leases, lost.as_deref()).await?;
        }
    };
    tokio::select! {
        reason = ordered.wait_for(Option::is_some) => {
            let reason = reason.ok().and_then(|reason| reason.clone());
            bail!("{}", reason.unwrap_or_else(|| "its heartbeat has ended".to_owned()));
        }
        outcome = terms => outcome,
        outcome = believes(server, &settings) => outcome,
    }
}

/// Tells the service manager of a server that stands by, and feeds its watchdog: while it is active, its coordinator does.
fn standing_by(server: &Server) -> TurnHook {
    let opened = server.open.subscribe();
    let told = Mutex::new((None, Watchdog::start()));
    TurnHook::new(move |turn| {
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if opened.borrow().is_some() {
            told.0 = None;
            return;
        }
        told.1.feed();
        if told.0.replace(turn) == Some(turn) {
            return;
        }
        match turn {
            // The state is read before nodes are answered.
            MemberTurn::Leads => service::status("reads the state of the nodes"),
            MemberTurn::Joined => service::ready("stands by: another server is active"),
            MemberTurn::Away => service::status("waits for ZooKeeper"),
            MemberTurn::Leaving => {}
        }
    })
}

/// Checks whether this server could use the state of the others: a fault shows now rather than at a takeover. Returns
/// only if not.
async fn believes(server: &Server, settings: &Settings) -> anyhow::Result<()> {
    let mut connector = Connector::new(settings.clone()).of_any_age();
    loop {
        if let Ok(session) = connector.attempt().await {
            let found = look(
                &session,
                server.plan.secret.as_ref(),
                server.plan.loopback(),
            )
            .await;
            session.close(TIMEOUT).await;
            match found {
                Ok(_) => return pending().await,
                Err(error) if error.downcast_ref::<Failure>().is_some() => {}
                Err(error) => return Err(error),
            }
        }
        sleep(AGAIN).await;
    }
}

/// Drops the heartbeat after everything else that uses its session.
struct Leaving(Option<Heartbeat>);

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(heartbeat) = self.0.take() {
            heartbeat.stop(Ending::Finished);
        }
    }
}

/// Runs from a claim other than `lost` to the end of that claim. Returns the claim that is lost, if one certainly is.
async fn term(
    server: &Server,
    leases: &mut watch::Receiver<Option<MasterLease>>,
    lost: Option<&str>,
) -> anyhow::Result<Option<String>> {
    let stands =
        |leases: &MasterLease| until(leases) > Instant::now() && Some(leases.fence.claim()) != lost;
    let begun = leases.wait_for(|leases| leases.as_ref().is_some_and(stands));
    let begun = match begun.await {
        Ok(leases) => leases.clone(),
        Err(_) => bail!("its heartbeat has ended"),
    };
    let Some(begun) = begun else { return Ok(None) };
    let claim = begun.fence.claim().to_owned();
    let lost = tokio::select! {
        // This branch comes first after a pause: requests that wait at the coordinator then belong to another server.
        biased;
        () = lease(leases, &begun) => None,
        outcome = work(server, begun.fence.clone()) => {
            outcome?;
            Some(claim)
        }
    };
    say(
        PROGRAM,
        "stands by: its claim is lost, or ZooKeeper does not answer",
    );
    Ok(lost)
}

/// The time before which no other server can have started.
fn until(leases: &MasterLease) -> Instant {
    leases.sent_at + LEASE
}

/// Returns when another server may have started.
async fn lease(leases: &mut watch::Receiver<Option<MasterLease>>, begun: &MasterLease) {
    let mut ends = until(begun);
    // The timer's own clock may lag behind.
    while Instant::now() < ends {
        match timeout_at(ends, leases.changed()).await {
            Ok(Ok(())) => match &*leases.borrow_and_update() {
                Some(leases) if leases.fence.claim() == begun.fence.claim() => ends = until(leases),
                // A new claim means that the old one was lost in between.
                Some(_) => return,
                None => {}
            },
            Ok(Err(_)) | Err(_) => return,
        }
    }
}

async fn work(server: &Server, fence: Fence) -> anyhow::Result<()> {
    let store = Arc::new(ZkStore::new(
        fence,
        server.plan.secret.clone(),
        server.plan.loopback(),
    ));
    let kept = loop {
        match store.load().await {
            Ok(kept) => break kept,
            Err(error) if error.downcast_ref::<Failure>().is_some() => {
                say(
                    PROGRAM,
                    format_args!("the state cannot be read: {error}; trying again"),
                );
                sleep(AGAIN).await;
            }
            Err(error) => return Err(error),
        }
    };
    let roster = kept.roster(server.plan.rules.clone(), server.now());
    say(
        PROGRAM,
        format_args!(
            "has the claim and works; {} nodes are known",
            roster.nodes().len()
        ),
    );
    server.work(roster, Store::ZooKeeper(store)).await;
    Ok(())
}
