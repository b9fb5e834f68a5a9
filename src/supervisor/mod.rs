//! A command that runs only while it may: a supervisor beside it ends it when it is told to, when the time
//! it was given runs out, and when whoever started it is gone.
//!
//! Three processes, all in the process group that they were started in, so that a signal to the group
//! reaches the command too:
//!
//! - the program itself, which holds a [`SupervisorHandle`] and gives the command more time again and again;
//! - the supervisor ([`SupervisorArgs`]), the same executable once more. It hears of the program's end, however that
//!   came about, by the end of their socket; it needs nobody to go on when the program is stopped
//!   (SIGSTOP) or hangs; and whatever the command starts stays below it, also what the command's own
//!   children leave behind;
//! - the command, begun by [`ChildExecArgs`], which the kernel kills when the supervisor dies.
//!
//! So each one's end or standstill is answered by another one: the program's by the supervisor, the
//! supervisor's by the program, which kills all that is below it. What is left: when the supervisor itself is
//! killed with -9, the command dies with it, but what the command has started does so only if the program
//! starts nothing else, so that all below it is the command's ([`ChildSpec::is_all`]). What runs under
//! another user's id cannot be ended. Linux only.

mod args;
mod clock;
mod control;
mod exec;
#[doc(hidden)]
pub mod fuzzing;
mod handle;
mod signals;
mod supervise;
mod tree;

pub use clock::boot_time;
pub use control::{Ended, Until};
pub use handle::{ChildSpec, SupervisorHandle};
pub use signals::{is_ignored, listen};

pub use args::{ChildExecArgs, SupervisorArgs};
pub use tree::{below, parent};
