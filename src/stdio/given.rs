//! Which of the standard streams this process was started with.
//!
//! Rust's runtime opens `/dev/null` in place of a standard stream that is closed, so that no file that is opened
//! later gets its number. From then on what is written is lost without an error, and nothing tells it from a
//! `/dev/null` that was wanted: Python's `subprocess.DEVNULL` is opened for both ways too. So the streams are
//! looked at before the runtime begins, by a function in `.init_array`, which the loader calls before `main`.
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

/// Whether this process was started with a stdin. Elsewhere than on Linux it is taken to be so.
pub fn has_stdin() -> bool {
    CLOSED.load(Relaxed) & STDIN == 0
}

/// Whether this process was started with a stdout. Elsewhere than on Linux it is taken to be so.
pub fn has_stdout() -> bool {
    CLOSED.load(Relaxed) & STDOUT == 0
}
