//! The master: who may become master ([`election`]), how the first in line takes over ([`takeover`]), what a
//! master does ([`state`]), how often followers beat ([`pacing`]), and what the next in line does in the
//! meantime ([`predecessor`]). All are pure state machines; `heartline-member` drives them against a real
//! ZooKeeper.

pub mod election;
pub mod pacing;
pub mod predecessor;
pub mod state;
pub mod takeover;
pub mod transaction;
