//! Writes and removes the files of a cluster.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use heartline_process::files::{self, Links};

/// Writes a file if its content differs, and creates the folders above it.
pub(super) fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    // A link is followed only if this user or root made it: some people keep their configuration elsewhere.
    let links = Links::OfUsOrRoot;
    let known = files::read(path, links, text.len() as u64);
    if known.is_ok_and(|known| known == text.as_bytes()) {
        return Ok(());
    }
    let what = || format!("{} cannot be written", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(what)?;
    }
    let mut file = files::create(path, links).with_context(what)?;
    file.write_all(text.as_bytes()).with_context(what)
}

/// Like [`put`], for a file that only its owner may read from the beginning.
pub(super) fn put_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let what = || format!("{} cannot be written", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(what)?;
    }
    let mut fresh = path.as_os_str().to_owned();
    fresh.push(".new");
    remove(Path::new(&fresh))?;
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&fresh);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&fresh, path))
        .with_context(what)
}

/// Removes a file if it exists.
pub(super) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_private_file_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("conf/secret.xml");
        put(&path, "old").unwrap();
        put_private(&path, "new").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
