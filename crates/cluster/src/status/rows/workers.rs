//! Rows of workers that are both queried and listed: the list lags behind, and a worker that answers may be missing in
//! it.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::super::hdfs::{Datanode, Listed};
use super::super::overview::{Listens, Probed, Worker};
use super::super::row::Row;
use super::super::yarn::Node;
use super::CLOSED;
use heartline_observe::status::{age, bytes};

/// The row of a DataNode; `lists` says whether a list is available.
pub(super) fn datanode(worker: &Worker<Datanode, Listed>, lists: bool) -> Row {
    let mut details = Vec::new();
    let mut state = None;
    if let Some(listed) = &worker.listed {
        state = Some(if listed.live { "live" } else { "dead" });
        if let Some(admin) = listed
            .admin_state
            .as_deref()
            .filter(|it| *it != "In Service")
        {
            details.push(admin.to_lowercase());
        }
        if let Some(contact) = listed.last_contact {
            let ago = humantime::format_duration(Duration::from_secs(contact));
            details.push(format!("last contact {ago} ago"));
        }
        if let (Some(used), Some(capacity)) = (listed.used, listed.capacity) {
            details.push(format!("{} of {} used", bytes(used), bytes(capacity)));
        }
        if let Some(blocks) = listed.blocks {
            details.push(format!("{blocks} blocks"));
        }
    }
    let works = |datanode: &Datanode| {
        let mut states = datanode.actors.values();
        states.any(|state| state == "RUNNING")
    };
    let known = worker.reply.as_ref().and_then(Probed::known);
    let works = known.is_none_or(works);
    if !works {
        details.push("works for no namenode".to_owned());
    }
    let live = worker.listed.as_ref().is_some_and(|listed| listed.live);
    worker_row("datanode", worker, (state, live && works, lists), details)
}

/// The row of a NodeManager; `lists` says whether a list is available.
pub(super) fn nodemanager(worker: &Worker<Listens, Node>, lists: bool, now: DateTime<Utc>) -> Row {
    let mut details = Vec::new();
    if let Some(node) = &worker.listed {
        let report = node.health_report.trim();
        details.push(if report.is_empty() { "healthy" } else { report }.to_owned());
        if let Some(at) = DateTime::from_timestamp_millis(node.last_report_ms) {
            let ago = (now - at)
                .max(TimeDelta::zero())
                .to_std()
                .unwrap_or_default();
            details.push(format!("last report {} ago", age(ago)));
        }
        details.push(format!("{} containers", node.containers));
        let memory = node.used_memory_mb + node.free_memory_mb;
        details.push(format!("{} of {memory} MB taken", node.used_memory_mb));
    }
    let state = worker.listed.as_ref().map(|node| node.state.as_str());
    let well = matches!(state, Some("RUNNING"));
    worker_row("nodemanager", worker, (state, well, lists), details)
}

/// `state` and `well` come from the worker's list entry; `lists` says whether a list is available at all.
fn worker_row<T, L>(
    part: &str,
    worker: &Worker<T, L>,
    (state, well, lists): (Option<&str>, bool, bool),
    mut details: Vec<String>,
) -> Row {
    let problem = worker.reply.as_ref().and_then(Probed::problem);
    let state = match (problem, state) {
        (Some(problem), state) => {
            // The list lags behind: a worker that is gone remains in it for minutes.
            if let Some(state) = state {
                details.insert(0, format!("listed as {state}"));
            }
            if worker.reply.as_ref().is_some_and(Probed::is_closed) {
                details.push(problem.to_owned());
                CLOSED
            } else {
                problem
            }
        }
        (None, Some(state)) => state,
        (None, None) if lists => "not registered",
        (None, None) => {
            details.push("nobody lists it".to_owned());
            "answers"
        }
    };
    if worker.reply.is_none() {
        details.push("not described".to_owned());
    }
    Row::well(part, &worker.host, state, details.join(", ")).judged(well && problem.is_none())
}
