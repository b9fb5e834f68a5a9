//! What may be in a file's place, tested with real files.

use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, mknodat};
use tempfile::TempDir;

use super::*;
use crate::left_out::{self, leave_out};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, 0o666.into(), 0).expect("a pipe");
}

/// Everything that is not a regular file, with the name of its kind.
fn others(folder: &TempDir) -> Vec<(PathBuf, &'static str)> {
    let at = |name: &str| folder.path().join(name);
    fifo(&at("fifo"));
    fs::create_dir(at("folder")).expect("made");
    let _ = UnixListener::bind(at("socket")).expect("a socket");
    symlink("/dev/zero", at("zero")).expect("linked");
    symlink("fifo", at("link")).expect("linked");
    vec![
        (at("fifo"), "a named pipe"),
        (at("folder"), "a directory"),
        (at("socket"), "a socket"),
        (at("zero"), "a device"),
        (at("link"), "a named pipe"),
        ("/dev/null".into(), "a device"),
    ]
}

#[test]
fn only_regular_files_are_opened() {
    let folder = folder();
    for (path, kind) in others(&folder) {
        for links in [Links::Followed, Links::OfUsOrRoot] {
            for open in [open, append, create, overwrite] {
                let why = open(&path, links).expect_err("no regular file");
                assert_eq!(
                    UnfitFile::of(&why),
                    Some(&UnfitFile::Kind(kind)),
                    "{}: {why}",
                    path.display()
                );
            }
        }
        let why = read_named(&path, SMALL).expect_err("no regular file");
        assert!(why.to_string().contains(kind), "{why}");
        read_record(&path, SMALL).expect_err("no regular file");
    }
}

#[test]
fn a_limit_is_kept_whatever_length_a_file_claims() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "12345").expect("written");
    assert_eq!(read(&path, Links::Refused, 5).expect("read"), b"12345");
    let why = read(&path, Links::Refused, 4).expect_err("too large");
    assert_eq!(UnfitFile::of(&why), Some(&UnfitFile::TooLarge(4)));
    assert_eq!(beginning(&path, 2).expect("read"), b"12");
    // A sparse file, and one that claims to be empty.
    File::create(&path)
        .and_then(|file| file.set_len(1 << 40))
        .expect("made");
    let why = read_named(&path, SMALL).expect_err("too large");
    assert!(why.to_string().contains("larger than 1.0 MiB"), "{why}");
    let why = read(Path::new("/proc/self/smaps"), Links::Refused, 100).expect_err("too large");
    assert_eq!(UnfitFile::of(&why), Some(&UnfitFile::TooLarge(100)));
}

#[test]
fn links_are_followed_where_they_may_be() {
    let folder = folder();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "text").expect("written");
    symlink("file", &link).expect("linked");
    let read = |links| read_text(&link, links, SMALL);
    assert_eq!(read(Links::Followed).expect("read"), "text");
    assert_eq!(read(Links::OfUsOrRoot).expect("read"), "text");
    let why = read(Links::Refused).expect_err("a link");
    assert_eq!(UnfitFile::of(&why), Some(&UnfitFile::Link));
    let why = read_record(&link, SMALL).expect_err("a link");
    assert_eq!(UnfitFile::of(&why), Some(&UnfitFile::Link));
    append(&link, Links::Refused).expect_err("a link");
    // A dangling link: the file itself is created, not something in the link's place.
    fs::remove_file(&file).expect("there");
    create(&link, Links::OfUsOrRoot).expect("made");
    assert!(file.is_file());
    symlink("round", folder.path().join("round")).expect("linked");
    followed(&folder.path().join("round"), Links::OfUsOrRoot).expect_err("it has no end");
}

#[test]
fn a_link_of_another_user_is_followed_only_by_name() {
    let folder = folder();
    let link = folder.path().join("link");
    fs::write(folder.path().join("file"), "text").expect("written");
    symlink("file", &link).expect("linked");
    if let Err(why) = std::os::unix::fs::lchown(&link, Some(65534), None) {
        leave_out!("needs root, to give a link away: {why}");
    }
    let of_another = Some(UnfitFile::LinkOfAnother(65534));
    let why = read(&link, Links::OfUsOrRoot, SMALL).expect_err("of another user");
    assert_eq!(UnfitFile::of(&why), of_another.as_ref());
    let why = append_to_any(&link).expect_err("of another user");
    assert_eq!(UnfitFile::of(&why), of_another.as_ref());
    read(&link, Links::Followed, SMALL).expect("named by this user");
}

#[test]
fn a_pipe_of_this_program_is_read_to_its_end() {
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let writing = std::thread::spawn(move || {
        writer.write_all(b"one ").expect("written");
        std::thread::sleep(std::time::Duration::from_millis(50));
        writer.write_all(b"two").expect("written");
    });
    for place in ["/dev/fd", "/proc/self/fd"] {
        let path = Path::new(place).join(reader.as_raw_fd().to_string());
        let expected = if place == "/dev/fd" { "one two" } else { "" };
        let named = read_named(&path, SMALL).expect("read");
        assert_eq!(named.about.permissions().mode() & 0o077, 0);
        assert_eq!(named.text().expect("text"), expected);
    }
    writing.join().expect("written");
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    writer.write_all(b"12345").expect("written");
    let path = format!("/dev/fd/{}", reader.as_raw_fd());
    let why = read_named(Path::new(&path), 4).expect_err("too much");
    assert_eq!(UnfitFile::of(&why), Some(&UnfitFile::TooLarge(4)));
}

#[test]
fn what_this_program_was_started_with_is_written_to() {
    use std::io::Read;
    let (mut reader, writer) = std::io::pipe().expect("a pipe");
    let path = format!("/dev/fd/{}", writer.as_raw_fd());
    let mut file = append_to_any(Path::new(&path)).expect("open");
    file.write_all(b"text").expect("written");
    let mut read = [0; 4];
    reader.read_exact(&mut read).expect("read");
    assert_eq!(&read, b"text");
    append_to_any(Path::new("/dev/null")).expect("a device");
}

#[test]
fn a_record_that_others_may_write_is_not_believed() {
    let folder = folder();
    let path = folder.path().join("record");
    fs::write(&path, "7").expect("written");
    let mode = |mode| fs::set_permissions(&path, Permissions::from_mode(mode)).expect("changed");
    mode(0o644);
    assert_eq!(read_record(&path, SMALL).expect("read"), "7");
    mode(0o666);
    let why = read_record(&path, SMALL).expect_err("others may write");
    assert_eq!(UnfitFile::of(&why), Some(&UnfitFile::Writable(0o666)));
    assert!(why.to_string().contains("chmod go-w"), "{why}");
}
