//! Messages on stderr while the screen is taken: they wait in memory, and are written when it was given back.

use std::io::{self, IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError, TryLockError};

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::io::{dup, fcntl_setfd};
use rustix::stdio::dup2_stderr;

use heartline_process::stdio;

/// Maximum number of bytes that wait; writes beyond it fail.
const MOST_BYTES: u64 = 256 * 1024;

static HELD: Mutex<Option<HeldStderr>> = Mutex::new(None);

/// The real stderr, and the memory in its place.
#[derive(Debug)]
struct HeldStderr {
    real: OwnedFd,
    kept: OwnedFd,
}

/// Keeps what is written to stderr, if that is a terminal; elsewhere it disturbs no picture.
pub(super) fn hold() -> io::Result<()> {
    let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
    if held.is_some() || !io::stderr().is_terminal() {
        return Ok(());
    }
    let real = dup(rustix::stdio::stderr())?;
    fcntl_setfd(&real, rustix::io::FdFlags::CLOEXEC)?;
    let kept = memfd_create("stderr", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    // A file that cannot grow is the bound.
    ftruncate(&kept, MOST_BYTES)?;
    fcntl_add_seals(&kept, SealFlags::GROW)?;
    dup2_stderr(&kept)?;
    *held = Some(HeldStderr { real, kept });
    Ok(())
}

/// Gives stderr back, and writes what was kept. A panic calls it too, in any thread.
pub(super) fn release() {
    let held = match HELD.try_lock() {
        Ok(mut held) => held.take(),
        Err(TryLockError::Poisoned(held)) => held.into_inner().take(),
        Err(TryLockError::WouldBlock) => None,
    };
    let Some(HeldStderr { real, kept }) = held else {
        return;
    };
    // Without stderr there is nobody to tell.
    let _ = dup2_stderr(&real);
    let mut kept = std::fs::File::from(kept);
    let mut messages = Vec::new();
    let written = kept.stream_position().unwrap_or(0);
    let is_read = kept.seek(SeekFrom::Start(0)).is_ok()
        && kept.take(written).read_to_end(&mut messages).is_ok();
    if is_read {
        let _ = stdio::err().write_all(&messages);
    }
}
