//! The parser of a file that `heartline events` continues, for the fuzz targets and the tests of the corpus.

use super::file::last_event_in;
use super::partition::partition;
use super::target::Target;

/// Searches for the last event at the end of a file.
pub fn last_event(bytes: &[u8]) {
    let found = last_event_in(bytes);
    // Earlier content, even an incomplete line, changes nothing.
    let longer = [b"cut off\"}\n", bytes].concat();
    assert_eq!(last_event_in(&longer), found);
}

/// Parses the target of events, and chooses a partition for the key.
pub fn target(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Ok(target) = text.parse::<Target>() {
        let again = target.to_string().parse::<Target>();
        if matches!(target, Target::Kafka(_)) {
            assert_eq!(again, Ok(target), "read as it is shown");
        }
    }
    for partitions in [0, 1, 7] {
        assert!(partition(Some(&text), partitions) < partitions.max(1));
    }
}
