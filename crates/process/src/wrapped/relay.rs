//! A relay: passes a stream on, from pipe to pipe without copying it, and counts.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::{Errno, ioctl_fionread, read, write};
use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice, tee};

use super::counting::{Budget, Recent, Tally, records_in};
use super::relayed_stream::RelayedStream;
use super::rest::{Wanted, is_over, throw_away};
use crate::stdio::PIPE;

/// A stream that brings more than this between two waits is faster than two processes can wake each other.
const FAST: usize = 64 * 1024;
/// How long to leave such a stream alone: much less than a large pipe takes to fill.
const NAP: Duration = Duration::from_micros(100);

/// How a relay ended.
#[derive(Debug)]
pub(super) enum End {
    /// Everything was passed on.
    Whole,
    /// The reader has gone.
    Broken {
        /// Whether some of the stream was left.
        is_cut: bool,
        /// Whether nothing more can come.
        is_over: bool,
    },
    /// The reader has gone; the rest was read and thrown away.
    ThrownAway,
    /// Reading failed, or writing failed for another reason than a missing reader.
    Failed(io::Error),
}

/// A stream to be passed on.
#[derive(Debug)]
pub(super) struct Relay {
    from: Arc<OwnedFd>,
    to: Arc<OwnedFd>,
    flow: Arc<RelayedStream>,
    /// The pipe in which the stream is inspected; `None` if the stream is copied, because it is not from pipe to pipe.
    scratch: Option<(OwnedFd, OwnedFd)>,
    budget: Budget,
    tally: Tally,
    /// Bytes that were read and could not be passed on, because the reader has gone.
    cut: Vec<u8>,
    /// Asked for the rest when the reader has gone.
    rest: Option<Wanted>,
    begun: Instant,
}

impl Relay {
    /// Creates a relay from pipe to pipe if the stream `is_piped`, otherwise from or to a socket. It inspects the
    /// stream within its budget.
    pub(super) fn new(
        from: Arc<OwnedFd>,
        to: Arc<OwnedFd>,
        flow: Arc<RelayedStream>,
        is_piped: bool,
        budget: Budget,
    ) -> io::Result<Self> {
        let scratch = is_piped
            .then(|| pipe_with(PipeFlags::CLOEXEC))
            .transpose()?;
        if let Some((_, writing)) = &scratch {
            // A pipe that the system will not enlarge works all the same.
            let _ = fcntl_setpipe_size(writing, Recent::KEPT);
        }
        Ok(Self {
            from,
            to,
            flow,
            scratch,
            budget,
            tally: Tally::default(),
            cut: Vec::new(),
            rest: None,
            begun: Instant::now(),
        })
    }

    /// The same relay, which reads the rest once that is requested. Until this is decided, its source stays open.
    pub(super) fn with_rest(self, wanted: Wanted) -> Self {
        Self {
            rest: Some(wanted),
            ..self
        }
    }

    /// Passes everything on; closes both ends.
    pub(super) fn run(mut self) -> End {
        let end = match self.pass_on() {
            Ok(()) => End::Whole,
            Err(Stop::Broken) => {
                let is_cut = !self.cut.is_empty();
                End::Broken {
                    is_over: !is_cut && is_over(&self.from),
                    is_cut: is_cut || ioctl_fionread(&self.from).is_ok_and(|left| left > 0),
                }
            }
            Err(Stop::Failed(error)) => End::Failed(error.into()),
        };
        self.flow.end();
        if let (End::Broken { is_over: false, .. }, Some(wanted)) = (&end, self.rest.take())
            && wanted.recv().is_ok()
        {
            self.flow.throw_away(&self.cut);
            return match throw_away(&self.from, &self.flow) {
                Ok(()) => End::ThrownAway,
                Err(error) => End::Failed(error),
            };
        }
        end
    }

