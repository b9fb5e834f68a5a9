//! What a command's processes do, measured from outside: CPU time, memory, what they wait for, how full
//! their pipes are. Linux tells all of it in `/proc`; the command knows nothing of it.
//!
//! - [`Sampler`] looks at a tree of processes, or at one thread of this process.
//! - [`Streams`] is how whoever feeds the command says how far it is and how full its pipes are.
//! - [`Monitor`] samples on a thread of its own, has each sample judged (see
//!   [`condition`](crate::condition)), and tells of a stall; [`Vitals`] is what it knows, for the heartbeat.
//! - [`snapshot`] is what people are shown of a command that has stalled.

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

pub use ends::{Ends, Flow, Identity, Input, Output, OwnStreams, Streams};
pub use monitor::{Monitor, MonitorEvent, Settings, Vitals};
pub use sampler::{Reading, SampleTarget, Sampler};
