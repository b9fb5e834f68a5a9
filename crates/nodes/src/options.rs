//! Options that several subcommands of `heartline nodes` share: the server, the user.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv6Addr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Error, bail};
use clap::Args;
use rustix::process::{geteuid, getuid};
use rustix::system::uname;

use super::credentials::{CredentialOptions, Credentials};
use super::fields::{HostName, UserName};
use super::message::Entries;
use heartline_cli::duration;
use heartline_process::files::Links;
use heartline_zookeeper::{place, server};

/// The default port.
const PORT: u16 = 50091;

/// The address of a server, with its port.
#[derive(Clone, Debug)]
pub(super) struct ServerAddress {
    host: String,
    /// Host and port, as shown to people and used to connect.
    place: String,
}

impl ServerAddress {
    fn new(host: String, port: u16) -> Self {
        let place = place(&host, port);
        Self { host, place }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.place
    }

    /// Whether the address as written names this machine.
    fn is_here(&self) -> bool {
        let host = &self.host;
        host.eq_ignore_ascii_case("localhost")
            || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
    }
}

impl FromStr for ServerAddress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        // An `IPv6` address without brackets has no port.
        if text.parse::<Ipv6Addr>().is_ok() {
            return Ok(Self::new(text.to_owned(), PORT));
        }
        let wanted = format!("write HOST:PORT, as in server.hadoop.com:{PORT}");
        let (host, port) = server(text, PORT, &wanted)?;
        Ok(Self::new(host, port))
    }
}

/// The servers of one cluster; one of them is active.
#[derive(Clone, Debug)]
pub(super) struct Servers(Vec<ServerAddress>);

impl Servers {
    /// The number of servers.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Removes entries with the name of a server, unless they have the address `teller` of the server that sent them: a
    /// node named like a server would be taken for that server from then on.
    pub(super) fn take_out(
        &self,
        entries: &mut Entries,
        teller: IpAddr,
    ) -> Vec<(IpAddr, HostName)> {
        let names = self.0.iter().filter_map(|server| server.host.parse().ok());
        let names: Vec<HostName> = names.collect();
        let is_other = |(ip, name): &mut (IpAddr, HostName)| *ip != teller && names.contains(name);
        let out: Vec<_> = entries.hosts.extract_if(.., is_other).collect();
        let is_out = |name: &HostName| out.iter().any(|(_, other)| other == name);
        entries.host_keys.retain(|(name, _)| !is_out(name));
        out
    }

    /// The server to try in this turn; the turns cycle through all servers.
    pub(super) fn at(&self, turn: usize) -> &str {
        self.0[turn % self.0.len()].as_str()
    }
}

impl FromStr for Servers {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let text = text.strip_suffix(',').unwrap_or(text);
        let servers = text.split(',').map(str::parse);
        servers.collect::<Result<_, _>>().map(Self)
    }
}

/// The options that select the servers, and how to prove oneself to them.
#[derive(Args, Clone, Debug)]
pub(super) struct ClientOptions {
    /// Address of the node control server; separate several with commas
    #[arg(
        long = "server",
        value_name = "HOST[:PORT],…",
        env = "HEARTLINE_NODES_SERVER",
        default_value = "127.0.0.1:50091"
    )]
    pub(super) servers: Servers,

    #[command(flatten)]
    credentials: CredentialOptions,
}

impl ClientOptions {
    /// Reads the credentials. Without any, only a server on this machine is trusted.
    pub(super) fn credentials(&self) -> anyhow::Result<Credentials> {
        let elsewhere = self.servers.0.iter().find(|server| !server.is_here());
        if self.credentials.is_open()
            && let Some(server) = elsewhere
        {
            bail!(
                "--server {} is on another machine: name the cluster's secret with --secret-file, or certificates with \
                 --tls-ca and --tls-cert; --insecure-seed-protocol trusts any server that answers there",
                server.as_str()
            );
        }
        let credentials = self.credentials.read()?;
        if let Some(files) = &credentials.tls {
            // A file that is of no use is found now, and not in the middle of the night.
            files.client().map_err(Error::msg)?;
        }
        Ok(credentials)
    }
}

/// The name of the user that this process runs as; `None` if it has no name.
pub fn own_name() -> Option<String> {
    let account = Account::of(None).ok()?;
    Some(account.name.to_string())
}

/// The name of this machine.
pub(super) fn machine_name() -> String {
    uname().nodename().to_string_lossy().into_owned()
}

/// Parses a duration within bounds.
pub(super) fn between(text: &str, least: Duration, most: Duration) -> Result<Duration, String> {
    let given = duration(text)?;
    if (least..=most).contains(&given) {
        return Ok(given);
    }
    let [least, most] = [least, most].map(humantime::format_duration);
    Err(format!("must be between {least} and {most}"))
}

/// A user of this machine.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) name: UserName,
    pub(super) home: PathBuf,
    /// User and group id, if they differ from those of this process.
    pub(super) ids: Option<(u32, u32)>,
}

