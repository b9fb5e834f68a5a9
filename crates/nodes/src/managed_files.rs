//! The files that an agent manages on its node: its block in `/etc/hosts`, in `authorized_keys` and in `known_hosts`.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;

use super::PROGRAM;
use super::block::{Damaged, hosts, keys, known_hosts, others, with_block};
use super::message::Entries;
use super::options::Account;
use super::replace::{NewFile, ReplaceError, change, sweep};
use heartline_process::say::say;

/// The maximum number of warnings about lines outside the block.
const MOST_WARNINGS: usize = 64;

/// The managed files of a node.
#[derive(Clone, Debug)]
pub(super) struct ManagedFiles {
    pub(super) hosts: PathBuf,
    pub(super) authorized_keys: PathBuf,
    /// `None` if the nodes' host keys are not wanted.
    pub(super) known_hosts: Option<PathBuf>,
    pub(super) account: Account,
    /// The warnings that any copy of this value has logged, so that each is logged once.
    warned: Arc<Mutex<BTreeSet<String>>>,
}

impl fmt::Display for ManagedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hosts, keys) = (self.hosts.display(), self.authorized_keys.display());
        match &self.known_hosts {
            Some(known) => write!(f, "{hosts}, {keys} and {}", known.display()),
            None => write!(f, "{hosts} and {keys}"),
        }
    }
}

impl ManagedFiles {
    pub(super) fn new(
        hosts: PathBuf,
        authorized_keys: PathBuf,
        known_hosts: Option<PathBuf>,
        account: Account,
    ) -> Self {
        Self {
            hosts,
            authorized_keys,
            known_hosts,
            account,
            warned: Arc::default(),
        }
    }

    /// Writes the entries into the files. Returns the paths of the files that changed.
    pub(super) fn apply(&self, entries: &Entries) -> anyhow::Result<Vec<&Path>> {
        self.put(Some(entries))
    }

    /// Removes the blocks. Returns the paths of the files that changed.
    pub(super) fn clear(&self) -> anyhow::Result<Vec<&Path>> {
        self.put(None)
    }

    /// Warns about lines outside the block that give names of the cluster other addresses.
    fn warn(&self, file: &[u8], entries: &Entries) -> Result<(), Damaged> {
        let others = others(file, entries)?;
        let mut warned = self.warned();
        for other in others {
            if warned.len() < MOST_WARNINGS && !warned.contains(&other) {
                say(PROGRAM, format_args!("{}: {other}", self.hosts.display()));
                warned.insert(other);
            }
        }
        Ok(())
    }

