//! The state of a cluster at one moment, as plain data.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::hdfs::{Datanode, Journal, Listed, Namenode};
use super::kafka::Kafka;
use super::listing::ListedFile;
use super::yarn::{Node, Resourcemanager};
use heartline_core::protocol::rfc3339;
use heartline_observe::probe::Silence;
use heartline_observe::status::GroupSummary;
use heartline_observe::zkstats::Facts;

/// The whole state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Overview {
    /// The cluster's name.
    pub(super) cluster: String,
    /// When all parts were queried.
    #[serde(serialize_with = "rfc3339")]
    pub(super) time: DateTime<Utc>,
    /// The number of voting servers in the description.
    pub(super) voters: usize,
    /// Why a secure cluster was asked without a ticket; `None` with one, and where none is needed.
    pub(super) no_ticket: Option<String>,
    /// The KDC, in a secure cluster.
    pub(super) kdcs: Vec<Daemon<Listens>>,
    pub(super) ensemble: Vec<Daemon<Server>>,
    pub(super) namenodes: Vec<Daemon<Namenode>>,
    pub(super) zkfcs: Vec<Daemon<Listens>>,
    pub(super) journalnodes: Vec<Daemon<Journal>>,
    pub(super) datanodes: Vec<Worker<Datanode, Listed>>,
    pub(super) resourcemanagers: Vec<Daemon<Resourcemanager>>,
    pub(super) nodemanagers: Vec<Worker<Listens, Node>>,
    pub(super) brokers: Vec<Daemon<Listens>>,
    /// The state of Kafka; `None` without a broker in the description.
    pub(super) kafka: Option<Probed<Kafka>>,
    pub(super) heartline: Probed<GroupSummary>,
    /// The files in HDFS's `/`; `None` without HDFS in the description, and where there is no ticket for `WebHDFS`.
    pub(super) root: Option<Probed<Vec<ListedFile>>>,
}

/// The answer of a part, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Probed<T> {
    Known(T),
    Unknown {
        #[serde(rename = "trouble")]
        problem: String,
        /// Whether it answers, and tells only somebody with a ticket.
        #[serde(skip)]
        is_closed: bool,
    },
}

impl<T> Probed<T> {
    /// Converts the answer to a query, or its absence.
    pub(super) fn of(answer: Option<Result<T, Silence>>) -> Self {
        match answer.unwrap_or(Err(Silence::Slow)) {
            Ok(reply) => Self::Known(reply),
            Err(silence) => Self::Unknown {
                problem: silence.to_string(),
                is_closed: matches!(silence, Silence::Closed(_)),
            },
        }
    }

    pub(super) fn unknown(problem: impl Into<String>) -> Self {
        Self::Unknown {
            problem: problem.into(),
            is_closed: false,
        }
    }

    pub(super) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(reply) => Some(reply),
            Self::Unknown { .. } => None,
        }
    }

    pub(super) fn problem(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown { problem, .. } => Some(problem),
        }
    }

    /// Whether it answers, and tells only somebody with a ticket.
    pub(super) fn is_closed(&self) -> bool {
        matches!(
            self,
            Self::Unknown {
                is_closed: true,
                ..
            }
        )
    }
}

/// One daemon on one host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Daemon<T> {
    pub(super) host: String,
    /// The id of the daemon: `nn1`, `rm2`, a broker's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(flatten)]
    pub(super) reply: Probed<T>,
}

/// A worker that is both queried itself and listed by the daemon that gives it work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Worker<T, L> {
    /// The host's name in the description; for a worker that is not described, its name in the list.
    pub(super) host: String,
    /// The worker's own answer; `None` for a worker that is not described.
    #[serde(rename = "self")]
    pub(super) reply: Option<Probed<T>>,
    /// The worker's list entry; `None` if it is not listed.
    pub(super) listed: Option<L>,
}

/// A server of the ensemble.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Server {
    /// Whether it is an observer in the description.
    pub(super) observes: bool,
    #[serde(flatten)]
    pub(super) facts: Facts,
}

/// The state of a daemon that only shows whether it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Listens {
    pub(super) listens: bool,
}

impl Overview {
    /// Whether the ensemble has a quorum: a leader or a standalone server exists, and most of the voters serve.
    pub(super) fn has_quorum(&self) -> bool {
        let servers = || self.ensemble.iter().filter_map(|part| part.reply.known());
        let leads =
            |server: &Server| matches!(server.facts.mode.as_deref(), Some("leader" | "standalone"));
        servers().any(leads) && self.serving_voters() * 2 > self.voters
    }

    /// The number of voters that serve.
    pub(super) fn serving_voters(&self) -> usize {
        let servers = self.ensemble.iter().filter_map(|part| part.reply.known());
        let serving = servers.filter(|server| !server.observes && server.facts.is_serving());
        serving.count()
    }

    /// The active NameNode.
    pub(super) fn active_namenode(&self) -> Option<&Namenode> {
        let mut known = self.namenodes.iter().filter_map(|part| part.reply.known());
        known.find(|namenode| namenode.is_active())
    }
}
