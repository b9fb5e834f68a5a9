//! The files in HDFS's `/`, printed like `fs -ls /`. Pure.

use chrono::{Local, TimeZone};
use serde::Serialize;

/// The maximum width of the owner and group columns.
const WIDEST: usize = 64;

/// A file or a folder.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct ListedFile {
    /// The full path.
    pub(super) path: String,
    /// Whether it is a folder.
    pub(super) folder: bool,
    /// The permissions: `rwxr-xr-x`.
    pub(super) permission: String,
    /// The intended number of replicas of a file's blocks.
    pub(super) replication: Option<u32>,
    /// The owner.
    pub(super) owner: String,
    /// The group.
    pub(super) group: String,
    /// The size in bytes.
    pub(super) length: u64,
    /// The time of the last change, in milliseconds since 1970.
    pub(super) modified_ms: i64,
}

/// Formats permission bits as `rwxr-xr-x`; the last letter is `t` for a sticky folder, in which only owners may remove
/// their files.
pub(super) fn permission(bits: u16) -> String {
    let mut text: String = (0..9)
        .map(|place| {
            let is_set = bits & (0o400 >> place) != 0;
            if is_set {
                ['r', 'w', 'x'][place % 3]
            } else {
                '-'
            }
        })
        .collect();
    if bits & 0o1000 != 0 {
        let executes = text.pop() == Some('x');
        text.push(if executes { 't' } else { 'T' });
    }
    text
}

/// The lines of `fs -ls`, without the mark of access control lists.
pub(super) fn lines(entries: &[ListedFile]) -> Vec<String> {
    if entries.is_empty() {
        return Vec::new();
    }
    let widest = |name: fn(&ListedFile) -> &str| {
        let widths = entries.iter().map(|entry| name(entry).chars().count());
        // The width is limited to what fits on a line; Rust itself accepts no width above 65,535.
        widths.max().unwrap_or_default().min(WIDEST)
    };
    let owners = widest(|entry| &entry.owner);
    let groups = widest(|entry| &entry.group);
    let line = |entry: &ListedFile| {
        let kind = if entry.folder { 'd' } else { '-' };
        let replication = entry
            .replication
            .map_or_else(|| "-".to_owned(), |it| it.to_string());
        let modified = Local.timestamp_millis_opt(entry.modified_ms).single();
        let modified = modified.map(|at| at.format("%Y-%m-%d %H:%M").to_string());
        format!(
            "{kind}{} {replication:>3} {:<owners$} {:<groups$} {:>10} {} {}",
            entry.permission,
            entry.owner,
            entry.group,
            entry.length,
            modified.unwrap_or_default(),
            entry.path,
        )
    };
    let head = format!("Found {} items", entries.len());
    std::iter::once(head)
        .chain(entries.iter().map(line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_are_letters() {
        assert_eq!(permission(0o755), "rwxr-xr-x");
        assert_eq!(permission(0o1777), "rwxrwxrwt");
        assert_eq!(permission(0o1640), "rw-r----T");
    }

    #[test]
    fn lines_are_those_of_hadoop() {
        let modified = Local.with_ymd_and_hms(2026, 11, 21, 20, 29, 30).unwrap();
        let folder = ListedFile {
            path: "/user".to_owned(),
            folder: true,
            permission: "rwxr-xr-x".to_owned(),
            owner: "root".to_owned(),
            group: "supergroup".to_owned(),
            modified_ms: modified.timestamp_millis(),
            ..ListedFile::default()
        };
        let file = ListedFile {
            path: "/words.txt".to_owned(),
            folder: false,
            permission: "rw-r--r--".to_owned(),
            replication: Some(3),
            length: 11_357,
            owner: "hd".to_owned(),
            ..folder.clone()
        };
        assert_eq!(
            lines(&[folder, file]),
            [
                "Found 2 items",
                "drwxr-xr-x   - root supergroup          0 2026-11-21 20:29 /user",
                "-rw-r--r--   3 hd   supergroup      11357 2026-11-21 20:29 /words.txt",
            ]
        );
        assert!(lines(&[]).is_empty());
    }
}
