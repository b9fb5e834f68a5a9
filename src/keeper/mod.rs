//! A command that runs only while it may: a keeper beside it ends it when it is told to, when the time
//! it was given runs out, and when whoever started it is gone.
//!
//! Three processes, all in the process group that they were started in, so that a signal to the group
//! reaches the command too:
//!
//! - the program itself, which holds a [`Handle`] and gives the command more time again and again;
//! - the keeper ([`keep`]), the same executable once more. It hears of the program's end, however that
//!   came about, by the end of their socket; it needs nobody to go on when the program is stopped
//!   (SIGSTOP) or hangs; and whatever the command starts stays below it, also what the command's own
//!   children leave behind;
//! - the command, begun by [`become_command`], which the kernel kills when the keeper dies.
//!
//! So each one's end or standstill is answered by another one: the program's by the keeper, the
//! keeper's by the program, which kills all that is below it. What is left: when the keeper itself is
//! killed with -9, the command dies with it, but not what the command has started. What runs under
//! another user's id cannot be ended. Linux only.

mod clock;
mod control;
mod handle;
mod keep;
mod signals;
mod stage;
mod tree;

pub use clock::boot_time;
pub use control::{Ended, Until};
pub use handle::{Charge, Handle};
pub use keep::{Keeping, keep};
pub use signals::is_ignored;
pub use stage::become_command;

/// The program whose commands are kept: what this is called where it speaks to people.
const PROGRAM: &str = "heartline member";
