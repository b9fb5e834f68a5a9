//! The rest of an input whose command has ended: read and thrown away where requested, so that its
//! writer does not get a broken pipe.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::mpsc::Receiver;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionread;

use super::counting::Recent;
use super::relayed_stream::RelayedStream;
use crate::stdio::BlockingStream;

/// What to do with an input whose command ends successfully before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadInput {
    /// Close it. Its writer ends, as with any program that stops reading.
    Close,
    /// Close it and print a message: its writer takes that for a failure of the command.
    CloseAndReport,
    /// Read it to its end.
    Drain,
}

/// Receives the decision about the rest: a message means to read it, a disconnect means not to.
pub(super) type Wanted = Receiver<()>;

/// Reads the rest and counts it as passed on. May wait without a limit for more.
pub(super) fn throw_away(from: &OwnedFd, flow: &RelayedStream) -> io::Result<()> {
    let mut buffer = vec![0; Recent::KEPT];
    let mut from = BlockingStream::new(from);
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        flow.throw_away(&buffer[..count]);
    }
}

/// Whether a pipe or socket is at its end and its writer has gone, so that closing it affects nobody.
pub(super) fn is_over(from: &OwnedFd) -> bool {
    let mut asked = [PollFd::new(from, PollFlags::IN | PollFlags::RDHUP)];
    // In this order: after a hang-up nothing more is written.
    let is_asked = poll(&mut asked, Some(&Timespec::default())).is_ok();
    let hung_up = asked[0]
        .revents()
        .intersects(PollFlags::HUP | PollFlags::RDHUP);
    is_asked && hung_up && ioctl_fionread(from).is_ok_and(|left| left == 0)
}
