//! Writes and removes the files of a cluster.

use std::fs;
use std::io::{self, Write};
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

/// Removes a file if it exists.
pub(super) fn remove(path: &Path) -> anyhow::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("{} cannot be removed", path.display()))
        }
        _ => Ok(()),
    }
}
