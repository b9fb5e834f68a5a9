//! The node control server: listens, and gives every connection a task of its own.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use super::PROGRAM;
use super::connection::{LONGEST_HELLO, Shared, serve};
use super::desk::{Desk, Lines};
use super::limits::Doors;
use super::link::Link;
use super::publish::{Own, Published};
use super::roster::Rules;
use super::seal::Secret;
use super::state::StateFile;
use crate::clock::SystemClock;
use crate::say::say;

/// So many messages may wait at the desk.
const DESK: usize = 1024;
/// When a connection cannot be taken: files are short, for instance.
const BREATH: Duration = Duration::from_millis(100);

/// All that a server goes by.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) listen: SocketAddr,
    pub(super) state: std::path::PathBuf,
    pub(super) secret: Option<Secret>,
    pub(super) takes_bare: bool,
    pub(super) any_address: bool,
    pub(super) rules: Rules,
    pub(super) connections: usize,
    pub(super) connections_of_one: usize,
    pub(super) own: Own,
}

/// Serves until it is told to end.
pub(super) async fn run(plan: Plan) -> anyhow::Result<()> {
    allow_files();
    let clock = SystemClock::start();
    let file = StateFile::open(&plan.state)?;
    let roster = file.load(plan.rules, clock.now().elapsed)?;
    let listener = TcpListener::bind(plan.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", plan.listen))?;
    let known = roster.nodes().len();
    let (to_desk, inbox) = mpsc::channel(DESK);
    let (told, told_to) = watch::channel(Arc::new(Published::of(&roster, &plan.own)));
    let (seen, seen_by) = watch::channel(0);
    let desk = Desk {
        roster,
        file: Arc::new(file),
        own: plan.own,
        clock,
        any_address: plan.any_address,
        inbox,
        told,
        seen,
        lines: Lines::default(),
    };
    let shared = Arc::new(Shared {
        secret: plan.secret,
        takes_bare: plan.takes_bare,
        clock,
        doors: Mutex::new(Doors::new(plan.connections, plan.connections_of_one)),
        desk: to_desk,
        told: told_to,
        seen: seen_by,
        loopback: plan.listen.ip().is_loopback(),
    });
    say(
        PROGRAM,
        format_args!(
            "listening on {}; {known} nodes are known",
            listener.local_addr()?
        ),
    );
    if plan.takes_bare && !shared.loopback {
        say(
            PROGRAM,
            "--insecure-seed-protocol: whoever reaches this port can put a key into every node's authorized_keys and \
             a name into every /etc/hosts, and reads and changes what nodes say",
        );
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        () = desk.run() => {}
        () = accept(listener, shared) => {}
        // All that was acknowledged is on the disk.
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut number = 0;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                number += 1;
                let link = Link::new(stream, LONGEST_HELLO);
                tokio::spawn(serve(number, link, peer, Arc::clone(&shared)));
            }
            Err(error) => {
                say(
                    PROGRAM,
                    format_args!("a connection cannot be taken: {error}"),
                );
                sleep(BREATH).await;
            }
        }
    }
}

/// As many connections as the machine permits: the usual 1024 files are few.
pub(super) fn allow_files() {
    let limit = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let _ = setrlimit(Resource::Nofile, all);
}

/// The address that others are told: the one that is listened on, or that this machine uses towards others.
pub(super) fn told_address(listen: IpAddr) -> IpAddr {
    if !listen.is_unspecified() {
        return listen;
    }
    // An address for documentation: nothing is sent there.
    let outwards = || {
        let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
        socket.connect("192.0.2.1:9").ok()?;
        socket.local_addr().ok()
    };
    outwards().map_or(listen, |address| address.ip())
}
