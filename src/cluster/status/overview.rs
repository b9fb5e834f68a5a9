//! All that is known of a cluster at one moment, as plain data.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::hdfs::{Datanode, Journal, Listed, Namenode};
use super::kafka::Kafka;
use super::listing::ListedFile;
use super::yarn::{Node, Resourcemanager};
use crate::probe::Silence;
use crate::protocol::event::rfc3339;
use crate::status::GroupSummary;
use crate::zkstats::Facts;

/// Everything.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Overview {
    /// The cluster's name.
    pub(super) cluster: String,
    /// When all was asked.
    #[serde(serialize_with = "rfc3339")]
    pub(super) time: DateTime<Utc>,
    /// How many servers vote, by the description.
    pub(super) voters: usize,
    pub(super) ensemble: Vec<Daemon<Server>>,
    pub(super) namenodes: Vec<Daemon<Namenode>>,
    pub(super) zkfcs: Vec<Daemon<Listens>>,
    pub(super) journalnodes: Vec<Daemon<Journal>>,
    pub(super) datanodes: Vec<Worker<Datanode, Listed>>,
    pub(super) resourcemanagers: Vec<Daemon<Resourcemanager>>,
    pub(super) nodemanagers: Vec<Worker<Listens, Node>>,
    pub(super) brokers: Vec<Daemon<Listens>>,
    /// `None` without a broker in the description.
    pub(super) kafka: Option<Probed<Kafka>>,
    pub(super) heartline: Probed<GroupSummary>,
    /// What lies in HDFS's `/`; `None` without HDFS in the description.
    pub(super) root: Option<Probed<Vec<ListedFile>>>,
}

/// What somebody tells, or why not.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Probed<T> {
    Known(T),
    Unknown { trouble: String },
}

impl<T> Probed<T> {
    /// What has come, or not come, of a question.
    pub(super) fn of(answer: Option<Result<T, Silence>>) -> Self {
        match answer.unwrap_or(Err(Silence::Slow)) {
            Ok(told) => Self::Known(told),
            Err(silence) => Self::unknown(silence.to_string()),
        }
    }

    pub(super) fn unknown(trouble: impl Into<String>) -> Self {
        let trouble = trouble.into();
        Self::Unknown { trouble }
    }

    pub(super) fn known(&self) -> Option<&T> {
        match self {
            Self::Known(told) => Some(told),
            Self::Unknown { .. } => None,
        }
    }

    pub(super) fn trouble(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown { trouble } => Some(trouble),
        }
    }
}

/// One daemon on one host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Daemon<T> {
    pub(super) host: String,
    /// `nn1`, `rm2`, a broker's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    #[serde(flatten)]
    pub(super) told: Probed<T>,
}

/// One that is both asked and listed by who gives it work.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Worker<T, L> {
    /// The host by the description's name, or by that of the list for one that is not described.
    pub(super) host: String,
    /// What it says itself; `None` for one that is not described.
    #[serde(rename = "self")]
    pub(super) told: Option<Probed<T>>,
    /// As it is listed; `None` for one that is not.
    pub(super) listed: Option<L>,
}

/// A server of the ensemble.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Server {
    /// Whether it only observes, by the description.
    pub(super) observes: bool,
    #[serde(flatten)]
    pub(super) facts: Facts,
}

/// One that answers, which is all that there is to know of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Listens {
    pub(super) listens: bool,
}

impl Overview {
    /// Whether the ensemble has one: a leader, or one that stands alone, and most of the voters serve.
    pub(super) fn has_quorum(&self) -> bool {
        let servers = || self.ensemble.iter().filter_map(|part| part.told.known());
        let leads =
            |server: &Server| matches!(server.facts.mode.as_deref(), Some("leader" | "standalone"));
        servers().any(leads) && self.serving_voters() * 2 > self.voters
    }

    /// How many of those that vote serve.
    pub(super) fn serving_voters(&self) -> usize {
        let servers = self.ensemble.iter().filter_map(|part| part.told.known());
        let serving = servers.filter(|server| !server.observes && server.facts.is_serving());
        serving.count()
    }

    /// The `NameNode` that decides.
    pub(super) fn active_namenode(&self) -> Option<&Namenode> {
        let mut known = self.namenodes.iter().filter_map(|part| part.told.known());
        known.find(|namenode| namenode.is_active())
    }
}
