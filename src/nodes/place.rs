//! What an agent keeps right on its node: its block in `/etc/hosts` and in `authorized_keys`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::block::{hosts, keys, with_block};
use super::message::Entries;
use super::options::Account;
use super::replace::{Fresh, replace};

/// The two files of a node.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) hosts: PathBuf,
    pub(super) authorized_keys: PathBuf,
    pub(super) account: Account,
}

impl Place {
    /// Makes both files say what the entries say. The names of those that were written.
    pub(super) fn apply(&self, entries: &Entries) -> anyhow::Result<Vec<&Path>> {
        self.put(Some((&hosts(entries), &keys(entries))))
    }

    /// Takes the blocks out.
    pub(super) fn clear(&self) -> anyhow::Result<Vec<&Path>> {
        self.put(None)
    }

    /// Both are tried, whatever becomes of the first.
    fn put(&self, lines: Option<(&str, &str)>) -> anyhow::Result<Vec<&Path>> {
        let (hosts, keys) = lines.unzip();
        let first = self.write(&self.hosts, hosts, 0o644);
        let second = self.write(&self.authorized_keys, keys, 0o600);
        let written = [(first?, &self.hosts), (second?, &self.authorized_keys)];
        Ok(written
            .into_iter()
            .filter_map(|(written, path)| written.then_some(path.as_path()))
            .collect())
    }

    fn write(&self, path: &Path, lines: Option<&str>, mode: u32) -> anyhow::Result<bool> {
        let shown = path.display();
        let file = match fs::read(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error).with_context(|| format!("{shown} cannot be read")),
        };
        let changed = with_block(&file, lines).with_context(|| shown.to_string())?;
        let Some(changed) = changed else {
            return Ok(false);
        };
        let write = || {
            self.account.make_folder(path)?;
            let owner = if mode == 0o600 {
                self.account.owner()
            } else {
                None
            };
            replace(path, &changed, Fresh { mode, owner })
        };
        write().with_context(|| {
            format!("{shown} cannot be written; run the agent as who may, or name another file")
        })?;
        Ok(true)
    }
}
