//! A node's own key: the one that is there, or a new one.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

use super::fields::PublicKey;
use super::options::Account;
use super::replace::{Fresh, replace};

/// What `ssh` itself looks for, best first.
const USUAL: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// The key that `ssh` of this user would take, or the one that will be made.
pub(super) fn usual(account: &Account) -> PathBuf {
    let folder = account.home.join(".ssh");
    let there = USUAL
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists());
    there.unwrap_or_else(|| folder.join(USUAL[0]))
}

/// The public half of the key in `path`; a new key if there is none.
pub(super) fn of(path: &Path, account: &Account) -> anyhow::Result<PublicKey> {
    let shown = path.display();
    let public = beside(path);
    if public.exists() {
        let text = fs::read_to_string(&public)
            .with_context(|| format!("{} cannot be read", public.display()))?;
        return text
            .parse()
            .map_err(|why| anyhow!("{}: {why}", public.display()));
    }
    let text = if path.exists() {
        let key = PrivateKey::read_openssh_file(path)
            .with_context(|| format!("{shown} is no OpenSSH key; name another with --key"))?;
        key.public_key().to_openssh()?
    } else {
        make(path, account).with_context(|| format!("{shown} cannot be made"))?
    };
    text.parse().map_err(|why| anyhow!("{shown}: {why}"))
}

fn beside(path: &Path) -> PathBuf {
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    public.into()
}

fn make(path: &Path, account: &Account) -> anyhow::Result<String> {
    account.make_folder(path)?;
    let mut key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519)?;
    key.set_comment(account.name.as_str());
    let owner = account.owner();
    let private = key.to_openssh(LineEnding::LF)?;
    replace(path, private.as_bytes(), Fresh { mode: 0o600, owner })?;
    let public = key.public_key().to_openssh()?;
    let line = format!("{public}\n");
    replace(&beside(path), line.as_bytes(), Fresh { mode: 0o644, owner })?;
    Ok(public)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_made_once() {
        let home = tempfile::tempdir().expect("a folder");
        let account = Account {
            name: "hadoop".parse().expect("a name"),
            home: home.path().to_owned(),
            ids: None,
        };
        let path = usual(&account);
        let key = of(&path, &account).expect("made");
        assert_eq!(of(&path, &account).expect("read"), key);
        fs::remove_file(beside(&path)).expect("it was there");
        assert_eq!(
            of(&path, &account).expect("read from the private half"),
            key
        );
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let folder = fs::metadata(home.path().join(".ssh")).expect("there");
        assert_eq!(folder.permissions().mode() & 0o7777, 0o700);
        fs::write(&path, "no key").expect("written");
        assert!(of(&path, &account).is_err());
    }
}
