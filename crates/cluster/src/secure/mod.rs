//! What makes a cluster secure: a Kerberos realm of its own (`realm`), and certificates of a CA of its own
//! (`certificates`). Here: the names of its principals, and where its files lie.
//!
//! - `this_machine/security`: what clients need: `krb5.conf`, the CA's certificate, the keytab of the user that starts
//!   the cluster, and that user's tickets; beside them the CA's key.
//! - `HOST/security`: the keytabs and the certificate of a host.

mod certificates;
mod cookie;
mod realm;

use std::fs::{self, DirBuilder};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::model::{Authentication, Cluster, Host, HostKind};
use super::role::Role;
use heartline_core::text::hex;
use heartline_nodes::own_name;
use heartline_observe::probe::Pages;
use heartline_process::files::{self, Links, SMALL};

pub(super) use certificates::{STORE_PASSWORD, certify};
pub(super) use realm::{client, fetch_ticket, found_realm, is_ours, search_path, server};

/// The folder of a cluster's or a host's secrets.
pub(super) const FOLDER: &str = "security";
/// The service of web pages, as SPNEGO names it.
const WEB: &str = "HTTP";

/// The services of a role, by the first part of their principals.
fn services(role: Role) -> &'static [&'static str] {
    match role {
        Role::Kdc => &[],
        Role::Zookeeper | Role::Observer => &["zookeeper"],
        Role::Journalnode => &["jn", WEB],
        Role::Namenode | Role::Zkfc => &["nn", WEB],
        Role::Datanode => &["dn", WEB],
        Role::Resourcemanager => &["rm", WEB],
        Role::Nodemanager => &["nm", WEB],
        Role::Kafka => &["kafka"],
    }
}

impl Cluster {
    /// The Kerberos realm.
    pub(super) fn realm(&self) -> String {
        format!("{}.HEARTLINE", self.name.to_uppercase())
    }

    /// The folder of what clients need.
    pub(super) fn security(&self) -> PathBuf {
        self.here(FOLDER)
    }

    /// The folder of a host's keytabs and certificate.
    pub(super) fn host_security(&self, host: &Host) -> PathBuf {
        self.home(host).join(FOLDER)
    }

    /// The configuration of all Kerberos clients.
    pub(super) fn krb5_conf(&self) -> PathBuf {
        self.security().join("krb5.conf")
    }

    /// The certificate of the cluster's CA, in PEM.
    pub(super) fn ca(&self) -> PathBuf {
        self.security().join("ca.pem")
    }

    /// The trust store of Java programs, with the CA's certificate.
    pub(super) fn trust_store(&self) -> PathBuf {
        self.security().join("trust.p12")
    }

    /// The key and the certificate of a host.
    pub(super) fn key_store(&self, host: &Host) -> PathBuf {
        self.host_security(host).join("keystore.p12")
    }

    /// The keytab of a service on a host.
    pub(super) fn keytab(&self, host: &Host, service: &str) -> PathBuf {
        self.host_security(host).join(format!("{service}.keytab"))
    }

    /// The keytab of the user that starts the cluster.
    pub(super) fn user_keytab(&self) -> PathBuf {
        self.security().join("user.keytab")
    }

    /// The tickets of that user.
    pub(super) fn tickets(&self) -> PathBuf {
        self.security().join("tickets")
    }

    /// The file with the identity by which a failover controller writes its znodes (`secret`), or with the ACL that it
    /// gives them.
    pub(super) fn failover_identity(&self, host: &Host, secret: bool) -> PathBuf {
        let name = if secret { "zkfc.auth" } else { "zkfc.acl" };
        self.host_security(host).join(name)
    }

    /// The principal of a service on a host, without its realm.
    ///
    /// Hadoop's servers check that a peer's principal names the host which its connection comes from. On loopback that
    /// is `localhost` for all. Clients of ZooKeeper, Kafka and web pages ask for a ticket of the host that they connect
    /// to.
    pub(super) fn principal(&self, host: &Host, service: &str) -> String {
        let by_address = ["zookeeper", "kafka", WEB].contains(&service);
        let instance = match self.host_kind {
            HostKind::Loopback if !by_address => "localhost",
            _ => host.called.as_str(),
        };
        format!("{service}/{instance}")
    }

    /// The principal of a Hadoop service as a configuration of all hosts names it.
    pub(super) fn principal_of_all(&self, service: &str) -> String {
        let instance = match self.host_kind {
            HostKind::Loopback => "localhost",
            HostKind::Netns | HostKind::Own => "_HOST",
        };
        format!("{service}/{instance}@{}", self.realm())
    }

    /// The file with the secret by which the servers sign the cookies of their pages' readers.
    pub(super) fn page_secret(&self) -> PathBuf {
        self.security().join("page.secret")
    }

    /// How this cluster's pages are asked for by anybody.
    pub(super) fn pages(&self) -> Pages {
        match self.authentication {
            Authentication::Simple => Pages::default(),
            // Without the CA's certificate no server is trusted.
            Authentication::Kerberos => {
                let pem = files::read(&self.ca(), Links::OfUsOrRoot, SMALL);
                Pages::signed_by(&pem.unwrap_or_default())
            }
        }
    }

    /// How the pages of a role are asked for by who starts the cluster: that has the servers' own secret, and needs no
    /// ticket, which not each build can get.
    ///
    /// # Errors
    /// If the secret cannot be read: a line that says what to do.
    pub(super) fn pages_of_starter(&self, role: Role) -> Result<Pages, String> {
        let pages = self.pages();
        if !self.is_secure() {
            return Ok(pages);
        }
        let secret = read_page_secret(&self.page_secret())?;
        let principal = format!("{}@{}", user(), self.realm());
        Ok(pages.with_cookie(cookie::signed(&secret, &user(), &principal, role)))
    }
}

/// The secret of the pages; one that is empty is no secret.
fn read_page_secret(path: &Path) -> Result<Vec<u8>, String> {
    let why = match files::read(path, Links::OfUsOrRoot, SMALL) {
        Ok(secret) if secret.is_empty() => "it is empty".to_owned(),
        Ok(secret) => return Ok(secret),
        Err(error) => error.to_string(),
    };
    let shown = path.display();
    Err(format!(
        "the secret of the pages, {shown}, is of no use: {why}; see that you may read it, or remove it and start the \
         cluster anew (cluster down, cluster up), which makes another"
    ))
}

/// The user that starts the cluster: HDFS's superuser. A container's files belong to it, so jobs must be its own.
pub(super) fn user() -> String {
    own_name().unwrap_or_else(|| "heartline".to_owned())
}

/// Creates a folder that only its owner may enter.
fn make_private(folder: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("{} cannot be created", folder.display()))
}

/// Random text of 32 hexadecimal digits.
fn random() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("the system has no random numbers")?;
    Ok(hex(&bytes))
}

/// Removes a folder with all that is in it, if it exists.
fn clear(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("{} cannot be removed", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_signed_without_a_secret() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.secret");
        let why = read_page_secret(&path).unwrap_err();
        assert!(why.contains("page.secret, is of no use: "), "{why}");
        fs::write(&path, "").unwrap();
        let why = read_page_secret(&path).unwrap_err();
        assert!(why.contains("it is empty; see that"), "{why}");
        fs::write(&path, "a").unwrap();
        assert_eq!(read_page_secret(&path), Ok(b"a".to_vec()));
    }
}
