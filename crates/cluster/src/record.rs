//! What a cluster's folder records about the cluster in it: the kind of its hosts, and the description it was started
//! with.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, Mode, flock};
use rustix::process::umask;

use super::disk::put;
use super::folder::{AUTHENTICATION, DESCRIPTION, HOST_KIND, LOCK};
use super::model::{Authentication, Cluster, HostKind};
use super::parse::read;
use super::trust;
use heartline_process::files::{self, Links, SMALL};

/// The kind of the hosts of a started cluster; `None` if none was started.
pub fn recorded_host_kind(folder: &Path) -> Option<HostKind> {
    // Reading is allowed for another user's cluster too. Code that acts on the answer calls `trust` first.
    let text = files::read_text(&folder.join(HOST_KIND), Links::Refused, SMALL).ok()?;
    text.trim().parse().ok()
}

/// How the parts of a started cluster authenticate; `None` if none was started.
pub(super) fn recorded_authentication(folder: &Path) -> Option<Authentication> {
    let text = files::read_text(&folder.join(AUTHENTICATION), Links::Refused, SMALL).ok()?;
    text.trim().parse().ok()
}

/// Records the started cluster in its folder.
pub(super) fn record(cluster: &Cluster, description: &str) -> anyhow::Result<()> {
    put(&cluster.folder.join(DESCRIPTION), description)?;
    put(
        &cluster.folder.join(AUTHENTICATION),
        &format!("{}\n", cluster.authentication),
    )?;
    put(
        &cluster.folder.join(HOST_KIND),
        &format!("{}\n", cluster.host_kind),
    )
}

/// The cluster that was started in a folder.
pub(super) fn recorded_cluster(folder: &Path) -> anyhow::Result<Cluster> {
    let host_kind = recorded_host_kind(folder)
        .with_context(|| format!("no cluster was started in {}", folder.display()))?;
    let file = folder.join(DESCRIPTION);
    let text = files::read_record(&file, SMALL)
        .with_context(|| format!("{} cannot be read", file.display()))?;
    match read(&text, folder, host_kind) {
        Ok((mut cluster, _)) => {
            folder.clone_into(&mut cluster.folder);
            cluster.set_authentication(recorded_authentication(folder).unwrap_or_default());
            Ok(cluster)
        }
        Err(problems) => {
            let first = problems.first().map(ToString::to_string);
            bail!("{}:{}", file.display(), first.unwrap_or_default())
        }
    }
}

/// Locks the cluster's folder for one start or stop at a time: two starts at once would both find no running server.
/// The lock is held until the file is dropped. Fails if the folder does not belong to this user.
pub(super) fn lock(folder: &Path) -> anyhow::Result<fs::File> {
    let path = folder.join(LOCK);
    let what = || format!("{} cannot be locked", path.display());
    // Others must not be able to write what this process and its servers create.
    let most = umask(Mode::empty());
    umask(most | Mode::WGRP | Mode::WOTH);
    fs::create_dir_all(folder).with_context(what)?;
    trust::check(folder)?;
    let file = files::append(&path, Links::Refused).with_context(what)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        bail!(
            "another heartline cluster up or down works in {}; wait until it has ended",
            folder.display()
        );
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::role::Role;
    use super::*;

    #[test]
    fn a_started_cluster_is_found_by_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(recorded_host_kind(folder.path()), None);
        let text = include_str!("../../../sample-data/clusters/one-machine.toml");
        let (mut cluster, _) = read(text, &PathBuf::new(), HostKind::Netns).unwrap();
        folder.path().clone_into(&mut cluster.folder);
        record(&cluster, text).unwrap();
        assert_eq!(recorded_host_kind(folder.path()), Some(HostKind::Netns));
        assert_eq!(recorded_cluster(folder.path()).unwrap(), cluster);
        cluster.set_authentication(Authentication::Kerberos);
        record(&cluster, text).unwrap();
        assert_eq!(recorded_cluster(folder.path()).unwrap(), cluster);
        assert!(cluster.hosts[0].is(Role::Kdc));
    }

    #[test]
    fn one_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = lock(folder.path()).unwrap();
        let second = lock(folder.path()).unwrap_err().to_string();
        assert!(second.contains("wait until"), "{second}");
        drop(first);
        lock(folder.path()).unwrap();
    }
}
