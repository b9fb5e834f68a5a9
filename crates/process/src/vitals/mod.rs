//! What a command's processes do, measured from outside: CPU time, memory, what they wait for, how full
//! their pipes are. Linux shows all of this in `/proc`; the command does not notice.
//!
//! - [`Sampler`] looks at a tree of processes, or at one thread of this process.
//! - [`FlowSource`] reports how far the command has come and how full its pipes are; the side that feeds it
//!   implements it.
//! - [`Monitor`] samples on its own thread, has each sample classified (see
//!   [`condition`](heartline_core::condition)), and reports stalls; [`Vitals`] holds its results for the heartbeat.
//! - [`snapshot`] describes a stalled command for people.

mod cpu;
mod ends;
#[doc(hidden)]
pub mod fuzzing;
mod monitor;
mod proc;
mod sampler;
pub mod snapshot;
mod stacks;
mod syscall;
mod tool;
mod waits;

pub use ends::{CommandFlow, Ends, FileIdentity, FlowSource, Input, Output, OwnStreams};
pub use monitor::{Monitor, MonitorEvent, MonitorSettings, Vitals};
pub use sampler::{Reading, SampleTarget, Sampler};
