//! Deterministic simulation: members as they are, over a simulated ZooKeeper and network, in
//! thousands of seeded runs whose rules are checked with every transaction; the simulated ZooKeeper
//! is itself checked against a real one.

mod chance;
mod checks;
mod contract;
mod ending;
mod ensemble;
mod history;
mod rng;
mod run;
mod seeds;
mod world;

#[path = "../support/mod.rs"]
mod support;
