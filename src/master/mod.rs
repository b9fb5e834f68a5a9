//! What listens: who may be master ([`election`]), how the first in line takes over
//! ([`takeover`]), what a master does while it is one ([`state`]), how
//! often followers are to beat ([`pacing`]), and
//! what the next in line does meanwhile ([`predecessor`]). All are pure state machines; [`crate::member`]
//! drives them against a real ZooKeeper.

pub mod election;
pub mod pacing;
pub mod predecessor;
pub mod state;
pub mod takeover;
pub mod transaction;
