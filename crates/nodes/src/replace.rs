//! Replaces a file in one step: a reader sees the old or the new content, also after a power failure. Owner, mode and
//! extended attributes (such as the `SELinux` label) are preserved.
//!
//! A file that other programs write too is *changed*: their concurrent writes are not lost. A file whose name cannot be
//! replaced, such as the mounted `/etc/hosts` of a container, is written in place.

use std::ffi::{CString, OsString};
use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write as _};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use rustix::fs::{
    CWD, FlockOperation, Mode, OFlags, XattrFlags, fgetxattr, flistxattr, flock, fsetxattr, openat,
};
use rustix::io::Errno;
use tempfile::NamedTempFile;
use thiserror::Error;

use heartline_process::files::{self, Links, followed};

mod in_place;

/// The maximum size in bytes of a list of attribute names, or of one value; filesystems accept no more.
const LONGEST_ATTRIBUTE: usize = 64 << 10;
/// The maximum size in bytes of a file that is changed. The server's longest message makes a block of half that size.
const LARGEST: u64 = 32 << 20;
/// How many times a change may start again because other programs wrote meanwhile.
const MOST_TRIES: usize = 50;
/// How many times the lock is tried while another agent holds it. Anyone who can read a file can lock it, so the wait
/// is bounded.
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// A temporary file of this age was left by a process that was killed.
const LEFT: Duration = Duration::from_secs(60);

/// The properties of a file that did not exist before.
#[derive(Clone, Copy, Debug)]
pub struct NewFile {
    /// The file's mode.
    pub mode: u32,
    /// User and group id, if they differ from those of this process.
    pub owner: Option<(u32, u32)>,
    /// Which symbolic links in place of the file are followed.
    pub links: Links,
}

impl NewFile {
    /// A file of this process. Links made by its user or by root are followed, and no others.
    pub fn own(mode: u32) -> Self {
        Self {
            mode,
            owner: None,
            links: Links::OfUsOrRoot,
        }
    }
}

/// Why a file was not changed.
#[derive(Debug, Error)]
pub enum ReplaceError<E> {
    /// The file cannot be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// The file's content cannot be parsed.
    #[error("it is not understood")]
    Made(#[source] E),
    /// The file cannot be written.
    #[error("it cannot be written")]
    Write(#[source] io::Error),
}

/// Writes `bytes` to `path`, completely or not at all.
pub fn replace(path: &Path, bytes: &[u8], fresh: NewFile) -> io::Result<()> {
    let path = followed(path, fresh.links)?;
    let old = found(&path)?;
    let beside = beside(&path, old.as_ref(), bytes, fresh)?;
    beside.persist(&path)?;
    sync_folder(&path)
}

/// Changes the file at `path` to the bytes that `make` derives from its current bytes (empty if it does not exist);
/// `make` returns `None` if the file is already right, and is called again if other programs change the file meanwhile.
/// Returns whether the file was written.
pub fn change<E>(
    path: &Path,
    fresh: NewFile,
    mut make: impl FnMut(&[u8]) -> Result<Option<Vec<u8>>, E>,
) -> Result<bool, ReplaceError<E>> {
    for _ in 0..MOST_TRIES {
        let path = followed(path, fresh.links).map_err(ReplaceError::Read)?;
        let old = Old::read(&path).map_err(ReplaceError::Read)?;
        if let Some(old) = &old {
            old.lock();
        }
        let before = old.as_ref().map_or(&[][..], |old| &old.bytes);
        let Some(bytes) = make(before).map_err(ReplaceError::Made)? else {
            return Ok(false);
        };
        if exchange(&path, old.as_ref(), &bytes, fresh).map_err(ReplaceError::Write)? {
            return Ok(true);
        }
    }
    Err(ReplaceError::Write(io::Error::other(
        "another program keeps changing it",
    )))
}

/// Replaces `old` by `bytes`. Returns `false` if the file is not the one that was read any more.
fn exchange(path: &Path, old: Option<&Old>, bytes: &[u8], fresh: NewFile) -> io::Result<bool> {
    let made = beside(path, old.map(|old| &old.file), bytes, fresh);
    // The slow work is done: check as late as possible whether another program wrote.
    if !Old::is_still(old, path)? {
        return Ok(false);
    }
    let put = made.and_then(|beside| match old {
        Some(_) => beside.persist(path).map_err(io::Error::from),
        None => beside.persist_noclobber(path).map_err(io::Error::from),
    });
    match (put, old) {
        (Ok(_), _) => sync_folder(path).map(|()| true),
        (Err(error), None) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        (Err(error), Some(old)) if is_bound_to_its_place(&error) => {
            in_place::write(path, &old.file, &old.bytes, bytes)
        }
        (Err(error), _) => Err(error),
    }
}

/// A file as it was read: open, with its bytes.
struct Old {
    file: File,
    bytes: Vec<u8>,
}

impl Old {
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let Some(file) = found(path)? else {
            return Ok(None);
        };
        let bytes = files::whole(&file, LARGEST)?;
        Ok(Some(Self { file, bytes }))
    }

    /// Locks the file against other agents until the lock is dropped. After a failed wait the change goes on: only
    /// speed depends on the lock.
    fn lock(&self) {
        for _ in 0..LOCK_TRIES {
            match flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) => sleep(LOCK_PAUSE),
                Ok(()) | Err(_) => return,
            }
        }
    }

    /// Whether the file at `path` is still the same one with the same bytes, or still missing.
    fn is_still(old: Option<&Self>, path: &Path) -> io::Result<bool> {
        let (Some(old), Some(now)) = (old, Self::read(path)?) else {
            return Ok(old.is_none() && path.symlink_metadata().is_err());
        };
        Ok(is_same(&old.file, &now.file)? && old.bytes == now.bytes)
    }
}

