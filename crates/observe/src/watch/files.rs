//! A file for each follower. There may be more followers than files that a process may open: only those written
//! last stay open. A problem with one file affects only that file, and is reported once.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sha2::{Digest, Sha256};

use super::complaints::Complaints;
use heartline_core::text::{self, is_steering};
use heartline_process::files::{Links, append};

/// The most files open at the same time.
const MOST_OPEN: usize = 4096;
/// Descriptors left for everything else.
const OTHERS: usize = 64;
/// The longest name that common file systems accept, in bytes.
const LONGEST_NAME: usize = 255;
/// How much of a name the file's name keeps when it cannot keep all, in bytes.
const KEPT: usize = 160;
/// Precedes the digest in the file name of a follower whose own name cannot be used.
const MARK: &str = "~sha256-";

/// The files of all followers.
#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    most: usize,
    open: HashMap<String, Open>,
    /// Names of the followers whose files are open, by last use.
    order: BTreeMap<u64, String>,
    uses: u64,
    /// Names of the followers whose files this process has begun.
    begun: BTreeSet<String>,
    /// The number of lines missing at the end of each follower's file.
    missing: BTreeMap<String, u64>,
}

#[derive(Debug)]
struct Open {
    file: File,
    used: u64,
}

impl Files {
    /// The files in this folder.
    pub(super) fn of(folder: &Path) -> Self {
        Self::with_most(folder, most_open())
    }

    fn with_most(folder: &Path, most: usize) -> Self {
        Self {
            folder: folder.to_owned(),
            most,
            open: HashMap::new(),
            order: BTreeMap::new(),
            uses: 0,
            begun: BTreeSet::new(),
            missing: BTreeMap::new(),
        }
    }

    /// Appends a line to a follower's file; the first line begins a new one. If that fails, the line is counted, and
    /// the number of missing lines is written before the next line.
    pub(super) fn write(&mut self, node: &str, line: &str, complaints: &mut Complaints) {
        let missing = self.missing.get(node).copied();
        let text = match missing {
            Some(1) => Cow::Owned(format!("1 line is missing here\n{line}")),
            Some(count) => Cow::Owned(format!("{count} lines are missing here\n{line}")),
            None => Cow::Borrowed(line),
        };
        match self.append(node, &text) {
            Ok(()) if missing.is_some() => {
                self.missing.remove(node);
                if self.missing.is_empty() {
                    let folder = self.folder.display();
                    complaints.say(format_args!("all files in {folder} can be written again"));
                    for about in [
                        about(ErrorKind::StorageFull),
                        about(ErrorKind::QuotaExceeded),
                    ] {
                        complaints.well(&about);
                    }
                }
                complaints.well(&self.path(node).display().to_string());
            }
            Ok(()) => {}
            Err(error) => {
                self.close(node);
                *self.missing.entry(node.to_owned()).or_default() += 1;
                let path = self.path(node).display().to_string();
                // A full disk affects all files at once.
                let about = match error.kind() {
                    kind @ (ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => about(kind),
                    _ => path.clone(),
                };
                complaints.once(
                    &about,
                    format_args!("cannot write {path}: {error}; lines are left out until it can be written, and counted there"),
                );
            }
        }
    }

    /// Forgets a follower that is gone: if it returns, its file begins anew.
    pub(super) fn forget(&mut self, node: &str) {
        self.close(node);
        self.begun.remove(node);
        self.missing.remove(node);
    }

    /// The follower is gone: its file is not needed for now.
    pub(super) fn close(&mut self, node: &str) {
        if let Some(open) = self.open.remove(node) {
            self.order.remove(&open.used);
        }
    }

    /// Reports a follower whose name cannot be the name of its file.
    pub(super) fn announce(node: &str, complaints: &mut Complaints) {
        let name = file_name(node);
        if name != plain_name(node) {
            complaints.once(
                &name,
                format_args!(
                    "the name of follower {node} cannot be a file name: its beats are written to {name}"
                ),
            );
        }
    }

    fn append(&mut self, node: &str, text: &str) -> io::Result<()> {
        self.uses += 1;
        let used = self.uses;
        if let Some(open) = self.open.get_mut(node) {
            self.order.remove(&open.used);
            open.used = used;
            self.order.insert(used, node.to_owned());
            return append_whole(&mut open.file, text.as_bytes());
        }
        self.shrink_to(self.most.saturating_sub(1));
        let path = self.path(node);
        let mut file = match append(&path, Links::Refused) {
            Err(error) if is_out_of_descriptors(&error) => {
                self.most = (self.open.len() / 2).max(1);
                self.shrink_to(self.most - 1);
                append(&path, Links::Refused)?
            }
            opened => opened?,
        };
        if self.begun.contains(node) {
            append_whole(&mut file, text.as_bytes())?;
        } else {
            file.set_len(0)?;
            let name = text::line(node);
            let head = format!("this is follower node {name}\nzookeeper: CONNECTED\n{text}");
            append_whole(&mut file, head.as_bytes())?;
            self.begun.insert(node.to_owned());
        }
        self.order.insert(used, node.to_owned());
        self.open.insert(node.to_owned(), Open { file, used });
        Ok(())
    }

    /// Closes the files that were not used for the longest time.
    fn shrink_to(&mut self, count: usize) {
        while self.open.len() > count {
            let Some((_, node)) = self.order.pop_first() else {
                return;
            };
            self.open.remove(&node);
        }
    }

    fn path(&self, node: &str) -> PathBuf {
        self.folder.join(file_name(node))
    }
}

fn about(kind: ErrorKind) -> String {
    format!("every file: {kind}")
}

fn plain_name(node: &str) -> String {
    format!("follower_{node}.txt")
}

/// The name of a follower's file, different for each follower. A name that is too long for a file, or that would
/// control a terminal on which the folder is listed, is shortened and made unique by a digest.
fn file_name(node: &str) -> String {
    let name = plain_name(node);
    let is_odd = |c: char| c == '/' || c == char::REPLACEMENT_CHARACTER || is_steering(c);
    if name.len() <= LONGEST_NAME && !node.contains(MARK) && !node.chars().any(is_odd) {
        return name;
    }
    let mut short = String::new();
    for c in node.chars() {
        if short.len() + c.len_utf8() > KEPT {
            break;
        }
        short.push(if is_odd(c) { '_' } else { c });
    }
    let digest = text::hex(&Sha256::digest(node.as_bytes())[..8]);
    format!("follower_{short}{MARK}{digest}.txt")
}

/// Appends a whole text in one write, or nothing: a part of a line is useless. What another program has appended
/// meanwhile stays.
pub(crate) fn append_whole(file: &mut File, text: &[u8]) -> io::Result<()> {
    let before = file.metadata()?.len();
    let written = file.write(text)?;
    if written == text.len() {
        return Ok(());
    }
    if file.metadata()?.len() == before + written as u64 {
        file.set_len(before)?;
    }
    Err(ErrorKind::StorageFull.into())
}

fn is_out_of_descriptors(error: &io::Error) -> bool {
    let errno = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|out| errno == Some(out.raw_os_error()))
}