impl Account {
    /// The user of this name, or the user that this process runs as.
    pub(super) fn of(name: Option<&UserName>) -> anyhow::Result<Self> {
        let own = geteuid().as_raw();
        // The file may hold people's names in any encoding.
        let users = fs::read("/etc/passwd").unwrap_or_default();
        let users = String::from_utf8_lossy(&users);
        let entries = users.lines().filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            let user: u32 = fields.get(2)?.parse().ok()?;
            let group: u32 = fields.get(3)?.parse().ok()?;
            Some((*fields.first()?, user, group, PathBuf::from(fields.get(5)?)))
        });
        let mut entries = entries;
        let found = entries.find(|(known, user, ..)| match name {
            Some(name) => name.as_str() == *known,
            None => *user == own,
        });
        match (found, name) {
            (Some((known, user, group, home)), _) => {
                let is_own = user == own;
                let home = match std::env::var_os("HOME") {
                    Some(own_home) if is_own && getuid().as_raw() == own => own_home.into(),
                    _ => home,
                };
                Ok(Self {
                    name: known.parse()?,
                    home,
                    ids: (!is_own).then_some((user, group)),
                })
            }
            // The user is defined elsewhere than in the file, for instance in LDAP.
            (None, None) => {
                let name = std::env::var("USER")
                    .context("the name of this user is unknown; give it with --user")?;
                let home = std::env::var_os("HOME")
                    .context("HOME is not set; set it to this user's home folder")?;
                Ok(Self {
                    name: name.parse()?,
                    home: home.into(),
                    ids: None,
                })
            }
            (None, Some(name)) if std::env::var("USER").is_ok_and(|own| own == name.as_str()) => {
                Self::of(None)
            }
            (None, Some(name)) => {
                bail!("there is no user {name} in /etc/passwd; start the agent as that user")
            }
        }
    }

    /// How to treat a symbolic link in place of this user's file. A process of another user could make it point
    /// anywhere.
    pub(super) fn links(&self) -> Links {
        match self.ids {
            Some(_) => Links::Refused,
            None => Links::OfUsOrRoot,
        }
    }

    /// Creates the folder for a file of this user, accessible to that user only.
    pub(super) fn make_folder(of: &Path) -> io::Result<()> {
        let Some(folder) = of.parent().filter(|folder| !folder.as_os_str().is_empty()) else {
            return Ok(());
        };
        if folder.exists() {
            return Ok(());
        }
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_have_a_port() {
        let read = |text: &str| text.parse::<ServerAddress>().map(|server| server.place);
        assert_eq!(read("a.b"), Ok("a.b:50091".to_owned()));
        assert_eq!(read("10.0.0.1:7"), Ok("10.0.0.1:7".to_owned()));
        assert_eq!(read("::1"), Ok("[::1]:50091".to_owned()));
        assert_eq!(read("[::1]"), Ok("[::1]:50091".to_owned()));
        assert_eq!(read("[fe80::1%eth0]:7"), Ok("[fe80::1%eth0]:7".to_owned()));
        for wrong in [
            "",
            ":5",
            "a:0",
            "a:b",
            "a:1:2",
            "http://a:5",
            "a:70000",
            "a;b",
            "a b",
            "[::1",
            "a/b",
        ] {
            let why = read(wrong).expect_err(wrong);
            assert!(why.contains("write HOST:PORT"), "{wrong}: {why}");
        }
        let servers: Servers = "a, b:7".parse().expect("two");
        let turns: Vec<&str> = (0..3).map(|turn| servers.at(turn)).collect();
        assert_eq!(turns, ["a:50091", "b:7", "a:50091"]);
        assert_eq!("a, b ,".parse::<Servers>().expect("two").count(), 2);
        for wrong in ["", ",", "a,,b", ",a"] {
            assert!(wrong.parse::<Servers>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_node_is_called_like_a_server() {
        let servers: Servers = "ctl.a.b,10.0.0.9".parse().expect("two");
        let key = || {
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ"
                .parse()
                .expect("a key")
        };
        let entry = |ip: [u8; 4], name: &str| (IpAddr::from(ip), name.parse().expect("a name"));
        let all = || Entries {
            hosts: vec![entry([10, 0, 0, 1], "n1"), entry([10, 0, 0, 2], "ctl.a.b")],
            host_keys: ["n1", "ctl.a.b"]
                .map(|name| (name.parse().expect("a name"), key()))
                .into(),
            ..Entries::default()
        };
        let mut entries = all();
        let out = servers.take_out(&mut entries, [10, 0, 0, 7].into());
        assert_eq!(out, [entry([10, 0, 0, 2], "ctl.a.b")]);
        assert_eq!(entries.hosts, [entry([10, 0, 0, 1], "n1")]);
        let known: Vec<&str> = entries
            .host_keys
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(known, ["n1"]);
        // The server's own machine may be a node.
        let mut entries = all();
        assert!(
            servers
                .take_out(&mut entries, [10, 0, 0, 2].into())
                .is_empty()
        );
        assert_eq!(entries, all());
    }

    #[test]
    fn a_server_here_needs_no_secret() {
        for here in ["127.0.0.1", "localhost:5", "[::1]:7", "::1", "LOCALHOST"] {
            assert!(
                here.parse::<ServerAddress>().expect("a server").is_here(),
                "{here}"
            );
        }
        for elsewhere in ["10.0.0.1", "localhost.evil.com", "127.0.0.1.evil.com:5"] {
            assert!(
                !elsewhere
                    .parse::<ServerAddress>()
                    .expect("a server")
                    .is_here(),
                "{elsewhere}"
            );
        }
    }
}
