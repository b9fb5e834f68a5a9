//! A file that lines are appended to, each in one write. It may be renamed at any time (as logrotate does): the next
//! line then starts a new file.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::watch::append_whole;
use heartline_process::files::{Links, append_to_any, open};

/// The number of bytes at the end of a file that are searched for the last event.
const TAIL: u64 = 64 * 1024;

/// A file, named by its path; it is opened when the first line is written.
#[derive(Debug)]
pub(super) struct Lines {
    path: PathBuf,
    file: Option<File>,
}

impl Lines {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, file: None }
    }

    /// Appends a line, including its line end. After an error, the file is restored to its previous content if
    /// possible.
    pub(super) fn append(&mut self, line: &[u8]) -> io::Result<()> {
        if !self.stands() {
            self.file = Some(begin(&self.path)?);
        }
        let Some(file) = &mut self.file else {
            return Err(io::ErrorKind::NotFound.into());
        };
        append_whole(file, line)
    }

    /// Whether the open file is still the one at this path.
    fn stands(&self) -> bool {
        let of = |file: Metadata| (file.dev(), file.ino());
        let open = self.file.as_ref().and_then(|file| file.metadata().ok());
        open.is_some() && open.map(of) == fs::metadata(&self.path).ok().map(of)
    }
}

/// Opens the file for appending, at the start of a new line.
fn begin(path: &Path) -> io::Result<File> {
    let mut file = append_to_any(path)?;
    let is_file = file.metadata()?.is_file();
    if is_file && tail(path, 1).is_ok_and(|last| !matches!(last.as_slice(), [] | b"\n")) {
        file.write_all(b"\n")?;
    }
    Ok(file)
}

/// Epoch, sequence and time of the last event in the last lines of a file; `None` if there is none. After a rotation they
/// are in the file that `.1` is appended to the name of.
pub(super) fn last_event(path: &Path) -> Option<(i64, u64, DateTime<Utc>)> {
    let mut rotated = path.as_os_str().to_owned();
    rotated.push(".1");
    last_event_of(path).or_else(|| last_event_of(Path::new(&rotated)))
}

fn last_event_of(path: &Path) -> Option<(i64, u64, DateTime<Utc>)> {
    if !fs::metadata(path).ok()?.is_file() {
        return None;
    }
    last_event_in(&tail(path, TAIL).ok()?)
}

/// Epoch, sequence and time of the last event in the end of a file.
pub(super) fn last_event_in(tail: &[u8]) -> Option<(i64, u64, DateTime<Utc>)> {
    let mut lines = tail.split(|byte| *byte == b'\n').rev();
    lines.find_map(|line| {
        let event: Value = serde_json::from_slice(line).ok()?;
        let time = event["time"].as_str().and_then(|time| time.parse().ok());
        let (epoch, sequence) = (event["epoch"].as_i64()?, event["sequence"].as_u64()?);
        Some((epoch, sequence, time.unwrap_or_default()))
    })
}

fn tail(path: &Path, length: u64) -> io::Result<Vec<u8>> {
    let mut file = open(path, Links::Followed)?;
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(end.saturating_sub(length)))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_renamed_file_is_begun_anew() {
        let folder = TempDir::new().unwrap();
        let (path, old) = (folder.path().join("a"), folder.path().join("a.1"));
        let mut lines = Lines::new(path.clone());
        lines.append(b"1\n").unwrap();
        lines.append(b"2\n").unwrap();
        fs::rename(&path, &old).unwrap();
        lines.append(b"3\n").unwrap();
        fs::remove_file(&path).unwrap();
        lines.append(b"4\n").unwrap();
        assert_eq!(fs::read_to_string(old).unwrap(), "1\n2\n");
        assert_eq!(fs::read_to_string(path).unwrap(), "4\n");
    }

    #[test]
    fn a_torn_line_stays_alone() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "1\n{\"ev").unwrap();
        Lines::new(path.clone()).append(b"2\n").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "1\n{\"ev\n2\n");
    }

    #[test]
    fn the_last_event_is_the_last_with_a_number() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a");
        assert_eq!(last_event(&path), None);
        let place = || last_event(&path).map(|(epoch, sequence, _)| (epoch, sequence));
        let first = r#"{"event":"joined","epoch":9,"sequence":1}"#;
        let second = r#"{"event":"died","epoch":9,"sequence":2}"#;
        let other = r#"{"event":"connected","epoch":null}"#;
        let text = format!("{first}\n{second}\n{other}\n{{\"epo");
        fs::write(&path, &text).unwrap();
        assert_eq!(place(), Some((9, 2)));
        // The length of an earlier line does not matter.
        fs::write(&path, format!("{}\n{text}", "x".repeat(200_000))).unwrap();
        assert_eq!(place(), Some((9, 2)));
        // Events that are reported as lost are in the past.
        let lost =
            r#"{"time":"2020-12-29T11:18:39.5Z","event":"lost","epoch":9,"sequence":7,"count":5}"#;
        fs::write(&path, format!("{text}\n{lost}\n")).unwrap();
        let time = "2020-12-29T11:18:39.5Z".parse().unwrap();
        assert_eq!(last_event(&path), Some((9, 7, time)));
        fs::rename(&path, folder.path().join("a.1")).unwrap();
        assert_eq!(last_event(&path), Some((9, 7, time)));
        fs::write(&path, format!("{second}\n")).unwrap();
        assert_eq!(place(), Some((9, 2)));
        fs::remove_file(folder.path().join("a.1")).unwrap();
        fs::write(&path, "no event\n").unwrap();
        assert_eq!(last_event(&path), None);
        assert_eq!(last_event(Path::new("/dev/null")), None);
    }

    #[test]
    fn a_named_pipe_is_written_to_as_long_as_somebody_reads_it() {
        use rustix::fs::{CWD, FileType, OFlags, mknodat, open};
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a");
        mknodat(CWD, &path, FileType::Fifo, 0o600.into(), 0).unwrap();
        assert_eq!(last_event(&path), None);
        let mut lines = Lines::new(path.clone());
        let why = lines.append(b"1\n").unwrap_err().to_string();
        assert!(why.contains("without a reader"), "{why}");
        let how = OFlags::RDONLY | OFlags::NONBLOCK;
        let mut reader = File::from(open(&path, how, 0.into()).unwrap());
        lines.append(b"2\n").unwrap();
        let mut read = [0; 8];
        assert_eq!(reader.read(&mut read).unwrap(), 2);
        drop(reader);
        assert!(lines.append(b"3\n").is_err());
    }

    #[test]
    fn a_full_disk_is_an_error_and_no_end() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("a");
        std::os::unix::fs::symlink("/dev/full", &path).unwrap();
        let mut lines = Lines::new(path.clone());
        let full = lines.append(b"1\n").unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::StorageFull);
        fs::remove_file(&path).unwrap();
        lines.append(b"1\n").unwrap();
        assert_eq!(fs::read_to_string(path).unwrap(), "1\n");
    }
}
