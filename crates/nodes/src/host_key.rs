//! The public key of this machine's `sshd`, which the other nodes need to know it.

use std::io;
use std::path::{Path, PathBuf};

use heartline_process::files::{Links, read_text};

use super::fields::PublicKey;

/// The folder in which `sshd` has its keys.
const FOLDER: &str = "/etc/ssh";
/// Their public halves, best first. One is enough: `ssh` asks a host for the kind of key that it knows of it.
const USUAL: [&str; 3] = [
    "ssh_host_ed25519_key.pub",
    "ssh_host_ecdsa_key.pub",
    "ssh_host_rsa_key.pub",
];
/// The maximum size in bytes of a key file that is read.
const LARGEST: u64 = 64 << 10;

/// Where the public key is.
#[derive(Clone, Debug)]
pub(super) enum HostKeySource {
    /// In this file.
    File(PathBuf),
    /// Where `sshd` has it, if this machine has one.
    Usual,
}

impl HostKeySource {
    /// Reads the key as it is now; blocks. `None` if this machine has no `sshd`.
    ///
    /// # Errors
    /// A line for people: the file that was named cannot be read, or a file has no key of a known kind.
    pub(super) fn read(&self) -> Result<Option<PublicKey>, String> {
        let Self::File(path) = self else {
            return usual(Path::new(FOLDER));
        };
        match read(path)? {
            Some(key) => Ok(Some(key)),
            None => Err(format!("--host-key {} does not exist", path.display())),
        }
    }
}

/// The best key in this folder.
fn usual(folder: &Path) -> Result<Option<PublicKey>, String> {
    for name in USUAL {
        if let Some(key) = read(&folder.join(name))? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Result<Option<PublicKey>, String> {
    let shown = path.display();
    let text = match read_text(path, Links::OfUsOrRoot, LARGEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(|error| format!("the host key {shown} cannot be read: {error}"))?,
    };
    let key = PublicKey::read("it", &text);
    key.map(Some)
        .map_err(|why| format!("the host key {shown}: {why}"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    #[test]
    fn the_best_key_is_taken_and_a_bad_one_told() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(usual(folder.path()), Ok(None));
        let rsa = folder.path().join("ssh_host_rsa_key.pub");
        fs::write(&rsa, "ssh-rsa AAAA root@n1\n").unwrap();
        let why = usual(folder.path()).unwrap_err();
        assert!(
            why.ends_with("it is not one OpenSSH public key without options"),
            "{why}"
        );
        let best = folder.path().join("ssh_host_ed25519_key.pub");
        fs::write(&best, format!("{KEY} root@n1\n")).unwrap();
        let key = usual(folder.path()).unwrap().unwrap();
        assert_eq!(key.as_str(), KEY);
        assert_eq!(HostKeySource::File(best).read(), Ok(Some(key)));
        let none = HostKeySource::File(folder.path().join("none"));
        assert!(none.read().unwrap_err().ends_with("none does not exist"));
    }
}
