//! The real parts for the tests: fetched once, started on free ports, removed when the test ends.

// Each test program compiles its own copy of this module and uses only some of it.
#![allow(dead_code, unused_imports, unused_macros)]

mod authority;
mod crowd;
mod dashboard;
mod described;
mod dialog;
mod direct;
mod ensemble;
mod group;
pub(crate) mod hadoop;
mod job;
mod kafka;
pub(crate) mod left_out;
mod linked_host;
mod machine;
mod member;
mod namespaces;
mod nodes;
mod overload;
mod pair;
mod parts;
mod process;
mod proxy;
mod publisher;
mod python;
mod realm;
mod secure_files;
mod secured;
mod secured_kafka;
mod server;
mod sources;
mod storm;
mod stranger;
mod task;
mod tmux;
mod znodes;
mod zookeeper;

pub(crate) use authority::Authority;
pub(crate) use crowd::Crowd;
pub(crate) use dashboard::Dashboard;
pub(crate) use described::Described;
pub(crate) use dialog::Dialog;
pub(crate) use direct::{
    connections, cut_connections, endpoint, no_cuts, wait_until_connected, wait_until_connected_on,
};
pub(crate) use ensemble::{Ensemble, SERVERS};
pub(crate) use group::{Ticks, group_member, member_options};
pub(crate) use job::{Job, assert_one_master_an_epoch};
pub(crate) use kafka::Kafka;
pub(crate) use linked_host::LinkedHost;
pub(crate) use machine::{part_of_machine, whole_machine};
pub(crate) use member::{Ended, LoggedEvent, Mapper, SOON, Watcher, plot};
pub(crate) use namespaces::{no_namespaces, no_small_disk, not_root, which};
pub(crate) use nodes::{Program, SECRET, ServerOfNodes, node_folder, python, write_secret};
pub(crate) use overload::Overload;
pub(crate) use pair::{ask, pair};
pub(crate) use parts::Parts;
pub(crate) use process::{Guarded, wait_until};
pub(crate) use proxy::{Direction, Proxy};
pub(crate) use publisher::{Published, Publisher, assert_all_published};
pub(crate) use python::python_with;
pub(crate) use realm::{Realm, Ticket, no_kerberos};
pub(crate) use secure_files::{PASSWORD, SecureFiles};
pub(crate) use secured::{Secured, SecuredEnsemble};
pub(crate) use secured_kafka::SecuredKafka;
pub(crate) use server::free_port;
pub(crate) use sources::sources;
pub(crate) use storm::Storm;
pub(crate) use stranger::{Client, KEYS, count_refused, is_refused, node, with};
pub(crate) use task::Task;
pub(crate) use tmux::Tmux;
pub(crate) use znodes::{assert_closed, visit, visit_as};
pub(crate) use zookeeper::ZooKeeper;
