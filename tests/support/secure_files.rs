//! The CA, the certificates and the users of secured `ZooKeeper` servers, and the files by which clients prove who they are.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use heartline::coordination::{SaslMechanism, Security};
use tempfile::TempDir;

use super::Authority;

/// The users that the servers know; the password of each is its name and this.
const USERS: [&str; 2] = ["job", "stranger"];
/// What ends each password, so that a test finds one in a text.
pub(crate) const PASSWORD: &str = "-s3cret";

/// The files, in a folder that goes with this value.
pub(crate) struct SecureFiles {
    pub(crate) authority: Authority,
    /// The servers' certificate, for the address `127.0.0.1`.
    certificate: String,
    folder: TempDir,
}

impl SecureFiles {
    pub(crate) fn new() -> Self {
        let folder = TempDir::with_prefix("heartline-secured-").expect("a temporary folder");
        let authority = Authority::new(folder.path(), "ca");
        let certificate = authority.sign("server", "127.0.0.1");
        fs::write(folder.path().join("jaas.conf"), jaas_text()).expect("a folder");
        Self {
            authority,
            certificate,
            folder,
        }
    }

    /// Lines of `zoo.cfg`: TLS on `tls_port`, and SASL for clients that want it.
    pub(crate) fn settings(&self, tls_port: u16) -> Vec<String> {
        vec![
            format!("secureClientPort={tls_port}"),
            "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory".to_owned(),
            "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider".to_owned(),
            format!("ssl.keyStore.location={}", self.certificate),
            format!("ssl.trustStore.location={}", self.authority.certificate()),
            "ssl.clientAuth=want".to_owned(),
        ]
    }

    /// Lines of `zoo.cfg`: TLS between the servers of an ensemble, and no server without its password.
    pub(crate) fn quorum_settings(&self) -> Vec<String> {
        let mut settings = self.quorum_certificates();
        let sasl = [
            "sslQuorum=true",
            "quorum.auth.enableSasl=true",
            "quorum.auth.learnerRequireSasl=true",
            "quorum.auth.serverRequireSasl=true",
            "quorum.auth.learner.loginContext=QuorumLearner",
            "quorum.auth.server.loginContext=QuorumServer",
        ];
        settings.extend(sasl.map(str::to_owned));
        settings
    }

    /// Lines of `zoo.cfg`: the certificates between servers, which the admin server uses too.
    pub(crate) fn quorum_certificates(&self) -> Vec<String> {
        vec![
            format!("ssl.quorum.keyStore.location={}", self.certificate),
            format!(
                "ssl.quorum.trustStore.location={}",
                self.authority.certificate()
            ),
        ]
    }

    /// The property of a server by which it finds its users.
    pub(crate) fn login(&self) -> String {
        let jaas = self.folder.path().join("jaas.conf");
        format!("-Djava.security.auth.login.config={}", jaas.display())
    }

    /// A place for a test's own files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// `--zookeeper-sasl` as this user.
    pub(crate) fn sasl(&self, user: &str) -> String {
        format!(
            "--zookeeper-sasl=digest-md5:{}",
            self.credentials(user, user)
        )
    }

    /// `--zookeeper-auth` as this user.
    pub(crate) fn digest(&self, user: &str) -> String {
        format!("--zookeeper-auth=digest:{}", self.credentials(user, user))
    }

    /// `--zookeeper-tls` with the servers' CA.
    pub(crate) fn tls(&self) -> String {
        format!("--zookeeper-tls={}", self.authority.certificate())
    }

    /// The settings of who has the servers' own certificate.
    pub(crate) fn security_of_servers(&self) -> Security {
        Security {
            ca: Some(self.authority.certificate().into()),
            certificate: Some(self.certificate.clone().into()),
            ..Security::default()
        }
    }

    /// The settings of sessions of this user by TLS.
    pub(crate) fn security(&self, user: &str) -> Security {
        Security {
            sasl: Some(SaslMechanism::DigestMd5(
                self.credentials(user, user).into(),
            )),
            ca: Some(self.authority.certificate().into()),
            ..Security::default()
        }
    }

    /// A file with the name of `user` and the password of `of`.
    pub(crate) fn credentials(&self, user: &str, of: &str) -> String {
        let path = self.folder.path().join(format!("{user}-{of}"));
        self.write(&format!("{user}-{of}"), &format!("{user}:{of}{PASSWORD}\n"));
        path.to_str().expect("a path").to_owned()
    }

    /// Writes a file that only its owner may read; returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("a folder");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its owner");
        path
    }
}

/// The users, and that of the servers among themselves.
fn jaas_text() -> String {
    let module = "org.apache.zookeeper.server.auth.DigestLoginModule required";
    let mut text = format!("Server {{\n  {module}");
    for user in USERS {
        let _ = write!(text, "\n  user_{user}=\"{user}{PASSWORD}\"");
    }
    let _ = write!(
        text,
        ";\n}};\nQuorumServer {{\n  {module}\n  user_quorum=\"quorum{PASSWORD}\";\n}};\n\
         QuorumLearner {{\n  {module}\n  username=\"quorum\" password=\"quorum{PASSWORD}\";\n}};\n"
    );
    text
}
