//! Deterministic simulation: members as they are, over a simulated ZooKeeper and network, in
//! thousands of seeded runs whose rules are checked with every transaction; the simulated ZooKeeper
//! is itself checked against a real one.

mod checks;
mod contract;
mod ensemble;
mod history;
mod rng;
mod world;

#[path = "../support/mod.rs"]
mod support;
