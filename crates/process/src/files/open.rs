//! Opens regular files only, whatever else may be in their place.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    CWD, FileType, Mode, OFlags, fcntl_getfl, fcntl_setfl, fstat, openat, readlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::UnfitFile;

/// The longest chain of symbolic links that is followed, as in the kernel.
const MOST_LINKS: usize = 40;

/// How a symbolic link in the place of a file is treated. Links among the folders above it are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// All links are followed, as the kernel does: for a path that the user of this program has named.
    Followed,
    /// Only links of this user or of root are followed: for a path in a folder that others may write.
    OfUsOrRoot,
    /// No link is followed.
    Refused,
}

/// Opens a regular file for reading.
pub fn open(path: &Path, links: Links) -> io::Result<File> {
    opened(path, links, OFlags::RDONLY)
}

/// Opens a file to append to it; creates it if it is missing.
pub fn append(path: &Path, links: Links) -> io::Result<File> {
    opened(
        path,
        links,
        OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE,
    )
}

/// Like [`append`], for an output file that the user of this program names: also accepts a device, or a named pipe
/// that has a reader. In a folder that others may write, a link of theirs is not followed.
pub fn append_to_any(path: &Path) -> io::Result<File> {
    let how = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE;
    let file = if is_own_descriptor(path) {
        raw(path, how)
    } else {
        raw(&followed(path, Links::OfUsOrRoot)?, how | OFlags::NOFOLLOW)
    };
    match file {
        Err(Errno::NXIO) => Err(io::Error::new(
            io::ErrorKind::NotConnected,
            "it is a named pipe without a reader",
        )),
        file => blocking(File::from(file?)),
    }
}

/// Empties a file and opens it for writing; creates it if it is missing.
pub fn create(path: &Path, links: Links) -> io::Result<File> {
    let file = opened(path, links, OFlags::WRONLY | OFlags::CREATE)?;
    // Only now is it known to be a regular file.
    file.set_len(0)?;
    Ok(file)
}

/// Opens an existing file to overwrite its content.
pub fn overwrite(path: &Path, links: Links) -> io::Result<File> {
    opened(path, links, OFlags::WRONLY)
}

/// The file that a path refers to, which need not exist yet, if all links in its place may be followed.
pub fn followed(path: &Path, links: Links) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        let Some((target, owner)) = link(&path)? else {
            return Ok(path);
        };
        match links {
            Links::Refused => return Err(UnfitFile::Link.into()),
            Links::OfUsOrRoot if ![0, geteuid().as_raw()].contains(&owner) => {
                return Err(UnfitFile::LinkOfAnother(owner).into());
            }
            Links::OfUsOrRoot | Links::Followed => {}
        }
        // A target that begins with a slash takes the place of the whole path.
        path = path.parent().unwrap_or(Path::new("")).join(target);
    }
    Err(Errno::LOOP.into())
}

/// Whether a path refers to a file that this program was started with. Its links are not of the usual kind.
pub(super) fn is_own_descriptor(path: &Path) -> bool {
    let folders = ["/dev/fd", "/proc/self/fd", "/proc/thread-self/fd"];
    let names = ["/dev/stdin", "/dev/stdout", "/dev/stderr"];
    names.iter().any(|name| path == Path::new(name))
        || folders
            .iter()
            .any(|of| path.parent() == Some(Path::new(of)))
}

/// The target of a symbolic link, and its owner's uid; `None` if the path is not a link.
fn link(path: &Path) -> io::Result<Option<(PathBuf, u32)>> {
    use std::os::unix::ffi::OsStringExt;

    // Held open, so that owner and target belong to the same link.
    let how = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let held = match openat(CWD, path, how, Mode::empty()) {
        Err(Errno::NOENT) => return Ok(None),
        held => held?,
    };
    let about = fstat(&held)?;
    if FileType::from_raw_mode(about.st_mode) != FileType::Symlink {
        return Ok(None);
    }
    let target = readlinkat(&held, "", Vec::new())?.into_bytes();
    Ok(Some((
        std::ffi::OsString::from_vec(target).into(),
        about.st_uid,
    )))
}

fn opened(path: &Path, links: Links, how: OFlags) -> io::Result<File> {
    let (path, links) = match links {
        Links::Followed => (path.to_owned(), OFlags::empty()),
        Links::OfUsOrRoot | Links::Refused => (followed(path, links)?, OFlags::NOFOLLOW),
    };
    // Opening a device may already have an effect. The kind is checked again after opening: it may change meanwhile.
    match fs::symlink_metadata(&path) {
        Ok(about) if !about.is_symlink() => regular(&about)?,
        Ok(_) if links == OFlags::empty() => {
            if let Ok(about) = fs::metadata(&path) {
                regular(&about)?;
            }
        }
        _ => {}
    }
    let file = match raw(&path, how | links) {
        Err(Errno::LOOP) if links == OFlags::NOFOLLOW => return Err(UnfitFile::Link.into()),
        // A named pipe without a reader.
        Err(Errno::NXIO) => return Err(UnfitFile::Kind("a named pipe or a socket").into()),
        file => File::from(file?),
    };
    regular(&file.metadata()?)?;
    blocking(file)
}

/// Opens without waiting for the other end of a named pipe, or for another program's lease of the file.
pub(super) fn raw(path: &Path, how: OFlags) -> rustix::io::Result<OwnedFd> {
    let how = how | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    openat(CWD, path, how, Mode::from_raw_mode(0o666))
}

fn regular(about: &Metadata) -> io::Result<()> {
    if about.is_file() {
        return Ok(());
    }
    Err(UnfitFile::kind(about.file_type()).into())
}

/// Makes reads and writes wait again.
pub(super) fn blocking(file: File) -> io::Result<File> {
    let flags = fcntl_getfl(&file)?;
    fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    Ok(file)
}
