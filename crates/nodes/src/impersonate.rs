//! Reads and writes files with another user's rights. Root keeps the files of another user; a path in that user's
//! folders may be a link to anywhere, and may change a moment later. So root accesses these files with no more rights
//! than the user has, and the kernel refuses what the user may not do.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::panic::resume_unwind;
use std::path::{Component, Path};
use std::thread;

use anyhow::Context;
use rustix::fs::{Gid, Uid};
use rustix::process::geteuid;
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::options::Account;

impl Account {
    /// Runs the operation on the file at `path` as this user, unless only this process's user and root could have put
    /// anything there, as in a folder of `sshd` for the keys of all users.
    pub(super) fn touch<T: Send>(
        &self,
        path: &Path,
        what: impl FnOnce() -> anyhow::Result<T> + Send,
    ) -> anyhow::Result<T> {
        let Some(ids) = self.ids.filter(|_| !is_guarded(path)) else {
            return what();
        };
        let act = || {
            become_user(ids).with_context(|| {
                let user = &self.name;
                format!(
                    "this process may not act as {user}: run it as root with the capabilities CAP_SETUID and CAP_SETGID, \
                     or as {user}"
                )
            })?;
            what()
        };
        // Effective ids belong to a thread; they end with it.
        let done = thread::scope(|scope| scope.spawn(act).join());
        done.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

/// Changes only the effective ids: with the real and saved ones, the user could send this thread signals or trace it.
fn become_user((user, group): (u32, u32)) -> rustix::io::Result<()> {
    let (user, group) = (Uid::from_raw(user), Gid::from_raw(group));
    set_thread_groups(&[group])?;
    set_thread_res_gid(None, group, None)?;
    set_thread_res_uid(None, user, None)
}

fn is_guarded(path: &Path) -> bool {
    let own = geteuid().as_raw();
    let Ok(path) = std::path::absolute(path) else {
        return false;
    };
    let goes_up = path.components().any(|part| part == Component::ParentDir);
    let is_link = fs::symlink_metadata(&path).is_ok_and(|about| about.is_symlink());
    let is_own_folder = |folder: &Path| {
        fs::symlink_metadata(folder).is_ok_and(|about| {
            about.is_dir() && [0, own].contains(&about.uid()) && about.mode() & 0o022 == 0
        })
    };
    !goes_up && !is_link && path.ancestors().skip(1).all(is_own_folder)
}

#[cfg(test)]
pub(super) mod tests {
    use std::os::unix::fs::{PermissionsExt, chown, symlink};

    use tempfile::TempDir;

    use super::*;
    use crate::left_out::{self, leave_out};

    /// A user other than the current one.
    const NOBODY: (u32, u32) = (65534, 65534);

    /// An account with its own home, or the reason why this process cannot act as another user.
    pub(crate) fn somebody_else() -> Result<(TempDir, Account), String> {
        let home = tempfile::tempdir().expect("a folder");
        let account = Account {
            name: "nobody".parse().expect("a name"),
            home: home.path().to_owned(),
            ids: Some(NOBODY),
        };
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(home.path(), open).expect("its owner");
        let file = home.path().join("file");
        let tried = chown(home.path(), Some(NOBODY.0), Some(NOBODY.1))
            .map_err(anyhow::Error::from)
            .and_then(|()| account.touch(&file, || Ok(fs::write(&file, "")?)));
        tried.map_err(|why| format!("needs root, to act as another user: {why:#}"))?;
        fs::remove_file(&file).expect("made");
        Ok((home, account))
    }

    #[test]
    fn what_is_done_is_done_as_the_user() {
        let (home, account) = match somebody_else() {
            Ok(somebody) => somebody,
            Err(why) => leave_out!("{why}"),
        };
        let file = home.path().join("file");
        let done = account.touch(&file, || Ok(fs::write(&file, "a")?));
        done.expect("its own folder");
        assert_eq!(fs::metadata(&file).expect("there").uid(), NOBODY.0);
        assert_eq!(geteuid().as_raw(), 0, "the others are who they were");

        let own = tempfile::tempdir().expect("a folder");
        let secret = own.path().join("secret");
        fs::write(&secret, "a").expect("written");
        let closed = fs::Permissions::from_mode(0o600);
        fs::set_permissions(&secret, closed).expect("its owner");
        let link = home.path().join("link");
        symlink(&secret, &link).expect("linked");
        for path in [link, home.path().join("../secret")] {
            let read = account.touch(&path, || Ok(fs::read(&secret)?));
            assert!(read.is_err(), "{}", path.display());
        }
    }

    #[test]
    fn folders_of_root_alone_are_guarded() {
        if geteuid().as_raw() != 0 {
            leave_out!("needs root");
        }
        assert!(is_guarded(Path::new("/etc/keys")));
        for open in [
            "/tmp/keys",
            "/etc/../etc/keys",
            "/etc/none/keys",
            "/proc/self/keys",
        ] {
            assert!(!is_guarded(Path::new(open)), "{open}");
        }
    }
}
