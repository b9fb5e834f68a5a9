//! What listens: who may be master ([`election`]), and what a master does while it is ([`tenure`]).
//! Both are pure state machines; [`crate::member`] drives them against a real ZooKeeper.

pub mod election;
pub mod tenure;
pub mod transaction;
