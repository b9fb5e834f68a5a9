//! A command that runs only as long as it may: a supervisor beside it ends it on request, when its time runs out,
//! and when the program that started it is gone.
//!
//! There are three processes, all in the process group of the program, so that a signal to the group
//! reaches the command too:
//!
//! - the program itself, which holds a [`SupervisorHandle`] and gives the command more time again and again;
//! - the supervisor ([`supervise`]), a second process of the same executable. The end of their socket shows
//!   that the program has ended, for whatever reason. It keeps working without the program when that is stopped
//!   (SIGSTOP) or hangs. Every process that the command starts stays below it, including orphans of the command's
//!   own children;
//! - the command, begun by [`become_command`], which the kernel kills when the supervisor dies.
//!
//! So another process reacts when one of them ends or hangs: the supervisor if it is the program, and the program,
//! which kills everything below it, if it is the supervisor. One gap remains: when the supervisor itself is
//! killed with -9, the command dies with it, but the processes that the command has started die only if the program
//! starts nothing else, so that everything below it is the command's ([`ChildSpec::is_all`]). Processes that run under
//! another user's id cannot be ended. Linux only.

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
pub use exec::become_command;
pub use handle::{ChildSpec, SupervisorHandle};
pub use signals::{is_ignored, listen};
pub use supervise::{SupervisorOptions, supervise};
pub use tree::{below, parent};
