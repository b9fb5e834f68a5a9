//! Relays between pipes and sockets whose other ends the tests hold.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::spawn;

use super::super::relayed_stream::Side;
use super::*;
use crate::progress::Progress;

const ALL: u64 = u64::MAX;

/// A running relay, with the ends that feed it and read from it.
fn relay(
    from: impl Into<OwnedFd>,
    to: impl Into<OwnedFd>,
    is_piped: bool,
    per_second: u64,
) -> (Arc<RelayedStream>, std::thread::JoinHandle<End>) {
    let (from, to) = (Arc::new(from.into()), Arc::new(to.into()));
    let progress = Arc::new(Progress::default());
    let flow = Arc::new(RelayedStream::new(Side::In, progress, Arc::clone(&to)));
    let budget = Budget::new(per_second);
    let relay = Relay::new(from, to, Arc::clone(&flow), is_piped, budget).unwrap();
    (flow, spawn(move || relay.run()))
}

fn lines(count: usize) -> Vec<u8> {
    (0..count)
        .flat_map(|n| format!("{n:015}\n").into_bytes())
        .collect()
}

/// Passes on a hundred thousand lines, and inspects `budget` bytes a second.
fn passed_on(budget: u64) -> (Arc<RelayedStream>, End) {
    let (from, mut feed) = io::pipe().unwrap();
    let (mut take, to) = io::pipe().unwrap();
    let (flow, end) = relay(from, to, true, budget);
    let text = lines(100_000);
    let expected = text.clone();
    let feeder = spawn(move || feed.write_all(&text).unwrap());
    let mut taken = Vec::new();
    take.read_to_end(&mut taken).unwrap();
    feeder.join().unwrap();
    assert!(taken == expected);
    (flow, end.join().unwrap())
}

#[test]
fn all_is_passed_on_and_counted() {
    let (flow, end) = passed_on(ALL);
    assert!(matches!(end, End::Whole));
    assert_eq!((flow.bytes(), flow.records()), (1_600_000, 100_000));
    assert!(flow.has_ended() && !flow.is_estimate());
    let record = flow.last_record_before(1_600_000 - 16).unwrap();
    assert_eq!(record.bytes, b"000000000099998");
    assert!(record.is_whole);
}

#[test]
fn what_is_not_looked_at_is_estimated() {
    let (flow, _) = passed_on(1_000_000);
    assert_eq!(flow.bytes(), 1_600_000);
    assert!(flow.is_estimate());
    let records = flow.records();
    assert!((99_000..=100_000).contains(&records), "{records}");
}

#[test]
fn what_waits_for_the_command_is_known_also_after_the_end() {
    let (from, mut feed) = io::pipe().unwrap();
    let (mut take, to) = io::pipe().unwrap();
    let (flow, end) = relay(from, to, true, ALL);
    feed.write_all(b"one\ntwo\n").unwrap();
    let mut first = [0; 4];
    take.read_exact(&mut first).unwrap();
    assert!(flow.capacity().is_some());
    drop(feed);
    assert!(matches!(end.join().unwrap(), End::Whole));
    assert_eq!(flow.waiting(), Some(4));
    // Asking for the pipe does not hide the end from its reader.
    let mut rest = Vec::new();
    take.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"two\n");
    assert_eq!(flow.waiting(), Some(0));
}

#[test]
fn a_taker_that_goes_ends_it_though_nothing_comes() {
    let (from, feed) = io::pipe().unwrap();
    let (take, to) = io::pipe().unwrap();
    let (_, end) = relay(from, to, true, ALL);
    drop(take);
    let end = end.join().unwrap();
    assert!(
        matches!(
            end,
            End::Broken {
                is_cut: false,
                is_over: false
            }
        ),
        "{end:?}"
    );
    drop(feed);
}

#[test]
fn a_reader_that_went_is_reported() {
    let (from, mut feed) = io::pipe().unwrap();
    let (take, to) = io::pipe().unwrap();
    drop(take);
    feed.write_all(b"word").unwrap();
    let (_, end) = relay(from, to, true, ALL);
    let end = end.join().unwrap();
    assert!(matches!(end, End::Broken { is_cut: true, .. }), "{end:?}");
}

