//! Hosts with dozens of members each, for `scripts/bench members`: as many as a real cluster has, in few processes.
//!
//! Each member has what the master sees of one: a session, a claim, a znode that it writes at the interval in ZooKeeper,
//! and a socket where it can be probed. Each host has one connection to the master, on which a relay's frames carry the
//! beats of all its members. What lies between a member and its relay on the same host is left out: its Unix socket, and
//! the two processes.
//!
//! A line on stdin (`kill NAME`) kills one of them: its socket is closed, and its relay tells that it has left. A line
//! on stdout gives the time of that, in microseconds since 1970.

mod common;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, bail};
use chrono::Utc;
use clap::Parser;
use heartline::coordination::{Address, Connector, Namespace, Security, Session, Settings};
use heartline::member::Scheduling;
use heartline::protocol::control::Control;
use heartline::protocol::{Identity, Status, beat, claim};
use heartline::transport::codec::{FrameReader, FrameWriter};
use heartline::transport::frame::Frame;
use heartline::transport::{Endpoint, PeerIdentity, RelayRoster};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Run the members of many hosts at once
#[derive(Parser)]
struct Options {
    /// Number of hosts
    #[arg(long, default_value_t = 50)]
    hosts: u8,

    /// Number of the first host, at most 65,000: several of these programs have different ones
    #[arg(long, default_value_t = 0)]
    first: u16,

    /// Number of members of each host, at most 256
    #[arg(long, default_value_t = 50)]
    members: u16,

    #[arg(long, default_value = "127.0.0.1:2181")]
    zookeeper: Address,

    #[arg(long, default_value = "/")]
    namespace: Namespace,
}

/// Long, so that the pings of thousands of sessions leave room for beats.
const SESSION: Duration = Duration::from_secs(30);
/// The interval before the master has told one.
const FIRST_INTERVAL: Duration = Duration::from_millis(5);
/// How often the thread that beats looks which hosts are due.
const TICK: Duration = Duration::from_millis(1);
/// Members that join at the same time.
const JOINING: usize = 16;

/// The intervals that the master tells, in microseconds.
#[derive(Default)]
struct Intervals {
    zookeeper: AtomicU32,
    direct: AtomicU32,
}

/// A host: the connection of its relay, and the members that beat by it.
struct Host {
    stream: TcpStream,
    writer: FrameWriter,
    roster: RelayRoster,
    /// The members, each with the version that its znode has once its writes have arrived.
    members: BTreeMap<u16, Option<i32>>,
    begun: Instant,
    due: Instant,
}

impl Host {
    /// All members have beaten, and the relay says so.
    fn beat(&mut self) -> anyhow::Result<()> {
        let now = self.begun.elapsed();
        for (slot, version) in &self.members {
            self.roster.beat(now, *slot, *version, Vec::new());
        }
        let mut frames = self.roster.news();
        frames.push(self.roster.group(now));
        self.send(&frames)
    }

