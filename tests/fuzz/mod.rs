//! Every parser of bytes from other programs, as a function of bytes that panics when a promise is broken. The fuzz
//! targets (`fuzz/`) and the tests of the corpus (`tests/corpus.rs`) run the very same functions.
//!
//! - [`zookeeper`]: values of znodes.
//! - [`nodes`]: messages and files of the node control server and its agents.
//! - [`texts`]: options, descriptions and secrets.
//! - [`words`]: the data path, each part compared with a simple oracle.
//!
//! Private parsers have their function in a module `fuzzing` of their crate.

mod nodes;
mod texts;
mod words;
mod zookeeper;

use heartline::{
    cluster, commit, dashboard, events, membership, probe, status, supervisor, umbilical, vitals,
    zkstats,
};

/// A parser: its name, which is also that of its fuzz target and its folder in `tests/corpus/`, and its function.
pub(crate) type Reader = (&'static str, fn(&[u8]));

/// All parsers.
pub(crate) const READERS: &[Reader] = &[
    // Values of znodes.
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
    // Data from sockets.
    ("cluster_pages", cluster::fuzzing::pages),
    (
        "nodes_agent_answer",
        heartline::nodes::fuzzing::agent_answer,
    ),
    ("nodes_certificate", heartline::nodes::fuzzing::certificate),
    ("nodes_message", nodes::message),
    ("nodes_reader", nodes::reader),
    ("nodes_seal", nodes::seal),
    ("nodes_signature", heartline::nodes::fuzzing::signature),
    ("nodes_status", nodes::status),
    ("page_challenge", probe::fuzzing::challenge),
    ("transport_content", heartline_transport::fuzzing::content),
    ("transport_frames", heartline_transport::fuzzing::frames),
    ("umbilical_challenge", umbilical::fuzzing::challenge),
    ("umbilical_dialog", umbilical::fuzzing::dialog),
    ("umbilical_numbers", umbilical::fuzzing::numbers),
    ("umbilical_unwrap", umbilical::fuzzing::unwrap),
    ("zkstats", zkstats::fuzzing::facts),
    // Files, also of /proc.
    ("cluster_description", texts::description),
    ("credentials", umbilical::fuzzing::credentials),
    ("events_file", events::fuzzing::last_event),
    ("recording", dashboard::fuzzing::recording),
    ("supervisor_lines", supervisor::fuzzing::lines),
    ("nodes_block", nodes::block),
    ("nodes_key", heartline::nodes::fuzzing::key),
    ("nodes_state", heartline::nodes::fuzzing::state),
    ("proc", vitals::fuzzing::process),
    ("secret", texts::secret),
    ("task_command_line", umbilical::fuzzing::command_line),
    // Options and properties of a job.
    ("address", texts::address),
    ("events_target", events::fuzzing::target),
    ("nodes_fields", nodes::fields),
    ("options", texts::options),
    // Input of the data path.
    ("combine", words::combine),
    ("map_words", words::map),
    ("reduce", words::reduce),
];
