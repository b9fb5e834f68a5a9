//! What listens: who may be master ([`election`]), how the first in line takes over
//! ([`accession`]), what a master does while it is one ([`tenure`]), how
//! often followers are to beat ([`pacing`]), and
//! what the next in line does meanwhile ([`vigil`]). All are pure state machines; [`crate::member`]
//! drives them against a real ZooKeeper.

pub mod accession;
pub mod election;
pub mod pacing;
pub mod tenure;
pub mod transaction;
pub mod vigil;
