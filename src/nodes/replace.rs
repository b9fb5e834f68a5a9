//! Replaces a file in one step: whoever reads it sees the old one or the new one, also after a power cut. Owner,
//! mode and extended attributes (a label of `SELinux` is one) stay.
//!
//! A file that belongs to others is *changed*: what they write meanwhile is not lost. Where its name cannot be
//! replaced, as that of a container's `/etc/hosts`, which is mounted there, it is written in its place.

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

use crate::files::{self, Links, followed};

mod in_place;

/// Names and values of extended attributes together; more no filesystem takes.
const LONGEST_ATTRIBUTE: usize = 64 << 10;
/// The largest file that is changed. The server's longest message makes a block of half as much.
const LARGEST: u64 = 32 << 20;
/// So often a change is begun anew because others wrote meanwhile.
const MOST_TRIES: usize = 50;
/// So long another agent is waited for. Anybody who may read a file can lock it: nobody is waited for forever.
const LOCK_TRIES: u32 = 40;
const LOCK_PAUSE: Duration = Duration::from_millis(5);
/// What lies beside a file for so long was left there by somebody who was killed.
const LEFT: Duration = Duration::from_secs(60);

/// What a file that was not there is given.
#[derive(Clone, Copy, Debug)]
pub struct NewFile {
    /// Its mode.
    pub mode: u32,
    /// User and group, if not those of this process.
    pub owner: Option<(u32, u32)>,
    /// Which symbolic links in its place lead to it.
    pub links: Links,
}

impl NewFile {
    /// A file of this process. A link may lead to it that its user or root has made, and nobody else.
    pub fn own(mode: u32) -> Self {
        Self {
            mode,
            owner: None,
            links: Links::OfUsOrRoot,
        }
    }
}

/// Why a file is as it was.
#[derive(Debug, Error)]
pub enum ReplaceError<E> {
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[source] io::Error),
    /// Nothing can be made of what it says.
    #[error("it is not understood")]
    Made(#[source] E),
    /// It cannot be written.
    #[error("it cannot be written")]
    Write(#[source] io::Error),
}

/// Writes `bytes` to `path`, in one step or not at all.
pub fn replace(path: &Path, bytes: &[u8], fresh: NewFile) -> io::Result<()> {
    let path = followed(path, fresh.links)?;
    let old = found(&path)?;
    let beside = beside(&path, old.as_ref(), bytes, fresh)?;
    beside.persist(&path)?;
    sync_folder(&path)
}

/// Changes the file at `path` to what `make` makes of its bytes, of none if it is not there; `make` says `None` if it
/// is right already. It is asked again if others change the file meanwhile. Whether the file was written.
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
        "another program changes it all the time",
    )))
}

/// Puts `bytes` where `old` is. `false` if it is not there any more as it was read.
fn exchange(path: &Path, old: Option<&Old>, bytes: &[u8], fresh: NewFile) -> io::Result<bool> {
    let made = beside(path, old.map(|old| &old.file), bytes, fresh);
    // What takes its time is done: as late as can be it is asked whether anybody else wrote.
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

/// A file as it was read.
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

    /// Against other agents, until this is dropped. Who waited in vain goes on: nothing but time depends on it.
    fn lock(&self) {
        for _ in 0..LOCK_TRIES {
            match flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
                Err(Errno::WOULDBLOCK) => sleep(LOCK_PAUSE),
                Ok(()) | Err(_) => return,
            }
        }
    }

    /// Whether the same file with the same bytes, or none, is there.
    fn is_still(old: Option<&Self>, path: &Path) -> io::Result<bool> {
        let (Some(old), Some(now)) = (old, Self::read(path)?) else {
            return Ok(old.is_none() && path.symlink_metadata().is_err());
        };
        Ok(is_same(&old.file, &now.file)? && old.bytes == now.bytes)
    }
}

/// Whether two open files are one.
fn is_same(one: &File, other: &File) -> io::Result<bool> {
    let (one, other) = (one.metadata()?, other.metadata()?);
    Ok((one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// The file of a path whose links are followed already: one that is there now was put there meanwhile.
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

/// How the names of files begin that will take this one's name.
fn beginning(path: &Path) -> io::Result<OsString> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut beginning = OsString::from(".");
    beginning.push(name);
    beginning.push(".heartline-");
    Ok(beginning)
}

/// A file of these bytes in the same folder, since a rename does not cross filesystems. It is gone when it is dropped.
/// Its name is nobody else's, also of those in other containers who have the same number.
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

/// Takes away what those left beside a file who were killed while they replaced it.
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

/// Gives a file another one's owner, attributes and mode.
fn resemble(file: &File, old: &File, of: &Metadata) -> io::Result<()> {
    let own = file.metadata()?;
    if (own.uid(), own.gid()) != (of.uid(), of.gid()) {
        fchown(file, Some(of.uid()), Some(of.gid()))?;
    }
    // After the owner, which takes some bits of the mode away.
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
            // Gone in between, or not for everybody's eyes.
            Err(Errno::NODATA) => continue,
            Err(error) => return Err(error.into()),
        };
        let value = &value[..length];
        // Not everybody may set what the folder gave it already.
        let is_given = fgetxattr(file, &name, &mut given[..]);
        if is_given.is_ok_and(|length| &given[..length] == value) {
            continue;
        }
        fsetxattr(file, &name, value, XattrFlags::empty())?;
    }
    Ok(())
}

/// The new name is on the disk only when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    // Nothing else that was put in its place meanwhile is opened.
    let how = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    File::from(openat(CWD, folder(path), how, Mode::empty())?).sync_all()
}

/// Whether another file cannot take the name, or not with the same owner and attributes.
pub(super) fn is_bound_to_its_place(error: &io::Error) -> bool {
    // By its kind: who adds a path to an error takes its number away.
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