/// Whether two open files are the same file.
fn is_same(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// Opens the file of a path whose links are already resolved: a link that is there now was put there meanwhile.
fn found(path: &Path) -> io::Result<Option<File>> {
    match files::open(path, Links::Refused) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// The prefix of the names of this file's temporary files.
fn beginning(path: &Path) -> io::Result<OsString> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut beginning = OsString::from(".");
    beginning.push(name);
    beginning.push(".heartline-");
    Ok(beginning)
}

/// Creates a temporary file with these bytes in the same folder, since a rename does not cross filesystems. Dropping it
/// removes it. Its name is unique, also among processes with the same id in other containers.
fn beside(
    path: &Path,
    old: Option<&File>,
    bytes: &[u8],
    fresh: NewFile,
) -> io::Result<NamedTempFile> {
    let mut beside = tempfile::Builder::new()
        .prefix(&beginning(path)?)
        .tempfile_in(folder(path))?;
    beside.write_all(bytes)?;
    let file = beside.as_file();
    if let Some(old) = old {
        resemble(file, old, &old.metadata()?)?;
    } else {
        if let Some((user, group)) = fresh.owner {
            fchown(file, Some(user), Some(group))?;
        }
        file.set_permissions(Permissions::from_mode(fresh.mode))?;
    }
    file.sync_all()?;
    Ok(beside)
}

/// Removes temporary files that killed processes left beside a file.
pub fn sweep(path: &Path, links: Links) -> io::Result<()> {
    let path = followed(path, links)?;
    let beginning = beginning(&path)?;
    for entry in fs::read_dir(folder(&path))? {
        let entry = entry?;
        let name = entry.file_name();
        if name.as_bytes().starts_with(beginning.as_bytes())
            && let Ok(about) = entry.metadata()
            && about.is_file()
            && about.modified()?.elapsed().is_ok_and(|age| age > LEFT)
        {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Copies owner, attributes and mode from another file.
fn resemble(file: &File, old: &File, of: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (of.uid(), of.gid()) {
        fchown(file, Some(of.uid()), Some(of.gid()))?;
    }
    // The mode is set after the owner, because a change of owner clears some of its bits.
    file.set_permissions(Permissions::from_mode(of.mode() & 0o7777))?;
    let mut names = vec![0_u8; LONGEST_ATTRIBUTE];
    let length = match flistxattr(old, &mut names[..]) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    let (mut value, mut given) = (vec![0_u8; LONGEST_ATTRIBUTE], vec![0_u8; LONGEST_ATTRIBUTE]);
    let names = names[..length].split(|byte| *byte == 0);
    for name in names.filter(|name| !name.is_empty()) {
        let name = CString::new(name)?;
        let length = match fgetxattr(old, &name, &mut value[..]) {
            Ok(length) => length,
            // The attribute vanished meanwhile, or this user may not read it.
            Err(Errno::NODATA) => continue,
            Err(error) => return Err(error.into()),
        };
        let value = &value[..length];
        // Some attributes cannot be set by every user, but the folder may already have given this one.
        let is_given = fgetxattr(file, &name, &mut given[..]);
        if is_given.is_ok_and(|length| &given[..length] == value) {
            continue;
        }
        fsetxattr(file, &name, value, XattrFlags::empty())?;
    }
    Ok(())
}

/// Syncs the folder: only then is the new name on the disk.
fn sync_folder(path: &Path) -> io::Result<()> {
    // The flags reject anything that replaced the folder meanwhile.
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    File::from(openat(CWD, folder(path), how, Mode::empty())?).sync_all()
}

/// Whether a new file cannot take this file's name, or cannot have the same owner and attributes.
pub(super) fn is_bound_to_its_place(error: &io::Error) -> bool {
    // The check uses the error's kind: code that adds the path to an error drops its number.
    [
        io::ErrorKind::ResourceBusy,
        io::ErrorKind::CrossesDevices,
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::ReadOnlyFilesystem,
        io::ErrorKind::Unsupported,
    ]
    .contains(&error.kind())
}

#[cfg(test)]
mod tests;
