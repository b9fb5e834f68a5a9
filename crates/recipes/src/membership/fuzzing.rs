//! The content of a group's znodes, turned into events, for the fuzz targets and the tests of the corpus.

use chrono::DateTime;

use super::event::{GroupEvent, GroupEventKind};
use super::roster::{Worker, WorkerRoster};

/// Takes each line as the name and value of a worker's znode, and reports all workers that joined or left.
pub fn workers(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut roster = WorkerRoster::default();
    let mut known = Vec::new();
    for (line, created) in text.split('\n').zip(1..) {
        let (node, address) = line.split_once('\t').unwrap_or((line, ""));
        known.push(Worker {
            node: node.to_owned(),
            address: address.to_owned(),
            created: created / 2,
        });
        // The shorter list makes some workers leave again.
        let now = known.iter().rev().take(3).cloned().collect();
        for (_, workers) in roster.update(now) {
            let mut event =
                GroupEvent::new(DateTime::default(), GroupEventKind::Backup, node, address);
            event.active = Some(address.to_owned());
            event.workers = Some(workers);
            let line = event.line();
            let whole = line.strip_suffix('\n').unwrap_or_default();
            assert!(!whole.contains('\n'), "one line: {line:?}");
            let json = serde_json::from_str::<serde_json::Value>(whole);
            assert!(json.is_ok_and(|json| json["node"] == *node), "{line:?}");
        }
    }
}
