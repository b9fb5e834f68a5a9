//! The parser of a task's commit znode, for the fuzz targets and the tests of the corpus.

use super::rules::{Record, Step, TaskView, judge, recheck};

/// Parses the content, and judges it for an attempt that wants to commit, and for one that has reported its end.
pub fn record(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).into_owned();
    let record = text.parse::<Record>();
    if let Ok(record) = &record {
        let again = record.to_string().parse::<Record>();
        assert_eq!(again.as_ref(), Ok(record), "read as it was written");
    }
    for runner in [None, Some(7), Some(8)] {
        let sight = TaskView {
            task: Some((3, text.clone())),
            runner,
        };
        let step = judge("attempt_1", 7, &sight);
        // Content that cannot be parsed is left to people, whether or not an attempt runs.
        assert_eq!(matches!(step, Step::Foreign(_)), record.is_err());
        if let Ok(record) = &record {
            let _ = recheck(record, 3, &sight);
        }
    }
}
