//! The key of a node: the existing one, or a new one.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, anyhow, bail};
use ssh_key::rand_core::OsRng;
use ssh_key::{Algorithm, LineEnding, PrivateKey, SshSig};

use super::PROGRAM;
use super::fields::PublicKey;
use super::options::Account;
use super::replace::{NewFile, replace};
use super::ssh_agent::{SshAgent, SshAgentError};
use super::ssh_signer::SshSigner;
use heartline_process::files::{self, UnfitFile};
use heartline_process::say::say;

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

/// The key of a node: the public half, and who signs with the private one.
#[derive(Clone, Debug)]
pub(super) struct OwnKey {
    pub(super) public: PublicKey,
    signing: Signing,
    /// What was last told of an `ssh-agent` that does not sign although the private half was named.
    told: Arc<Mutex<Option<SshAgentError>>>,
}

/// Who signs.
#[derive(Clone, Debug)]
enum Signing {
    /// This process, with the private half from a file.
    File(Arc<SshSigner>),
    /// An `ssh-agent`: the public half was named, so that it alone is meant.
    Agent(SshAgent),
    /// An `ssh-agent`, if there is one with the key: the private half was named, and cannot be used for this reason.
    Perhaps(Option<SshAgent>, &'static str),
}

impl OwnKey {
    /// Loads the key in `path`, or creates one if there is none.
    pub(super) fn of(path: &Path, account: &Account) -> anyhow::Result<Self> {
        account.touch(path, || {
            if !is_there(path) {
                let shown = path.display();
                if path.extension().is_some_and(|it| it == "pub") {
                    bail!("there is no public key {shown}: ssh-add -L prints those that an ssh-agent holds");
                }
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
        let text = match read(path) {
            // The file was replaced by something unsafe. That is an error, other than a key that merely cannot sign.
            Err(why) if UnfitFile::of(&why).is_some() => {
                return Err(why).with_context(|| format!("{shown} cannot be read"));
            }
            text => text,
        };
        let named_public = path.extension().is_some_and(|ending| ending == "pub");
        match text.as_ref().map(|text| text.parse()) {
            Ok(Ok(public)) => {
                let agent = SshAgent::of_environment(account);
                let agent = agent.with_context(|| format!("{shown} is a public key"))?;
                return Ok(Self {
                    public,
                    signing: Signing::Agent(agent),
                    told: Arc::default(),
                });
            }
            Ok(Err(why)) if named_public => bail!("{shown}: {why}"),
            _ => {}
        }
        let private = match text {
            Ok(text) => PrivateKey::from_openssh(text).map_err(|why| anyhow!(why)),
            Err(why) => Err(why.into()),
        };
        let text = if there.symlink_metadata().is_ok() {
            read(&there).with_context(|| format!("{} cannot be read", there.display()))?
        } else {
            let private = private.as_ref().map_err(|why| {
                anyhow!(
                    "{shown} is not an OpenSSH key ({why}); if it is an ECDSA key, make its public half by ssh-keygen \
                     -y; or name another with --key"
                )
            })?;
            private.public_key().to_openssh()?
        };
        let public = text.parse().map_err(|why| anyhow!("{shown}: {why}"))?;
        let signing = match signer(private, &public) {
            Ok(signer) => Signing::File(Arc::new(signer)),
            Err(why) => Signing::Perhaps(SshAgent::of_environment(account).ok(), why),
        };
        Ok(Self {
            public,
            signing,
            told: Arc::default(),
        })
    }

    /// Signs a message to prove that this node has its key; `None` if nobody can. May wait for an `ssh-agent`.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Option<String>, SshAgentError> {
        let signature = match &self.signing {
            Signing::File(signer) => signer.sign(message),
            Signing::Agent(agent) => Some(self.sign_by(agent, message)?),
            Signing::Perhaps(None, _) => None,
            Signing::Perhaps(Some(agent), why) => {
                let signed = self.sign_by(agent, message);
                let news = self.news(signed.as_ref().err());
                if let Some(by_agent) = news {
                    say(PROGRAM, unproven(why, &by_agent));
                }
                signed.ok()
            }
        };
        Ok(signature.and_then(|signature| signature.to_pem(LineEnding::LF).ok()))
    }

    /// The error, unless it was told already.
    fn news(&self, error: Option<&SshAgentError>) -> Option<SshAgentError> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = told.as_ref() != error;
        *told = error.cloned();
        told.clone().filter(|_| is_new)
    }

    fn sign_by(&self, agent: &SshAgent, message: &[u8]) -> Result<SshSig, SshAgentError> {
        let key = ssh_key::PublicKey::from_openssh(self.public.as_str());
        agent.sign(&key.map_err(|_| SshAgentError::Kind)?, message)
    }

    /// Why this key proves nothing, if the private half was named and neither it nor an `ssh-agent` can sign. Who asks
    /// tells it.
    pub(super) fn proves_nothing(&self) -> Option<String> {
        let Signing::Perhaps(agent, why) = &self.signing else {
            return None;
        };
        let by_agent = match agent {
            Some(agent) => self.sign_by(agent, b"a question"),
            None => Err(SshAgentError::NoSocket),
        };
        let by_agent = by_agent.err()?;
        self.news(Some(&by_agent));
        Some(format!("{why}, and no ssh-agent signs for it: {by_agent}"))
    }
}

/// The line for a registration whose `ssh-agent` does not sign any more.
fn unproven(why: &str, by_agent: &SshAgentError) -> String {
    format!("registers without proof of its key: {why}, and no ssh-agent signs for it: {by_agent}")
}

/// The private half for signatures; an error says why there is none.
fn signer(
    private: anyhow::Result<PrivateKey>,
    public: &PublicKey,
) -> Result<SshSigner, &'static str> {
    let private = private.map_err(|why| match why.downcast_ref::<ssh_key::Error>() {
        Some(_) if public.as_str().starts_with("ecdsa-") => {
            "heartline cannot read its private half: the private number of some ECDSA keys is a byte shorter than usual"
        }
        Some(_) => "its private half is no OpenSSH key",
        None => "its private half cannot be read",
    })?;
    if private.is_encrypted() {
        return Err("it has a passphrase");
    }
    if !has_half(&private, public) {
        return Err("its private half belongs to another public key");
    }
    SshSigner::of(private).ok_or("heartline cannot sign with a key of this kind")
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
        let signature = signature.expect("signed");
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
