//! Parsers of `/proc`, for the fuzz targets and the tests of the corpus: a process may have any name, and a file of
//! `/proc` may come from a later kernel.

use super::proc::Stat;
use super::syscall::Call;
use super::waits::watched;

/// Parses the bytes as `/proc/PID/stat`, `/proc/PID/syscall` and lines of `/proc/PID/fdinfo`.
pub fn process(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(stat) = Stat::parse(&text) {
        assert!(text.contains(&stat.name), "the name is in it");
        let _ = (stat.has_ended(), stat.is_stopped());
    }
    if let Some(call) = Call::parse(&text) {
        let _ = call.wait();
    }
    for line in text.lines() {
        let _ = watched(line);
    }
}