/// How many files may be open, after the limit has been raised as far as useful.
fn most_open() -> usize {
    let wanted = (MOST_OPEN + OTHERS) as u64;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let enough = maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let mut limit = current.unwrap_or(u64::MAX);
    if limit < enough {
        let raised = Rlimit {
            current: Some(enough),
            maximum,
        };
        if setrlimit(Resource::Nofile, raised).is_ok() {
            limit = enough;
        }
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    (limit - OTHERS.min(limit / 2)).clamp(1, MOST_OPEN)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tempfile::TempDir;

    use super::*;

    fn quiet() -> Complaints {
        Complaints::new(None)
    }

    #[test]
    fn more_files_than_may_be_open_are_written() {
        let folder = TempDir::new().unwrap();
        let mut files = Files::with_most(folder.path(), 3);
        for round in 0..3 {
            for node in 0..10 {
                files.write(&format!("map{node}"), &format!("{round}\n"), &mut quiet());
                assert!(files.open.len() <= 3 && files.open.len() == files.order.len());
            }
        }
        for node in 0..10 {
            let text = fs::read_to_string(folder.path().join(format!("follower_map{node}.txt")));
            let head = format!("this is follower node map{node}\nzookeeper: CONNECTED\n");
            assert_eq!(text.unwrap(), head + "0\n1\n2\n");
        }
        files.close("map9");
        assert_eq!((files.open.len(), files.order.len()), (2, 2));
    }

    #[test]
    fn every_name_has_a_file_of_its_own() {
        let long = "x".repeat(250);
        let names = [
            "map1.5",
            "a b",
            "..",
            &long,
            &format!("{long}y"),
            "a\u{1b}b",
            "a_b",
            "a\u{202e}b",
            "a\u{fffd}b",
            "a/b",
            &"\u{e4}".repeat(200),
        ];
        let mut files: Vec<String> = names.iter().map(|name| file_name(name)).collect();
        assert_eq!(files[0], "follower_map1.5.txt");
        // A follower whose real name equals such a generated file name.
        let taken = files[3].strip_prefix("follower_").unwrap();
        files.push(file_name(taken.strip_suffix(".txt").unwrap()));
        for file in &files {
            assert!(file.len() <= LONGEST_NAME && !file.contains('/'), "{file}");
            assert!(!file.chars().any(is_steering), "{file:?}");
        }
        let different: BTreeSet<&String> = files.iter().collect();
        assert_eq!(different.len(), files.len(), "{files:#?}");
    }

    #[test]
    fn what_others_have_put_there_is_not_followed() {
        let folder = TempDir::new().unwrap();
        let victim = folder.path().join("victim");
        fs::write(&victim, "precious").unwrap();
        let at = |node: &str| folder.path().join(plain_name(node));
        std::os::unix::fs::symlink(&victim, at("link")).unwrap();
        let pipe = std::process::Command::new("mkfifo")
            .arg(at("pipe"))
            .status();
        assert!(pipe.unwrap().success());
        fs::create_dir(at("folder")).unwrap();
        let mut files = Files::with_most(folder.path(), 3);
        for node in ["link", "pipe", "folder", "file"] {
            files.write(node, "line\n", &mut quiet());
        }
        assert_eq!(fs::read_to_string(&victim).unwrap(), "precious");
        assert_eq!(files.missing.len(), 3);
        assert!(fs::read_to_string(at("file")).unwrap().ends_with("line\n"));
        // Once the file can be written, the missing lines are counted in it.
        fs::remove_file(at("link")).unwrap();
        files.write("link", "line\n", &mut quiet());
        let text = fs::read_to_string(at("link")).unwrap();
        assert!(text.ends_with("\n1 line is missing here\nline\n"), "{text}");
    }

    #[test]
    fn a_part_of_a_line_is_no_line() {
        let mut full = File::options().append(true).open("/dev/full").unwrap();
        let error = append_whole(&mut full, b"line\n").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StorageFull);
    }
}
