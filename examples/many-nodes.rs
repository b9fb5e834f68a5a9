//! Very many nodes in one process, for `scripts/bench nodes`: each registers, beats and receives every update on
//! its own connection, like an agent, but writes no files.
//!
//! A line on stdout says when all are registered. A line on stdin (`add`) registers one more, and prints for each
//! of the others the time from that registration to its update, in microseconds.

mod common;

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use heartline::nodes::auth::Secret;
use heartline::nodes::credentials::Credentials;
use heartline::nodes::fields::NodeAddress;
use heartline::nodes::link::Link;
use heartline::nodes::message::{NodeRole, Registration, ReplyHeader, ServerStatus};
use ssh_key::public::Ed25519PublicKey;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};

/// Run very many nodes at once
#[derive(Parser)]
struct Options {
    /// Number of nodes
    #[arg(long, default_value_t = 1000)]
    nodes: usize,

    #[arg(long, default_value = "127.0.0.1:50091")]
    server: String,

    #[arg(long)]
    secret_file: PathBuf,
}

const INTERVAL: Duration = Duration::from_secs(1);

/// What a node reports to the main thread.
enum Said {
    /// It sends its registration.
    Asked(Instant),
    Registered,
    /// It got an update with this number of nodes.
    Heard(usize, Instant),
    Ended(String),
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    let secret = Secret::new(&std::fs::read(&options.secret_file)?)?;
    let lines = common::lines_of_stdin();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run(&options, secret.into(), lines))
}

async fn run(
    options: &Options,
    credentials: Credentials,
    mut lines: mpsc::UnboundedReceiver<String>,
) -> anyhow::Result<()> {
    let (sender, mut said) = mpsc::unbounded_channel();
    let crowd = Crowd {
        server: Arc::new(options.server.clone()),
        credentials,
        sender,
    };
    let began = Instant::now();
    let threads = std::thread::available_parallelism()?.get();
    for first in 0..threads {
        let (crowd, numbers) = (crowd.clone(), (first..options.nodes).step_by(threads));
        std::thread::spawn(move || crowd.live(numbers));
    }
    let mut count = options.nodes;
    let mut registered = 0;
    while registered < count {
        match said.recv().await {
            Some(Said::Registered) => registered += 1,
            Some(Said::Ended(why)) => anyhow::bail!(why),
            _ => {}
        }
    }
    writeln!(io::stdout(), "registered {}", began.elapsed().as_micros())?;
    loop {
        tokio::select! {
            line = lines.recv() => if line.is_none() { return Ok(()) },
            message = said.recv() => {
                if let Some(Said::Ended(why)) = message {
                    anyhow::bail!(why);
                }
                continue;
            }
        }
        let (one, number) = (crowd.clone(), count);
        std::thread::spawn(move || one.live(number..=number));
        count += 1;
        let mut asked = None;
        let mut heard = Vec::new();
        // All of them, the new one included.
        while heard.len() < count {
            match said.recv().await {
                Some(Said::Asked(at)) => asked = Some(at),
                Some(Said::Heard(heard_of, at)) if heard_of >= count => heard.push(at),
                Some(Said::Ended(why)) => anyhow::bail!(why),
                _ => {}
            }
        }
        let asked = asked.unwrap_or_else(Instant::now);
        let times = heard.into_iter().map(|at| {
            let time = at.saturating_duration_since(asked);
            time.as_micros().to_string()
        });
        let times: Vec<String> = times.collect();
        writeln!(io::stdout(), "heard {}", times.join(" "))?;
    }
}

/// What all nodes share.
#[derive(Clone)]
struct Crowd {
    server: Arc<String>,
    credentials: Credentials,
    sender: mpsc::UnboundedSender<Said>,
}

impl Crowd {
    /// Runs the nodes of these numbers on this thread, for ever.
    fn live(self, numbers: impl Iterator<Item = usize>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let end = match runtime {
            Ok(runtime) => runtime.block_on(self.clone().all(numbers)),
            Err(why) => why.into(),
        };
        let _ = self.sender.send(Said::Ended(end.to_string()));
    }

    /// Why the first node ended.
    async fn all(self, numbers: impl Iterator<Item = usize>) -> anyhow::Error {
        let mut nodes = JoinSet::new();
        for number in numbers {
            let crowd = self.clone();
            nodes.spawn(async move { live(&node(number)?, &crowd).await });
        }
        match nodes.join_next().await {
            Some(Ok(Err(why))) => why,
            end => anyhow::anyhow!("a node ended: {end:?}"),
        }
    }
}

fn node(number: usize) -> anyhow::Result<Registration> {
    let mut key = [7; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    let key = ssh_key::PublicKey::from(Ed25519PublicKey(key)).to_openssh()?;
    let ip = IpAddr::from([
        127,
        1,
        u8::try_from(number / 250)?,
        u8::try_from(number % 250 + 1)?,
    ]);
    Ok(Registration {
        role: if number == 0 {
            NodeRole::Master
        } else {
            NodeRole::Slave
        },
        is_well: true,
        name: format!("n{number:05}.hadoop.com").parse()?,
        address: NodeAddress::new(ip, true)?,
        key: key.parse()?,
        host_key: None,
        user: "hadoop".parse()?,
        keeps_connection: true,
        signature: None,
        is_proven: false,
    })
}

async fn live(node: &Registration, crowd: &Crowd) -> anyhow::Result<()> {
    let Crowd {
        server,
        credentials,
        sender,
    } = crowd;
    let mut link = Link::connect(server, credentials).await?;
    sender.send(Said::Asked(Instant::now()))?;
    link.send_message(&node.raw()).await?;
    let beat = node.heartbeat();
    // Not all in the same moment.
    let first = INTERVAL.mul_f64(fastrand::f64());
    let mut beats = interval_at(Instant::now() + first, INTERVAL);
    let mut is_known = false;
    loop {
        tokio::select! {
            biased;
            message = link.next() => {
                let message = message?;
                if let Ok(status) = serde_json::from_slice::<ServerStatus>(&message) {
                    sender.send(Said::Heard(status.clusers_ip.len(), Instant::now()))?;
                    link.send_message(&status.confirmation()).await?;
                    continue;
                }
                let glance: ReplyHeader = serde_json::from_slice(&message)?;
                match glance.kind.as_deref() {
                    Some("ack") if glance.of.as_deref() == Some("register") => {
                        is_known = true;
                        sender.send(Said::Registered)?;
                    }
                    Some("refused") => anyhow::bail!(glance.reason.unwrap_or_default()),
                    _ => {}
                }
            }
            _ = beats.tick(), if is_known => link.send_message(&beat).await?,
        }
    }
}
