//! Every reader of bytes that others write, as a function from bytes that panics when a promise is broken. The fuzz
//! targets (`fuzz/`) and the tests of the corpus (`tests/corpus.rs`) run the very same functions.
//!
//! - [`zookeeper`]: values of znodes.
//! - [`nodes`]: messages and files of the node control server and its agents.
//! - [`texts`]: options, descriptions and secrets.
//! - [`words`]: the data path, each beside a simple oracle.
//!
//! Readers that are private have their function beside them, in a module `fuzzing` of the library.

mod nodes;
mod texts;
mod words;
mod zookeeper;

use heartline::{
    cluster, commit, events, membership, status, supervisor, umbilical, vitals, zkstats,
};

/// A reader: its name, which is that of its fuzz target and of its folder in `tests/corpus/`, and what reads.
pub(crate) type Reader = (&'static str, fn(&[u8]));

/// All of them.
pub(crate) const READERS: &[Reader] = &[
    // What stands in ZooKeeper.
    ("beat", zookeeper::beat),
    ("claim", zookeeper::claim),
    ("commit_record", commit::fuzzing::record),
    ("control", zookeeper::control),
    ("kafka_znodes", cluster::fuzzing::kafka),
    ("nodes_shelf", heartline::nodes::fuzzing::store),
    ("report", zookeeper::report),
    ("request", zookeeper::request),
    ("status", status::fuzzing::overview),
    ("workers", membership::fuzzing::workers),
    // What comes over a socket.
    ("cluster_pages", cluster::fuzzing::pages),
    ("nodes_message", nodes::message),
    ("nodes_reader", nodes::reader),
    ("nodes_seal", nodes::seal),
    ("nodes_signature", heartline::nodes::fuzzing::signature),
    ("nodes_status", nodes::status),
    ("transport_content", heartline_transport::fuzzing::content),
    ("transport_frames", heartline_transport::fuzzing::frames),
    ("umbilical_challenge", umbilical::fuzzing::challenge),
    ("umbilical_dialog", umbilical::fuzzing::dialog),
    ("umbilical_numbers", umbilical::fuzzing::numbers),
    ("zkstats", zkstats::fuzzing::facts),
    // What stands in files and in /proc.
    ("cluster_description", texts::description),
    ("credentials", umbilical::fuzzing::credentials),
    ("events_file", events::fuzzing::last_event),
    ("supervisor_lines", supervisor::fuzzing::lines),
    ("nodes_block", nodes::block),
    ("nodes_key", heartline::nodes::fuzzing::key),
    ("nodes_state", heartline::nodes::fuzzing::state),
    ("proc", vitals::fuzzing::process),
    ("secret", texts::secret),
    ("task_command_line", umbilical::fuzzing::command_line),
    // What stands on a command line or in a job's properties.
    ("address", texts::address),
    ("events_target", events::fuzzing::target),
    ("nodes_fields", nodes::fields),
    ("options", texts::options),
    // What is counted.
    ("combine", words::combine),
    ("map_words", words::map),
    ("reduce", words::reduce),
];
