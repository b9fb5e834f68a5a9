//! The real parts for the tests: fetched once, started on free ports, gone when the test is.

// Each test file compiles its own copy of this module and uses only some of it.
#![allow(dead_code, unused_imports)]

mod cluster;
mod dialog;
mod group;
pub(crate) mod hadoop;
mod member;
mod parts;
mod process;
mod znodes;
mod zookeeper;

pub(crate) use cluster::Cluster;
pub(crate) use dialog::Dialog;
pub(crate) use group::{Ticks, group_member, member_options};
pub(crate) use member::{Ended, Mapper, SOON, Told, Watcher, plot};
pub(crate) use parts::Parts;
pub(crate) use process::{Guarded, wait_until};
pub(crate) use zookeeper::ZooKeeper;
