//! Replaces a file in one step: whoever reads it sees the old one or the new one, also after a power cut. Owner,
//! mode and extended attributes (a label of `SELinux` is one) stay. Where a name cannot be replaced, as that of a
//! container's `/etc/hosts`, which is mounted there, the file is written in its place.

use std::ffi::CString;
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

/// Names and values of extended attributes together; more no filesystem takes.
const LONGEST_ATTRIBUTE: usize = 64 << 10;

/// What a file that was not there is given.
#[derive(Clone, Copy, Debug)]
pub struct Fresh {
    /// Its mode.
    pub mode: u32,
    /// User and group, if not those of this process.
    pub owner: Option<(u32, u32)>,
}

impl Fresh {
    /// A file of this process.
    pub fn own(mode: u32) -> Self {
        Self { mode, owner: None }
    }
}

/// Writes `bytes` to `path`.
pub fn replace(path: &Path, bytes: &[u8], fresh: Fresh) -> io::Result<()> {
    // Of a symbolic link the file is replaced, not the link.
    let path = match fs::canonicalize(path) {
        Ok(path) => path,
        Err(error) if error.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(error) => return Err(error),
    };
    let old = match File::open(&path) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let beside = beside(&path)?;
    let result = write_beside(&beside, old.as_ref(), bytes, fresh)
        .and_then(|()| fs::rename(&beside, &path))
        .and_then(|()| sync_folder(&path));
    match result {
        Ok(()) => Ok(()),
        Err(error) => {
            let _ = fs::remove_file(&beside);
            if old.is_some() && is_bound_to_its_place(&error) {
                return write_in_place(&path, bytes);
            }
            Err(error)
        }
    }
}

/// A name in the same folder: a rename does not cross filesystems.
fn beside(path: &Path) -> io::Result<PathBuf> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".heartline-{}", std::process::id()));
    Ok(path.with_file_name(beside))
}

fn write_beside(beside: &Path, old: Option<&File>, bytes: &[u8], fresh: Fresh) -> io::Result<()> {
    // Left behind by a process of the same number that was killed.
    let _ = fs::remove_file(beside);
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(beside)?;
    file.write_all(bytes)?;
    if let Some(old) = old {
        resemble(&file, old, &old.metadata()?)?;
    } else {
        if let Some((user, group)) = fresh.owner {
            fchown(&file, Some(user), Some(group))?;
        }
        file.set_permissions(Permissions::from_mode(fresh.mode))?;
    }
    file.sync_all()
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
    let mut value = vec![0_u8; LONGEST_ATTRIBUTE];
    let names = names[..length].split(|byte| *byte == 0);
    for name in names.filter(|name| !name.is_empty()) {
        let name = CString::new(name)?;
        let length = match fgetxattr(old, &name, &mut value[..]) {
            Ok(length) => length,
            // Gone in between, or not for everybody's eyes.
            Err(Errno::NODATA) => continue,
            Err(error) => return Err(error.into()),
        };
        fsetxattr(file, &name, &value[..length], XattrFlags::empty())?;
    }
    Ok(())
}

/// The new name is on the disk only when its folder is.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether another file cannot take the name, or not with the same owner and attributes.
fn is_bound_to_its_place(error: &io::Error) -> bool {
    let errno = Errno::from_io_error(error);
    errno.is_some_and(|errno| {
        [
            Errno::BUSY,
            Errno::XDEV,
            Errno::PERM,
            Errno::ACCESS,
            Errno::ROFS,
            Errno::NOTSUP,
        ]
        .contains(&errno)
    })
}

/// Not in one step. Shortened only at the end, so that a reader never finds less than there is.
fn write_in_place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).open(path)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len().try_into().unwrap_or(u64::MAX))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    #[test]
    fn mode_and_link_stay() {
        let folder = folder();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        replace(&file, b"one", Fresh::own(0o600)).expect("written");
        assert_eq!(fs::metadata(&file).expect("there").mode() & 0o7777, 0o600);
        fs::set_permissions(&file, Permissions::from_mode(0o664)).expect("changed");
        std::os::unix::fs::symlink("file", &link).expect("linked");
        replace(&link, b"two", Fresh::own(0o600)).expect("written");
        assert_eq!(fs::read(&file).expect("there"), b"two");
        assert_eq!(fs::metadata(&file).expect("there").mode() & 0o7777, 0o664);
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        let names = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(names, 2, "nothing is left beside");
    }

    #[test]
    fn attributes_stay() {
        let folder = folder();
        let path = folder.path().join("file");
        fs::write(&path, "one").expect("written");
        let old = File::open(&path).expect("there");
        match fsetxattr(&old, "user.label", b"kept", XattrFlags::empty()) {
            Ok(()) => {}
            Err(error) => {
                eprintln!("skipped: no extended attributes here: {error}");
                return;
            }
        }
        replace(&path, b"two", Fresh::own(0o600)).expect("written");
        let mut value = [0; 16];
        let new = File::open(&path).expect("there");
        let length = fgetxattr(&new, "user.label", &mut value).expect("kept");
        assert_eq!(&value[..length], b"kept");
        assert_ne!(
            old.metadata().expect("open").ino(),
            new.metadata().expect("open").ino()
        );
    }
}
