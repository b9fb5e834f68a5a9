//! What is left of an input when its command has ended: read and thrown away where that is wanted, so that who
//! writes it is not told of a broken pipe.

use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::mpsc::Receiver;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionread;

use super::counting::Recent;
use super::flow::Flow;
use crate::stdio::Patient;

/// What to do about an input whose command ends well before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leftover {
    /// It is closed. Who writes it ends, as behind any program that reads no more.
    Close,
    /// It is closed, and that is said: who writes it takes that for a failure of the command.
    CloseAndSay,
    /// It is read to its end.
    Drain,
}

/// Says once whether the rest is to be read: by a word, or by hanging up if it is not.
pub(super) type Wanted = Receiver<()>;

/// Reads the rest and counts it as passed on. Nothing may come for any time.
pub(super) fn throw_away(from: &OwnedFd, flow: &Flow) -> io::Result<()> {
    let mut buffer = vec![0; Recent::KEPT];
    let mut from = Patient::new(from);
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        flow.throw_away(count as u64);
        flow.add_records(memchr::memchr_iter(b'\n', &buffer[..count]).count() as u64);
    }
}

/// Whether a pipe or socket has come to its end, so that nobody can be told that it is read no more.
pub(super) fn is_over(from: &OwnedFd) -> bool {
    let mut asked = [PollFd::new(from, PollFlags::IN | PollFlags::RDHUP)];
    // In this order: after a hang-up nothing more is written.
    let is_asked = poll(&mut asked, Some(&Timespec::default())).is_ok();
    let hung_up = asked[0]
        .revents()
        .intersects(PollFlags::HUP | PollFlags::RDHUP);
    is_asked && hung_up && ioctl_fionread(from).is_ok_and(|left| left == 0)
}
