//! The state as a file, replaced in one step, used by one server at a time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};

use super::replace::{NewFile, is_bound_to_its_place, replace, sweep};
use super::state::PersistedState;
use heartline_process::files::{self, Links};

/// The maximum size in bytes of a state that is read: the most nodes that are accepted, with the longest keys and
/// names.
const LARGEST: u64 = 256 << 20;
/// A link of another user in a folder that others may write could make root write anywhere.
const LINKS: Links = Links::OfUsOrRoot;

/// The state file, which no other server may use at the same time.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// The lock; it is held until this value is dropped or the process ends.
    _lock: File,
}

impl StateFile {
    /// Locks the file for this process; the file need not exist.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("{shown}: its folder cannot be created"))?;
        }
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let lock = files::append(lock.as_ref(), LINKS);
        let lock = lock.with_context(|| format!("{shown}.lock cannot be written"))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!(
                "another server uses {shown}; stop that server, or give this one another --state"
            );
        }
        sweep(path, LINKS)
            .with_context(|| format!("{shown}: old temporary files beside it cannot be removed"))?;
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// Reads the state; an empty state if the file does not exist.
    pub fn load(&self) -> anyhow::Result<PersistedState> {
        let shown = self.path.display();
        let file = match files::open(&self.path, LINKS) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(PersistedState::default());
            }
            Err(error) => return Err(error).with_context(|| format!("{shown} cannot be read")),
        };
        // Every node grants access to the keys in this file.
        if let Some(why) = files::untrusted(&file.metadata()?) {
            return Err(why).with_context(|| format!("{shown} cannot be trusted"));
        }
        let text = files::whole(&file, LARGEST);
        let text = text.with_context(|| format!("{shown} cannot be read"))?;
        PersistedState::read(&text).with_context(|| {
            format!("{shown} is damaged; move it away, and every agent will register again")
        })
    }

    /// Replaces the file in one step. It is never written in place: half a state is useless.
    pub fn save(&self, kept: &PersistedState) -> io::Result<()> {
        replace(&self.path, &kept.text(), NewFile::own(0o600)).map_err(|why| {
            if !is_bound_to_its_place(&why) {
                return why;
            }
            let shown = self.path.display();
            let advice = format!(
                "{shown} cannot be replaced ({why}): give --state a file that is not mounted, in a folder that this \
                 server may write"
            );
            io::Error::new(why.kind(), advice)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::super::impersonate::tests::somebody_else;
    use super::*;
    use crate::left_out::{self, leave_out};

    #[test]
    fn a_file_has_one_server() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("nodes.json");
        let first = StateFile::open(&path).expect("free");
        assert!(StateFile::open(&path).is_err());
        drop(first);
        let again = StateFile::open(&path).expect("free again");
        assert_eq!(again.load().expect("nothing"), PersistedState::default());
        again.save(&PersistedState::default()).expect("written");
        assert_eq!(again.load().expect("whole"), PersistedState::default());
        fs::write(&path, "{\"form\":2,\"nodes\":[]}").expect("written");
        assert!(again.load().is_err());
    }

    #[test]
    fn it_is_replaced_or_stays_as_it_was() {
        // Root can write to every folder.
        let (home, account) = match somebody_else() {
            Ok(somebody) => somebody,
            Err(why) => leave_out!("{why}"),
        };
        let path = home.path().join("nodes.json");
        let tried = account.touch(&path, || {
            let file = StateFile::open(&path)?;
            file.save(&PersistedState::default())?;
            fs::set_permissions(home.path(), Permissions::from_mode(0o555))?;
            Ok(file.save(&PersistedState::default()))
        });
        let why = tried.expect("its own home").expect_err("a closed folder");
        let said = why.to_string();
        assert!(said.contains("give --state a file"), "{said}");
    }
}
