//! The key of a node: the existing one, or a new one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey};

use super::fields::PublicKey;
use super::options::Account;
use super::replace::{NewFile, replace};
use super::ssh_signer::SshSigner;
use heartline_process::files::{self, UnfitFile};

/// The maximum size in bytes of a key file that is read.
const LARGEST: u64 = 64 << 10;

/// The key files that `ssh` looks for, best first.
const USUAL: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// The key that this user's `ssh` would use, or the path for a new one.
pub(super) fn usual(account: &Account) -> PathBuf {
    let folder = account.home.join(".ssh");
    let there = USUAL
        .iter()
        .map(|name| folder.join(name))
        .find(|path| path.exists());
    there.unwrap_or_else(|| folder.join(USUAL[0]))
}

/// The key of a node: the public half, and the private half if it can be used.
#[derive(Clone, Debug)]
pub(super) struct OwnKey {
    pub(super) public: PublicKey,
    /// `None` for a key with a passphrase, and for a kind of key that heartline cannot sign with.
    private: Option<Arc<SshSigner>>,
}

impl OwnKey {
    /// Loads the key in `path`, or creates one if there is none.
    pub(super) fn of(path: &Path, account: &Account) -> anyhow::Result<Self> {
        account.touch(path, || {
            if !is_there(path) {
                let shown = path.display();
                make(path, account).with_context(|| format!("{shown} cannot be created"))?;
            }
            Self::read(path, account)
        })
    }

    /// Loads the key in `path`, which must exist.
    pub(super) fn there(path: &Path, account: &Account) -> anyhow::Result<Self> {
        account.touch(path, || {
            if !is_there(path) {
                bail!(
                    "there is no key {}: name the agent's own --user and --key; nothing was changed",
                    path.display()
                );
            }
            Self::read(path, account)
        })
    }

    fn read(path: &Path, account: &Account) -> anyhow::Result<Self> {
        let shown = path.display();
        let there = beside(path);
        let read = |path: &Path| files::read_text(path, account.links(), LARGEST);
        let private = match read(path) {
            Ok(text) => PrivateKey::from_openssh(text).map_err(|why| anyhow!(why)),
            // The file was replaced by something unsafe. That is an error, other than a key that merely cannot sign.
            Err(why) if UnfitFile::of(&why).is_some() => {
                return Err(why).with_context(|| format!("{shown} cannot be read"));
            }
            Err(why) => Err(why.into()),
        };
        let text = if there.symlink_metadata().is_ok() {
            read(&there).with_context(|| format!("{} cannot be read", there.display()))?
        } else {
            let private = private.as_ref().map_err(|why| {
                anyhow!("{shown} is not an OpenSSH key ({why}); name another with --key")
            })?;
            private.public_key().to_openssh()?
        };
        let public = text.parse().map_err(|why| anyhow!("{shown}: {why}"))?;
        let private = private.ok().filter(|private| has_half(private, &public));
        Ok(Self {
            private: private.and_then(SshSigner::of).map(Arc::new),
            public,
        })
    }

    /// Signs a message to prove that this node has its key; `None` if the key cannot sign.
    pub(super) fn sign(&self, message: &[u8]) -> Option<String> {
        let signature = self.private.as_ref()?.sign(message)?;
        signature.to_pem(LineEnding::LF).ok()
    }
}

fn has_half(private: &PrivateKey, public: &PublicKey) -> bool {
    let own = private.public_key().to_openssh().ok();
    own.and_then(|own| own.parse().ok()).as_ref() == Some(public)
}

fn is_there(path: &Path) -> bool {
    path.exists() || beside(path).exists()
}

fn beside(path: &Path) -> PathBuf {
    let mut public = path.as_os_str().to_owned();
    public.push(".pub");
    public.into()
}

fn make(path: &Path, account: &Account) -> anyhow::Result<()> {
    Account::make_folder(path)?;
    let mut key = PrivateKey::random(&mut OsRng, Algorithm::Ed25519)?;
    key.set_comment(account.name.as_str());
    let fresh = |mode| NewFile {
        mode,
        owner: account.ids,
        links: account.links(),
    };
    let private = key.to_openssh(LineEnding::LF)?;
    replace(path, private.as_bytes(), fresh(0o600))?;
    let public = key.public_key().to_openssh()?;
    let line = format!("{public}\n");
    replace(&beside(path), line.as_bytes(), fresh(0o644))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
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
        let none = OwnKey::there(&path, &account).expect_err("there is none");
        assert!(none.to_string().contains("there is no key"), "{none}");
        assert!(
            !path.parent().expect("a folder").exists(),
            "nothing was made"
        );
        let key = OwnKey::of(&path, &account).expect("made");
        let signature = key.sign(b"this").expect("it can be used");
        assert!(key.public.has_signed(b"this", &signature));
        assert!(!key.public.has_signed(b"that", &signature));
        let again = OwnKey::there(&path, &account).expect("read");
        assert_eq!(again.public, key.public);
        fs::remove_file(beside(&path)).expect("it was there");
        let again = OwnKey::of(&path, &account).expect("read from the private half");
        assert_eq!(again.public, key.public);
        let mode = fs::metadata(&path).expect("there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
        let folder = fs::metadata(home.path().join(".ssh")).expect("there");
        assert_eq!(folder.permissions().mode() & 0o7777, 0o700);
        fs::write(&path, "no key").expect("written");
        assert!(OwnKey::of(&path, &account).is_err());
    }
}
