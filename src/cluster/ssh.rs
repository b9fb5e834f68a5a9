//! An sshd on each host of the netns form, by which a `NameNode` is fenced: open to the keys of the cluster's hosts,
//! as its agent writes them down ([`super::agents`]), and to nobody else.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::config::{put, remove};
use super::model::{Cluster, Host};
use super::process::{ProcessRecord, start};

/// Where it is on most systems; it insists on being called by its whole path.
const PLACES: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];

/// The program.
pub(super) fn program() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|path| path.exists())
}

impl Cluster {
    /// A host's ssh folder.
    fn ssh(&self, host: &Host) -> PathBuf {
        self.home(host).join("ssh")
    }

    /// The key by which a host logs in to others. Hadoop's ssh is of 2018: of the kinds that it knows, this one is
    /// still welcome everywhere.
    pub(super) fn key(&self, host: &Host) -> PathBuf {
        self.ssh(host).join("id_ecdsa")
    }

    /// Whom a host's sshd lets in: all hosts.
    pub(super) fn authorized_keys(&self, host: &Host) -> PathBuf {
        self.ssh(host).join("authorized_keys")
    }

    /// Where a host's sshd says who it is.
    pub(super) fn sshd_pid_file(&self, host: &Host) -> PathBuf {
        self.home(host).join("run/sshd.pid")
    }
}

/// Starts a host's sshd if it does not run. Returns it, and whether it is new.
pub(super) fn raise(cluster: &Cluster, host: &Host) -> anyhow::Result<(ProcessRecord, bool)> {
    let pid_file = cluster.sshd_pid_file(host);
    if let Some(known) = ProcessRecord::recorded(&pid_file) {
        return Ok((known, false));
    }
    let folder = cluster.ssh(host);
    let host_key = folder.join("host_ecdsa");
    make_key(&host_key)?;
    // Its folder for those who have not logged in yet; a system's own start makes it too.
    fs::create_dir_all("/run/sshd").context("/run/sshd cannot be made")?;
    let settings = folder.join("sshd_config");
    put(
        &settings,
        &format!(
            "ListenAddress {}:22\nHostKey {}\nAuthorizedKeysFile {}\nPidFile none\nPermitRootLogin prohibit-password\n\
             AuthenticationMethods publickey\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
             UsePAM no\nUseDNS no\nStrictModes no\nX11Forwarding no\nAllowTcpForwarding no\n",
            host.address,
            host_key.display(),
            cluster.authorized_keys(host).display()
        ),
    )?;
    let program = program().context("there is no sshd")?;
    let mut command = Command::new("setsid");
    command.args(cluster.within(host));
    command.arg(program).args(["-D", "-e", "-f"]).arg(settings);
    let known = start(
        &mut command,
        &cluster.logs(host).join("sshd.log"),
        &pid_file,
    )?;
    Ok((known, true))
}

/// The half of a key that all may know.
pub(super) fn public(key: &Path) -> PathBuf {
    key.with_extension("pub")
}

/// Whether both halves of a key are there.
pub(super) fn has_key(key: &Path) -> bool {
    key.exists() && public(key).exists()
}

/// Removes both halves of a key, as far as they are there.
pub(super) fn remove_key(key: &Path) -> anyhow::Result<()> {
    remove(key)?;
    remove(&public(key))
}

/// Makes a key if there is none.
pub(super) fn make_key(key: &Path) -> anyhow::Result<()> {
    if has_key(key) {
        return Ok(());
    }
    fs::create_dir_all(key.parent().unwrap_or(key))?;
    // Half a key is of no use, and ssh-keygen would ask whether it may be replaced.
    remove_key(key)?;
    let output = Command::new("ssh-keygen")
        .args([
            "-q",
            "-t",
            "ecdsa",
            "-b",
            "256",
            "-m",
            "PEM",
            "-N",
            "",
            "-C",
            "heartline cluster",
            "-f",
        ])
        .arg(key)
        .output()
        .context("ssh-keygen cannot be run")?;
    if !output.status.success() {
        bail!(
            "ssh-keygen: {}",
            String::from_utf8_lossy(&output.stderr).trim()
        );
    }
    Ok(())
}
