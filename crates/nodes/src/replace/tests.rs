use std::convert::Infallible;
use std::os::unix::fs::symlink;

use super::super::impersonate::tests::somebody_else;
use super::*;
use crate::left_out::{self, leave_out};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn names(folder: &tempfile::TempDir) -> usize {
    fs::read_dir(folder.path()).expect("a folder").count()
}

fn append(path: &Path, text: &str) {
    let mut file = fs::OpenOptions::new();
    let mut file = file.append(true).create(true).open(path).expect("open");
    file.write_all(text.as_bytes()).expect("written");
}

#[test]
fn mode_and_link_stay() {
    let folder = folder();
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    replace(&file, b"one", NewFile::own(0o600)).expect("written");
    assert_eq!(fs::metadata(&file).expect("there").mode() & 0o7777, 0o600);
    fs::set_permissions(&file, Permissions::from_mode(0o664)).expect("changed");
    symlink("file", &link).expect("linked");
    replace(&link, b"two", NewFile::own(0o600)).expect("written");
    assert_eq!(fs::read(&file).expect("there"), b"two");
    assert_eq!(fs::metadata(&file).expect("there").mode() & 0o7777, 0o664);
    assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
    assert_eq!(names(&folder), 2, "nothing is left beside");
}

#[test]
fn a_link_to_nothing_stays_too() {
    let folder = folder();
    let links = ["a", "b"].map(|name| folder.path().join(name));
    fs::create_dir(folder.path().join("c")).expect("made");
    symlink("b", &links[0]).expect("linked");
    symlink(folder.path().join("c/file"), &links[1]).expect("linked");
    replace(&links[0], b"one", NewFile::own(0o600)).expect("written");
    assert!(
        links
            .iter()
            .all(|link| fs::symlink_metadata(link).expect("there").is_symlink())
    );
    assert_eq!(
        fs::read(folder.path().join("c/file")).expect("made"),
        b"one"
    );
    symlink("round", folder.path().join("round")).expect("linked");
    let round = replace(&folder.path().join("round"), b"", NewFile::own(0o600));
    assert_eq!(
        round.map_err(|why| Errno::from_io_error(&why)),
        Err(Some(Errno::LOOP))
    );
}

#[test]
fn attributes_stay() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "one").expect("written");
    let old = File::open(&path).expect("there");
    // Some filesystems store only root's attributes.
    let attributes = ["user.label", "trusted.label"];
    let set = |name: &&str| fsetxattr(&old, *name, b"kept", XattrFlags::empty()).is_ok();
    let Some(attribute) = attributes.into_iter().find(set) else {
        leave_out!("the temporary folder's file system has no extended attributes");
    };
    replace(&path, b"two", NewFile::own(0o600)).expect("written");
    let mut value = [0; 16];
    let new = File::open(&path).expect("there");
    let length = fgetxattr(&new, attribute, &mut value).expect("kept");
    assert_eq!(&value[..length], b"kept");
    assert_ne!(
        old.metadata().expect("open").ino(),
        new.metadata().expect("open").ino()
    );
}

#[test]
fn what_others_write_meanwhile_is_kept() {
    let folder = folder();
    // The test covers a file that exists, and one that another program creates meanwhile.
    for (name, before) in [("old", Some("a\n")), ("new", None)] {
        let path = folder.path().join(name);
        if let Some(before) = before {
            append(&path, before);
        }
        let mut asked = 0;
        let written = change(&path, NewFile::own(0o644), |file| {
            asked += 1;
            if asked <= 2 {
                append(&path, "other\n");
            }
            Ok::<_, Infallible>(Some([file, b"own\n"].concat()))
        });
        assert!(written.expect("written"));
        assert_eq!(asked, 3, "{name}");
        let now = fs::read_to_string(&path).expect("there");
        let before = before.unwrap_or_default();
        assert_eq!(now, format!("{before}other\nother\nown\n"));
    }
    assert_eq!(names(&folder), 2, "nothing is left beside");
}

#[test]
fn who_always_writes_is_not_waited_for() {
    let folder = folder();
    let path = folder.path().join("file");
    let result = change(&path, NewFile::own(0o644), |_| {
        append(&path, "other\n");
        Ok::<_, Infallible>(Some(b"own\n".to_vec()))
    });
    assert!(matches!(result, Err(ReplaceError::Write(_))), "{result:?}");
    let now = fs::read_to_string(&path).expect("there");
    assert_eq!(now, "other\n".repeat(MOST_TRIES));
}

#[test]
fn two_who_change_one_file_lose_nothing() {
    const EACH: usize = 10;
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "").expect("written");
    let add = |own: &str| {
        for _ in 0..EACH {
            let written = change(&path, NewFile::own(0o644), |file| {
                Ok::<_, Infallible>(Some([file, own.as_bytes()].concat()))
            });
            assert!(written.expect("written"));
        }
    };
    std::thread::scope(|scope| {
        for own in ["a\n", "b\n"] {
            scope.spawn(move || add(own));
        }
    });
    let now = fs::read_to_string(&path).expect("there");
    assert_eq!(now.matches("a\n").count(), EACH);
    assert_eq!(now.matches("b\n").count(), EACH);
}

#[test]
fn a_lock_of_anybody_stops_nobody() {
    let folder = folder();
    let path = folder.path().join("file");
    fs::write(&path, "a\n").expect("written");
    let other = File::open(&path).expect("there");
    flock(&other, FlockOperation::LockExclusive).expect("locked");
    let written = change(&path, NewFile::own(0o644), |_| {
        Ok::<_, Infallible>(Some(b"b\n".to_vec()))
    });
    assert!(written.expect("written"));
    assert_eq!(fs::read(&path).expect("there"), b"b\n");
}

#[test]
fn what_the_killed_left_is_swept() {
    let folder = folder();
    let path = folder.path().join("hosts");
    for (name, is_old) in [
        (".hosts.heartline-17", true),
        (".hosts.heartline-a7Xq", true),
        (".hosts.heartline-new", false),
        (".hosts.mine", true),
        ("hosts", true),
    ] {
        let file = File::create(folder.path().join(name)).expect("made");
        if is_old {
            let then = std::time::SystemTime::now() - LEFT * 2;
            file.set_modified(then).expect("set");
        }
    }
    sweep(&path, Links::OfUsOrRoot).expect("swept");
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("a file").file_name())
        .collect();
    left.sort();
    assert_eq!(left, [".hosts.heartline-new", ".hosts.mine", "hosts"]);
}

#[test]
fn where_no_name_can_be_taken_a_file_of_others_is_written_in_its_place() {
    // Root can write to every folder.
    let (home, account) = match somebody_else() {
        Ok(somebody) => somebody,
        Err(why) => leave_out!("{why}"),
    };
    let path = home.path().join("hosts");
    let tried = account.touch(&path, || {
        fs::write(&path, "a\n")?;
        fs::set_permissions(home.path(), Permissions::from_mode(0o555))?;
        let before = fs::metadata(&path)?.ino();
        let add = |file: &[u8]| Ok::<_, Infallible>(Some([file, b"b\n"].concat()));
        let written = change(&path, NewFile::own(0o600), add)?;
        Ok((written, fs::metadata(&path)?.ino() == before))
    });
    assert_eq!(tried.expect("its own home"), (true, true));
    assert_eq!(fs::read(&path).expect("there"), b"a\nb\n");
}