#[test]
fn sockets_are_copied() {
    let (mut feed, from) = UnixStream::pair().unwrap();
    let (mut take, to) = io::pipe().unwrap();
    let (flow, end) = relay(from, to, false, ALL);
    feed.write_all(b"one\ntwo\nlast").unwrap();
    drop(feed);
    let mut taken = String::new();
    take.read_to_string(&mut taken).unwrap();
    assert_eq!(taken, "one\ntwo\nlast");
    assert!(matches!(end.join().unwrap(), End::Whole));
    assert_eq!((flow.bytes(), flow.records()), (12, 2));
    let record = flow.last_record_before(12).unwrap();
    assert_eq!((record.offset, &record.bytes[..]), (4, &b"two"[..]));
}

/// A relay whose reader has gone, and which learns whether the rest of `lines(1000)` is wanted.
fn rest(is_piped: bool, is_wanted: bool) -> (Arc<RelayedStream>, End, io::Result<()>) {
    let (from, mut feed): (OwnedFd, Box<dyn Write + Send>) = if is_piped {
        let (from, feed) = io::pipe().unwrap();
        (from.into(), Box::new(feed))
    } else {
        let (from, feed) = UnixStream::pair().unwrap();
        (from.into(), Box::new(feed))
    };
    rustix::io::ioctl_fionbio(&from, true).unwrap();
    let (take, to) = io::pipe().unwrap();
    let (from, to) = (Arc::new(from), Arc::new(to.into()));
    let flow = Arc::new(RelayedStream::new(
        Side::In,
        Arc::default(),
        Arc::clone(&to),
    ));
    let relay = Relay::new(from, to, Arc::clone(&flow), is_piped, Budget::new(ALL)).unwrap();
    let (want, wanted) = std::sync::mpsc::channel();
    let relay = spawn(move || relay.with_rest(wanted).run());
    drop(take);
    let feeder = spawn(move || {
        for part in lines(100_000).chunks(100_000) {
            feed.write_all(part)?;
        }
        Ok(())
    });
    if is_wanted {
        want.send(()).unwrap();
    }
    drop(want);
    (flow, relay.join().unwrap(), feeder.join().unwrap())
}

#[test]
fn the_rest_is_thrown_away_if_that_is_wanted() {
    for is_piped in [true, false] {
        let (flow, end, fed) = rest(is_piped, true);
        assert!(matches!(end, End::ThrownAway), "{end:?}");
        assert_eq!(flow.bytes(), 1_600_000);
        fed.unwrap();
        let (_, end, fed) = rest(is_piped, false);
        assert!(matches!(end, End::Broken { is_over: false, .. }), "{end:?}");
        assert_eq!(fed.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}

#[test]
fn an_input_that_is_over_has_no_rest() {
    let (from, mut feed) = io::pipe().unwrap();
    feed.write_all(b"word").unwrap();
    assert!(!is_over(&from.try_clone().unwrap().into()));
    drop(feed);
    let from = OwnedFd::from(from);
    assert!(!is_over(&from));
    rustix::io::read(&from, &mut [0; 4]).unwrap();
    assert!(is_over(&from));
}

#[test]
fn what_a_reader_took_before_it_went_is_counted() {
    for is_piped in [true, false] {
        let (from, mut feed) = io::pipe().unwrap();
        let (mut take, to) = io::pipe().unwrap();
        fcntl_setpipe_size(&to, 4096).unwrap();
        feed.write_all(&lines(1024)).unwrap();
        let (flow, end) = relay(from, to, is_piped, ALL);
        // The pipe is full now: the relay has passed on a part of what it has looked at.
        let mut first = [0; 16];
        take.read_exact(&mut first).unwrap();
        drop(take);
        assert!(matches!(end.join().unwrap(), End::Broken { .. }));
        assert!((4096..16 * 1024).contains(&flow.bytes()));
        assert_eq!(flow.records(), flow.bytes() / 16);
    }
}