    fn pass_on(&mut self) -> Result<(), Stop> {
        let mut buffer = Vec::new();
        let mut run = 0;
        loop {
            let passed = match self.scratch.take() {
                Some(scratch) => {
                    let passed = self.pass_pages(&scratch);
                    // Two pipes that splice refuses are copied from now on.
                    if passed == Err(Errno::INVAL) {
                        continue;
                    }
                    self.scratch = Some(scratch);
                    passed
                }
                None => self.copy(&mut buffer),
            };
            match passed {
                Ok(0) => return Ok(()),
                Ok(count) => run += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    // A stream this fast fills the pipe meanwhile, and needs fewer wake-ups.
                    if std::mem::take(&mut run) >= FAST {
                        sleep(NAP);
                    }
                    self.wait()?;
                }
                Err(Errno::PIPE) => return Err(Stop::Broken),
                Err(error) => return Err(Stop::Failed(error)),
            }
        }
    }

    /// Moves the available bytes, and inspects them within the budget. `Ok(0)` is the end of the stream.
    fn pass_pages(&mut self, (reading, writing): &(OwnedFd, OwnedFd)) -> Result<usize, Errno> {
        let left = self.budget.left(self.begun.elapsed());
        if left == 0 {
            let passed = splice(
                &self.from,
                None,
                &self.to,
                None,
                PIPE,
                SpliceFlags::NONBLOCK,
            )?;
            self.flow.add_bytes(passed as u64);
            self.unseen(passed as u64);
            return Ok(passed);
        }
        let most = Recent::KEPT.min(usize::try_from(left).unwrap_or(usize::MAX));
        let teed = tee(&self.from, writing, most, SpliceFlags::NONBLOCK)?;
        let mut passed = 0;
        let mut outcome = Ok(teed);
        while passed < teed && outcome.is_ok() {
            let rest = teed - passed;
            match splice(
                &self.from,
                None,
                &self.to,
                None,
                rest,
                SpliceFlags::NONBLOCK,
            ) {
                Ok(count) => {
                    passed += count;
                    self.flow.add_bytes(count as u64);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait_until_taken(),
                Err(error) => outcome = Err(error),
            }
        }
        // Inspected after it is on its way: the command works meanwhile. A reader that has gone had a part of it.
        self.look(reading, passed)?;
        outcome
    }

    fn look(&mut self, reading: &OwnedFd, count: usize) -> Result<(), Errno> {
        let mut records = 0;
        let mut seen = 0;
        let mut recent = self.flow.recent();
        while seen < count {
            let space = recent.space();
            let most = space.len().min(count - seen);
            let got = read(reading, &mut space[..most])?;
            records += records_in(recent.filled(got));
            seen += got;
        }
        drop(recent);
        self.seen(count as u64, records);
        Ok(())
    }

    fn seen(&mut self, bytes: u64, records: u64) {
        self.budget.spend(bytes);
        self.tally.seen(bytes, records);
        self.flow.add_records(records);
    }

    fn unseen(&mut self, bytes: u64) {
        if bytes > 0 {
            self.flow.estimates();
            self.flow.recent().skipped(bytes);
            self.flow.add_records(self.tally.unseen(bytes));
        }
    }

    /// Copies the available bytes, and inspects them within the budget. `Ok(0)` is the end of the stream.
    fn copy(&mut self, buffer: &mut Vec<u8>) -> Result<usize, Errno> {
        // Not before there is something to read: the reader may go while this waits.
        buffer.resize(Recent::KEPT, 0);
        if self.is_idle() {
            return Err(Errno::AGAIN);
        }
        let count = read(&self.from, &mut *buffer)?;
        let mut rest = &buffer[..count];
        let mut outcome = Ok(count);
        while !rest.is_empty() && outcome.is_ok() {
            match write(&self.to, rest) {
                Ok(written) => {
                    self.flow.add_bytes(written as u64);
                    rest = &rest[written..];
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait_until_taken(),
                // A peer that has reset its connection does not read either.
                Err(Errno::CONNRESET) => outcome = Err(Errno::PIPE),
                Err(error) => outcome = Err(error),
            }
        }
        self.cut = rest.to_vec();
        // A reader that has gone had a part of it.
        let passed = count - rest.len();
        if self.budget.left(self.begun.elapsed()) < passed as u64 {
            self.unseen(passed as u64);
        } else {
            let mut recent = self.flow.recent();
            recent.space()[..passed].copy_from_slice(&buffer[..passed]);
            let records = records_in(recent.filled(passed));
            drop(recent);
            self.seen(passed as u64, records);
        }
        outcome
    }

    fn is_idle(&self) -> bool {
        let mut sources = [PollFd::new(&self.from, PollFlags::IN)];
        let now = rustix::event::Timespec::default();
        poll(&mut sources, Some(&now)) == Ok(0)
    }

    /// Waits until there is something to pass on and room for it, or the reader has gone.
    fn wait(&self) -> Result<(), Stop> {
        let mut ends = [
            PollFd::new(&self.from, PollFlags::IN),
            // With no events requested, it still reports that its reader is gone.
            PollFd::new(&self.to, PollFlags::empty()),
        ];
        if let Err(error) = poll(&mut ends, None)
            && error != Errno::INTR
        {
            return Err(Stop::Failed(error));
        }
        if ends[1].revents().intersects(PollFlags::ERR) {
            return Err(Stop::Broken);
        }
        if !ends[0].revents().is_empty() {
            self.wait_until_taken();
        }
        Ok(())
    }

    /// Waits until there is room, or the reader has gone.
    fn wait_until_taken(&self) {
        let mut ends = [PollFd::new(&self.to, PollFlags::OUT)];
        // The next attempt shows which of the two happened.
        let _ = poll(&mut ends, None);
    }
}

/// Why some of the stream was not passed on.
#[derive(Debug)]
enum Stop {
    Broken,
    Failed(Errno),
}

#[cfg(test)]
mod tests;