    fn send(&mut self, frames: &[Frame]) -> anyhow::Result<()> {
        let mut bytes = Vec::new();
        for frame in frames {
            self.writer.write(frame, &mut bytes)?;
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            match self.stream.try_write(rest) {
                Ok(length) => rest = &rest[length..],
                // The master is far behind. A relay would leave beats out; here that would hide it.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(TICK),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

type SharedHost = Arc<Mutex<Host>>;

fn lock(host: &SharedHost) -> MutexGuard<'_, Host> {
    host.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A member, as long as it is not killed.
struct Member {
    host: SharedHost,
    slot: u16,
    /// What ends with its process.
    tasks: [JoinHandle<()>; 2],
    /// What does not: ZooKeeper waits for its timeout.
    session: Session,
}

impl Member {
    /// Ends all but its session, which it returns.
    async fn kill(self) -> anyhow::Result<Session> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros();
        for task in self.tasks {
            task.abort();
            // Its socket is closed when the task is gone.
            let _ = task.await;
        }
        let mut host = lock(&self.host);
        host.members.remove(&self.slot);
        host.roster.ended(self.slot, None);
        let news = host.roster.news();
        host.send(&news)?;
        writeln!(io::stdout(), "killed {at}")?;
        Ok(self.session)
    }
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let lines = common::lines_of_stdin();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&options, lines))
}

async fn run(options: &Options, mut lines: mpsc::UnboundedReceiver<String>) -> anyhow::Result<()> {
    let settings = Settings {
        security: Security::default(),
        address: options.zookeeper.clone(),
        namespace: options.namespace.clone(),
        session_timeout: SESSION,
    };
    let session = connect(&settings).await?;
    let intervals = Arc::new(Intervals::default());
    tokio::spawn(follow_control(session.clone(), Arc::clone(&intervals)));
    let (claim, value) = session.first_claim(true).await?.context("no master")?;
    let endpoint: Endpoint = claim::endpoint(&value.bytes)
        .context("the master accepts no connections")?
        .parse()?;

    let mut hosts = Vec::new();
    for number in 0..u16::from(options.hosts) {
        let [high, low] = (options.first + number).to_be_bytes();
        let address = IpAddr::V4(Ipv4Addr::new(127, 1 + high, low, 1));
        let host = open(address, &endpoint, &claim, options.first + number).await;
        hosts.push((address, host?));
    }
    beat_all(
        hosts.iter().map(|(_, host)| Arc::clone(host)).collect(),
        &intervals,
    );

    let mut members = join_all(options, &settings, &hosts, &intervals).await?;
    writeln!(io::stdout(), "all are started")?;
    let mut left_behind = Vec::new();
    while let Some(line) = lines.recv().await {
        let name = line.strip_prefix("kill ").unwrap_or_default();
        if let Some(member) = members.remove(name) {
            left_behind.push(member.kill().await?);
        }
    }
    Ok(())
}

/// Makes the members of all hosts, some at a time.
async fn join_all(
    options: &Options,
    settings: &Settings,
    hosts: &[(IpAddr, SharedHost)],
    intervals: &Arc<Intervals>,
) -> anyhow::Result<BTreeMap<String, Member>> {
    let mut members = BTreeMap::new();
    let mut wanted = Vec::new();
    for number in 0..options.members {
        for (place, (address, host)) in (options.first..).zip(hosts) {
            wanted.push((
                format!("m{place:03}-{number:02}"),
                *address,
                Arc::clone(host),
            ));
        }
    }
    for some in wanted.chunks(JOINING) {
        let joining = some.iter().map(|(name, address, host)| {
            join(
                settings,
                name.clone(),
                *address,
                Arc::clone(host),
                intervals,
            )
        });
        for (made, (name, ..)) in futures_util::future::join_all(joining)
            .await
            .into_iter()
            .zip(some)
        {
            members.insert(name.clone(), made?);
        }
    }
    Ok(members)
}

async fn connect(settings: &Settings) -> anyhow::Result<Session> {
    let mut connector = Connector::new(settings.clone()).of_any_age();
    let said = |diagnosis: &_| -> anyhow::Result<()> {
        eprintln!("{diagnosis}");
        Ok(())
    };
    connector.connect(said).await
}

/// Keeps the intervals as the master tells them.
async fn follow_control(session: Session, intervals: Arc<Intervals>) {
    let path = session.paths().control().to_owned();
    let micros = |time: Duration| u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
    while let Ok((value, change)) = session.read(&path).await {
        let control = Control::parse(&value.bytes);
        let zookeeper = control.interval.unwrap_or(FIRST_INTERVAL);
        intervals.zookeeper.store(micros(zookeeper), Relaxed);
        let direct = control.direct_interval.unwrap_or(zookeeper);
        intervals.direct.store(micros(direct), Relaxed);
        if change.await.is_err() {
            return;
        }
    }
}

/// Connects the relay of a host to the master.
async fn open(
    address: IpAddr,
    endpoint: &Endpoint,
    claim: &str,
    number: u16,
) -> anyhow::Result<SharedHost> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(address, 0))?;
    let mut stream = socket.connect(endpoint.address).await?;
    stream.set_nodelay(true)?;
    let mut nonces = [[0; 32]; 2];
    stream.read_exact(&mut nonces[0]).await?;
    fastrand::fill(&mut nonces[1]);
    let keys = endpoint.key.connection(claim, &nonces[0], &nonces[1]);
    let mut writer = FrameWriter::new(keys.to_server);
    let hello = Frame::Hello {
        // The relay's own session is none of a member here.
        session: -1 - i64::from(number),
        name: format!("relay{number}"),
        port: 0,
        local: stream.local_addr()?,
        remote: stream.peer_addr()?,
    };
    let mut bytes = nonces[1].to_vec();
    writer.write(&hello, &mut bytes)?;
    stream.write_all(&bytes).await?;
    let mut reader = FrameReader::new(keys.to_client);
    loop {
        let byte = [stream.read_u8().await?];
        match reader.read(&mut byte.as_slice())? {
            None => {}
            Some(Frame::Welcome { is_direct: true }) => break,
            Some(other) => bail!("the master answers {other:?}"),
        }
    }
    Ok(Arc::new(Mutex::new(Host {
        stream,
        writer,
        roster: RelayRoster::default(),
        members: BTreeMap::new(),
        begun: Instant::now(),
        due: Instant::now(),
    })))
}

