//! Which of the standard streams this process was started with.
//!
//! Rust's runtime opens `/dev/null` in place of a closed standard stream, so that a file opened later does not
//! get its number. From then on, output is lost without an error, and nothing distinguishes the stream from an
//! intended `/dev/null`: Python's `subprocess.DEVNULL` is also opened for both ways. So the streams are
//! checked before the runtime begins, by a function in `.init_array`, which the loader calls before `main`.
//!
//! The one line that needs `unsafe` places the pointer to that function.
#![allow(unsafe_code)]

use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// A bit for each stream that was closed: 1 for stdin, 2 for stdout.
static CLOSED: AtomicU8 = AtomicU8::new(0);
const STDIN: u8 = 1;
const STDOUT: u8 = 2;

// SAFETY: the section holds pointers to functions of the C ABI. This one ignores the arguments that some C
// libraries pass, needs nothing of the runtime (two system calls and one store), and cannot unwind.
#[cfg(target_os = "linux")]
#[used]
#[unsafe(link_section = ".init_array")]
static LOOK: extern "C" fn() = look;

#[cfg(target_os = "linux")]
extern "C" fn look() {
    use rustix::io::{Errno, fcntl_getfd};
    use rustix::stdio::{stdin, stdout};

    let mut closed = 0;
    for (stream, bit) in [(stdin(), STDIN), (stdout(), STDOUT)] {
        if fcntl_getfd(stream) == Err(Errno::BADF) {
            closed |= bit;
        }
    }
    CLOSED.store(closed, Relaxed);
}

/// Whether this process was started with a stdin. Always true on systems other than Linux.
pub fn has_stdin() -> bool {
    CLOSED.load(Relaxed) & STDIN == 0
}

/// Whether this process was started with a stdout. Always true on systems other than Linux.
pub fn has_stdout() -> bool {
    CLOSED.load(Relaxed) & STDOUT == 0
}
