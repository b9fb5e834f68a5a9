//! What a beat costs between a member and the relay of its host, for `scripts/bench members`: sent by a Unix socket, as it is,
//! or stored in a page of counters that both share.
//!
//! The page is one of this process: a store to a page that two processes share costs the same. Prints one line of JSON with
//! nanoseconds for each beat.

use std::hint::black_box;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;

/// Measure a beat on one host
#[derive(Parser)]
struct Options {
    /// Number of members of the host
    #[arg(long, default_value_t = 50)]
    members: usize,

    /// Number of beats of each member
    #[arg(long, default_value_t = 20_000)]
    beats: u32,
}

/// The length of a beat's frame with its code.
const FRAME: usize = 64;

/// The time of both sides, for all beats together.
#[derive(Default)]
struct Costs {
    member: Duration,
    relay: Duration,
}

impl Costs {
    fn each(&self, beats: f64) -> (f64, f64) {
        let nanos = |time: Duration| time.as_secs_f64() * 1e9 / beats;
        (nanos(self.member), nanos(self.relay))
    }
}

fn by_socket(options: &Options) -> io::Result<Costs> {
    let pairs = (0..options.members).map(|_| UnixStream::pair());
    let mut pairs: Vec<_> = pairs.collect::<Result<_, _>>()?;
    let (frame, mut read) = ([7; FRAME], [0; FRAME]);
    let mut costs = Costs::default();
    for _ in 0..options.beats {
        let began = Instant::now();
        for (member, _) in &mut pairs {
            member.write_all(black_box(&frame))?;
        }
        let sent = Instant::now();
        for (_, relay) in &mut pairs {
            relay.read_exact(black_box(&mut read))?;
        }
        costs.member += sent - began;
        costs.relay += sent.elapsed();
    }
    Ok(costs)
}

fn by_page(options: &Options) -> Costs {
    let counters = (0..options.members).map(|_| AtomicU64::new(0));
    let counters: Vec<_> = counters.collect();
    let mut seen = vec![0; options.members];
    let mut costs = Costs::default();
    for beat in 1..=u64::from(options.beats) {
        let began = Instant::now();
        for counter in &counters {
            black_box(counter).store(beat, Ordering::Release);
        }
        let stored = Instant::now();
        for (counter, seen) in counters.iter().zip(&mut seen) {
            *seen = black_box(counter).load(Ordering::Acquire);
        }
        costs.member += stored - began;
        costs.relay += stored.elapsed();
    }
    costs
}

fn main() -> io::Result<()> {
    let options = Options::parse();
    let members = u32::try_from(options.members).unwrap_or(u32::MAX);
    let beats = f64::from(members) * f64::from(options.beats);
    let (send, receive) = by_socket(&options)?.each(beats);
    let (store, scan) = by_page(&options).each(beats);
    println!(
        "{{\"send\":{send:.0},\"receive\":{receive:.0},\"store\":{store:.1},\"scan\":{scan:.1}}}"
    );
    Ok(())
}