    fn warned(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.warned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tries all files, whether or not the first succeeds.
    fn put(&self, entries: Option<&Entries>) -> anyhow::Result<Vec<&Path>> {
        let first = self.put_hosts(entries);
        let second = self.put_for_user(&self.authorized_keys, entries.map(keys).as_deref());
        let third = match &self.known_hosts {
            Some(path) => self.put_for_user(path, entries.and_then(known_hosts).as_deref()),
            None => Ok(false),
        };
        let written = [
            (first?, Some(&self.hosts)),
            (second?, Some(&self.authorized_keys)),
            (third?, self.known_hosts.as_ref()),
        ];
        let written = written.into_iter().filter(|(is_written, _)| *is_written);
        Ok(written
            .filter_map(|(_, path)| path.map(PathBuf::as_path))
            .collect())
    }

    fn put_hosts(&self, entries: Option<&Entries>) -> anyhow::Result<bool> {
        let path = &self.hosts;
        let lines = entries.map(hosts);
        let make = |file: &[u8]| {
            if let Some(entries) = entries {
                self.warn(file, entries)?;
            }
            with_block(file, lines.as_deref())
        };
        put_block(path, NewFile::own(0o644), make, || {
            path.parent().map_or(Ok(()), fs::create_dir_all)
        })
    }

    /// Writes a block into a file of the user; without lines there is none.
    fn put_for_user(&self, path: &Path, lines: Option<&str>) -> anyhow::Result<bool> {
        let account = &self.account;
        let fresh = NewFile {
            mode: 0o600,
            owner: account.ids,
            links: account.links(),
        };
        let make = |file: &[u8]| with_block(file, lines);
        let put = || put_block(path, fresh, make, || Account::make_folder(path));
        account.touch(path, put).map_err(|why| match account.ids {
            Some(_) => why.context(format!("on behalf of {}", account.name)),
            None => why,
        })
    }
}

fn put_block(
    path: &Path,
    fresh: NewFile,
    make: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, Damaged>,
    make_folder: impl Fn() -> io::Result<()>,
) -> anyhow::Result<bool> {
    let shown = path.display();
    let written = change(path, fresh, |file| -> anyhow::Result<_> {
        let changed = make(file)?;
        if changed.is_some() {
            make_folder().context("its folder cannot be created")?;
            // A failure is not worth a log line: the next change tries it again.
            let _ = sweep(path, fresh.links);
        }
        Ok(changed)
    });
    written.map_err(|why| match why {
        ReplaceError::Read(why) => {
            anyhow::Error::new(why).context(format!("{shown} cannot be read"))
        }
        ReplaceError::Made(why) => why.context(shown.to_string()),
        ReplaceError::Write(why) => anyhow::Error::new(why).context(format!(
            "{shown} cannot be written; run the agent as a user that may write it, or name another file"
        )),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use super::super::impersonate::tests::somebody_else;
    use super::super::key::OwnKey;
    use super::*;
    use crate::left_out::{self, leave_out};

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn entries() -> Entries {
        Entries {
            hosts: vec![(
                "10.0.0.1".parse().expect("an address"),
                "n1".parse().expect("a name"),
            )],
            keys: vec![("n1".parse().expect("a name"), KEY.parse().expect("a key"))],
            host_keys: vec![("n1".parse().expect("a name"), KEY.parse().expect("a key"))],
            dead: BTreeSet::new(),
        }
    }

    /// A file that only root may read or write.
    fn secret() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(folder.path(), open).expect("its owner");
        let secret = folder.path().join("authorized_keys");
        fs::write(&secret, "own\n").expect("written");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("its owner");
        (folder, secret)
    }

    #[test]
    fn another_users_files_are_that_users() {
        let (home, account) = match somebody_else() {
            Ok(somebody) => somebody,
            Err(why) => leave_out!("{why}"),
        };
        let keys = home.path().join(".ssh/authorized_keys");
        let own = tempfile::tempdir().expect("a folder");
        let hosts = own.path().join("more/hosts");
        let known = home.path().join(".ssh/known_hosts");
        let place = ManagedFiles::new(
            hosts.clone(),
            keys.clone(),
            Some(known.clone()),
            account.clone(),
        );
        let written = place.apply(&entries()).expect("all can be written");
        assert_eq!(written, [&hosts, &keys, &known]);
        let about = |path: &Path| {
            let about = fs::metadata(path).expect("there");
            (about.uid(), about.mode() & 0o7777)
        };
        assert_eq!(about(&keys), (65534, 0o600));
        assert_eq!(about(&known), (65534, 0o600));
        assert_eq!(about(keys.parent().expect("a folder")), (65534, 0o700));
        assert_eq!(about(&hosts), (0, 0o644));
        let folder = about(hosts.parent().expect("a folder"));
        assert_eq!((folder.0, folder.1 & 0o055), (0, 0o055), "for everybody");
        let key = home.path().join(".ssh/id_ed25519");
        OwnKey::of(&key, &account).expect("made");
        assert_eq!(about(&key), (65534, 0o600));
    }

    #[test]
    fn a_user_cannot_have_roots_files_written() {
        let (home, account) = match somebody_else() {
            Ok(somebody) => somebody,
            Err(why) => leave_out!("{why}"),
        };
        let own = tempfile::tempdir().expect("a folder");
        let ssh = home.path().join(".ssh");
        let place = ManagedFiles::new(
            own.path().join("hosts"),
            ssh.join("authorized_keys"),
            Some(ssh.join("known_hosts")),
            account.clone(),
        );

        // A link to a file that root owns.
        let (folder, secret) = secret();
        let made = account.touch(&ssh, || {
            fs::create_dir(&ssh)?;
            Ok(symlink(&secret, ssh.join("authorized_keys"))?)
        });
        made.expect("its own home");
        let why = place.apply(&entries()).expect_err("not the user's");
        assert!(
            format!("{why:#}").contains("it is a symbolic link"),
            "{why:#}"
        );
        assert_eq!(fs::read(&secret).expect("there"), b"own\n");
        let block = fs::read_to_string(own.path().join("hosts")).expect("written all the same");
        assert!(block.contains("10.0.0.1\tn1\n"));

        // A folder that is a link to one that root owns.
        fs::remove_dir_all(&ssh).expect("removed");
        symlink(folder.path(), &ssh).expect("linked");
        place.apply(&entries()).expect_err("not the user's");
        OwnKey::of(&ssh.join("id_ed25519"), &account).expect_err("not the user's");
        assert_eq!(fs::read(&secret).expect("there"), b"own\n");
        let names = fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(names, 1, "nothing was made there");
    }

    #[test]
    fn lines_of_others_are_complained_of_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let hosts = folder.path().join("hosts");
        fs::write(&hosts, "127.0.1.1 n1.hadoop.com n1\n").expect("written");
        let account = Account {
            name: "hadoop".parse().expect("a name"),
            home: folder.path().to_owned(),
            ids: None,
        };
        let keys = folder.path().join("keys");
        let place = ManagedFiles::new(hosts.clone(), keys, None, account);
        for _ in 0..2 {
            place.apply(&entries()).expect("written");
            assert_eq!(place.clone().warned().len(), 1);
        }
        let text = fs::read_to_string(&hosts).expect("there");
        fs::write(&hosts, text + "10.0.0.7 n1\n").expect("written");
        place.apply(&entries()).expect("written");
        assert_eq!(place.warned().len(), 2);
    }
}
