//! The state file: all that the server must know when it starts again. What was acknowledged stands in it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use super::fields::{Address, HostName, PublicKey, UserName};
use super::message::Role;
use super::replace::{Fresh, replace};
use super::roster::{Node, Roster, Rules};

const FORM: u32 = 1;

/// The file's content.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    form: u32,
    #[serde(default)]
    master: Option<HostName>,
    nodes: Vec<KeptNode>,
}

#[derive(Debug, Serialize, Deserialize)]
struct KeptNode {
    hostname: HostName,
    role: Role,
    ip: Option<IpAddr>,
    #[serde(rename = "id_rsa.pub")]
    key: PublicKey,
    username: UserName,
    dead: bool,
    #[serde(default)]
    proven: bool,
}

/// The file's text for all that a roster knows.
pub fn written(roster: &Roster) -> Vec<u8> {
    let mut nodes: Vec<_> = roster.nodes.iter().collect();
    nodes.sort_by_key(|(_, node)| node.number);
    let nodes = nodes.into_iter().map(|(name, node)| KeptNode {
        hostname: name.clone(),
        role: node.role,
        ip: node.address,
        key: node.key.clone(),
        username: node.user.clone(),
        dead: node.is_dead(),
        proven: node.is_proven,
    });
    let kept = Kept {
        form: FORM,
        master: roster.master.clone(),
        nodes: nodes.collect(),
    };
    serde_json::to_vec(&kept).unwrap_or_default()
}

/// A roster that knows what stands in the text. Every field is checked again.
pub fn read(text: &[u8], rules: Rules, now: Duration) -> anyhow::Result<Roster> {
    let kept: Kept = serde_json::from_slice(text)?;
    if kept.form != FORM {
        bail!(
            "it has form {}, and not {FORM}; another heartline wrote it",
            kept.form
        );
    }
    let mut roster = Roster::new(rules);
    for node in kept.nodes {
        let address = node.ip.map(|ip| Address::new(ip, true)).transpose()?;
        let number = roster.next_number;
        roster.next_number += 1;
        let known = Node::kept(
            node.role,
            address.map(Address::ip),
            node.key,
            node.username,
            number,
            node.dead,
            node.proven,
        );
        roster.restore(now, node.hostname, known);
    }
    roster.master = kept.master.filter(|name| roster.nodes.contains_key(name));
    Ok(roster)
}

/// The file, which no other server may use at the same time.
#[derive(Debug)]
pub struct StateFile {
    path: PathBuf,
    /// Held as long as this lives, or the process.
    _lock: File,
}

impl StateFile {
    /// Takes the file for this process; it need not be there.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)
                .with_context(|| format!("{shown}: its folder cannot be made"))?;
        }
        let mut lock = path.as_os_str().to_owned();
        lock.push(".lock");
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).open(&lock);
        let lock = lock.with_context(|| format!("{shown}.lock cannot be written"))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            bail!(
                "{shown} is another server's; end that one, or give this one a --state of its own"
            );
        }
        Ok(Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    /// What it says; nothing if it is not there.
    pub fn load(&self, rules: Rules, now: Duration) -> anyhow::Result<Roster> {
        let shown = self.path.display();
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Roster::new(rules)),
            Err(error) => return Err(error).with_context(|| format!("{shown} cannot be read")),
        };
        read(&text, rules, now).with_context(|| {
            format!("{shown} is damaged; move it away, and every agent will register again")
        })
    }

    /// Writes it in one step.
    pub fn save(&self, text: &[u8]) -> io::Result<()> {
        replace(&self.path, text, Fresh::own(0o600))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::{Rule, Terms};
    use crate::nodes::message::Registration;
    use crate::nodes::roster::Standing;

    fn rules() -> Rules {
        let second = Duration::from_secs(1);
        Rules {
            detection: Terms {
                rule: Rule::Fixed,
                timeout: second,
                longest_gap: second,
            },
            patience: second,
            most: 10,
            domain: None,
        }
    }

    #[test]
    fn what_is_written_is_known_again() {
        let mut roster = Roster::new(rules());
        let told = Registration {
            role: Role::Master,
            is_well: true,
            name: "m1".parse().expect("a name"),
            address: Address::parse("10.0.0.1", false).expect("an address"),
            key: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
                .parse()
                .expect("a key"),
            user: "hadoop".parse().expect("a user"),
            stays: true,
            signature: None,
            is_proven: true,
        };
        roster.register(Duration::ZERO, &told).expect("taken");
        let text = written(&roster);
        let again = read(&text, rules(), Duration::ZERO).expect("whole");
        assert_eq!(written(&again), text);
        assert_eq!(again.standing(&told.name), Standing::Master);
        let other = String::from_utf8(text)
            .expect("text")
            .replace("10.0.0.1", "0.0.0.0");
        assert!(read(other.as_bytes(), rules(), Duration::ZERO).is_err());
    }

    #[test]
    fn a_file_has_one_server() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("nodes.json");
        let first = StateFile::open(&path).expect("free");
        assert!(StateFile::open(&path).is_err());
        drop(first);
        let again = StateFile::open(&path).expect("free again");
        again.save(b"{\"form\":2,\"nodes\":[]}").expect("written");
        assert!(again.load(rules(), Duration::ZERO).is_err());
    }
}