/// Beats for all hosts from now on, each at its own time within the interval.
fn beat_all(hosts: Vec<SharedHost>, intervals: &Arc<Intervals>) {
    let intervals = Arc::clone(intervals);
    for host in &hosts {
        let phase = fastrand::u32(..5000);
        lock(host).due += Duration::from_micros(phase.into());
    }
    thread::spawn(move || {
        Scheduling::Realtime.ask();
        loop {
            let interval = Duration::from_micros(intervals.direct.load(Relaxed).into());
            for host in &hosts {
                let mut host = lock(host);
                if host.due <= Instant::now() {
                    host.due = Instant::now().max(host.due + interval);
                    if let Err(error) = host.beat() {
                        eprintln!("a host cannot beat: {error}");
                        std::process::exit(1);
                    }
                }
            }
            thread::sleep(TICK);
        }
    });
}

/// Makes a member of a host.
async fn join(
    settings: &Settings,
    name: String,
    address: IpAddr,
    host: SharedHost,
    intervals: &Arc<Intervals>,
) -> anyhow::Result<Member> {
    let session = connect(settings).await?;
    let listener = TcpListener::bind(SocketAddr::new(address, 0)).await?;
    let own = listener.local_addr()?;
    let value = claim::value(&name, "", None);
    let (claim, _) = session
        .stand_in_line(&claim::prefix(&name, false), &value)
        .await?;
    let identity = Identity {
        host: address.to_string(),
        pid: std::process::id(),
        claim: Some(claim),
        address: Some(own),
        ..Identity::default()
    };
    session.join(&name, &beat::joined(&identity), &[]).await?;
    let slot = {
        let mut host = lock(&host);
        let peer = PeerIdentity {
            session: session.id(),
            name: name.clone(),
            port: own.port(),
        };
        let now = host.begun.elapsed();
        let slot = host.roster.join(now, peer).context("a host is full")?;
        host.members.insert(slot, Some(0));
        slot
    };
    let listening = tokio::spawn(async move {
        while let Ok((mut probe, _)) = listener.accept().await {
            // A probe waits for the first byte of a nonce.
            let _ = probe.write_all(&[0; 32]).await;
        }
    });
    let writing = write(
        session.clone(),
        name,
        identity,
        (Arc::clone(&host), slot),
        Arc::clone(intervals),
    );
    Ok(Member {
        host,
        slot,
        tasks: [listening, tokio::spawn(writing)],
        session,
    })
}

/// Writes a member's znode at the interval in ZooKeeper, and tells the relay the version that it has then.
async fn write(
    session: Session,
    name: String,
    identity: Identity,
    (host, slot): (SharedHost, u16),
    intervals: Arc<Intervals>,
) {
    let mut version = 0;
    let mut status = Status::default();
    loop {
        let interval = Duration::from_micros(intervals.zookeeper.load(Relaxed).into());
        let phase = if version == 0 { fastrand::f64() } else { 1.0 };
        tokio::time::sleep(interval.mul_f64(phase)).await;
        let direct = Duration::from_micros(intervals.direct.load(Relaxed).into());
        let is_new = status.interval != direct;
        status.interval = direct;
        let value = beat::alive(Utc::now(), &identity, &status);
        version += 1;
        {
            let mut host = lock(&host);
            let now = host.begun.elapsed();
            host.members.insert(slot, Some(version));
            let text = if is_new { value.clone() } else { String::new() };
            host.roster
                .beat(now, slot, Some(version), text.into_bytes());
        }
        if let Err(failure) = session.beat(&name, &value).await {
            eprintln!("{name} cannot write: {failure}");
            return;
        }
    }
}
