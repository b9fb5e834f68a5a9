//! The reader of recordings, for the fuzz targets and the tests of the corpus.

use std::io::Write;

use serde_json::Value;

use crate::recording::JobRecording;

/// Opens a recording and reads all of it.
pub fn recording(bytes: &[u8]) {
    let Ok(mut file) = tempfile::tempfile() else {
        return;
    };
    if file.write_all(bytes).is_err() {
        return;
    }
    let Ok(recording) = JobRecording::of(file) else {
        return;
    };
    for (job, _) in recording.namespaces().enumerate() {
        let about = recording.about(job).unwrap_or_default();
        let about: Value = serde_json::from_str(&about).expect("JSON, whatever the file says");
        assert!(about["blocks"].is_array() && about["events"].is_array());
        for block in 0..recording.blocks(job).unwrap_or_default() {
            assert!(recording.text(job, block).is_some());
        }
    }
}
