//! An sshd on each host of the netns kind, which the fencing of a NameNode uses: it admits only the keys of the
//! cluster's hosts, as the host's agent writes them ([`super::agents`]).

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use super::disk::{put, remove};
use super::model::{Cluster, Host};
use super::process::{ProcessRecord, start};

/// The usual paths of sshd; it must be started by its absolute path.
const PLACES: [&str; 3] = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd"];

/// The path of sshd, if it is installed.
pub(super) fn program() -> Option<PathBuf> {
    PLACES.iter().map(PathBuf::from).find(|path| path.exists())
}

impl Cluster {
    /// The `ssh` folder of a host.
    fn ssh(&self, host: &Host) -> PathBuf {
        self.home(host).join("ssh")
    }

    /// The key with which a host logs in to others. Hadoop's ssh library is from 2018; of the kinds of key that it
    /// knows, this one is still accepted everywhere.
    pub(super) fn key(&self, host: &Host) -> PathBuf {
        self.ssh(host).join("id_ecdsa")
    }

    /// The keys that a host's sshd accepts: those of all hosts.
    pub(super) fn authorized_keys(&self, host: &Host) -> PathBuf {
        self.ssh(host).join("authorized_keys")
    }

    /// The hosts that a host's ssh knows.
    pub(super) fn known_hosts(&self, host: &Host) -> PathBuf {
        self.ssh(host).join("known_hosts")
    }

    /// The key by which a host's sshd is known.
    pub(super) fn host_key(&self, host: &Host) -> PathBuf {
        self.ssh(host).join("host_ecdsa")
    }

    /// The pid file of a host's sshd.
    pub(super) fn sshd_pid_file(&self, host: &Host) -> PathBuf {
        self.home(host).join("run/sshd.pid")
    }
}

/// Starts a host's sshd if it does not run. Returns its process, and whether it is new.
pub(super) fn raise(cluster: &Cluster, host: &Host) -> anyhow::Result<(ProcessRecord, bool)> {
    let pid_file = cluster.sshd_pid_file(host);
    if let Some(known) = ProcessRecord::recorded(&pid_file) {
        return Ok((known, false));
    }
    let folder = cluster.ssh(host);
    let host_key = cluster.host_key(host);
    make_key(&host_key)?;
    // The folder for sshd's privilege separation; a system service would create it too.
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
    let program = program().context("sshd is not installed; install openssh-server")?;
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

/// The path of the public half of a key.
pub(super) fn public(key: &Path) -> PathBuf {
    key.with_extension("pub")
}

/// Whether both halves of a key exist.
pub(super) fn has_key(key: &Path) -> bool {
    key.exists() && public(key).exists()
}

/// Removes both halves of a key, as far as they exist.
pub(super) fn remove_key(key: &Path) -> anyhow::Result<()> {
    remove(key)?;
    remove(&public(key))
}

/// Creates a key if there is none.
pub(super) fn make_key(key: &Path) -> anyhow::Result<()> {
    if has_key(key) {
        return Ok(());
    }
    fs::create_dir_all(key.parent().unwrap_or(key))?;
    // Half a key is useless, and ssh-keygen would ask whether to overwrite it.
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
