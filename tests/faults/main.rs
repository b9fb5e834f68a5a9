//! Faults of ZooKeeper, the network, members, znodes and streams. The words stay right and one master reports them.

#[path = "../support/mod.rs"]
mod support;

mod chaos;
mod closed_streams;
mod crowd;
mod data_path;
mod direct;
mod direct_cuts;
mod ensemble;
mod full_disk;
mod hostile_znodes;
mod lost_answers;
mod lost_events;
mod names;
mod outage;
mod overload;
mod partition;
mod proxy;
mod read_only;
mod relay;
mod succession;
mod too_old;
mod watchers_hostile;
mod zookeeper_handle;
