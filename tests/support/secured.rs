//! A real `ZooKeeper` server that knows users by SASL and speaks TLS on a second port.

use std::fmt::Write as _;
use std::fs::{self, Permissions};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::server::free_port;
use super::{Authority, SOON, ZooKeeper, wait_until};

/// The users that the server knows; the password of each is its name and this.
const USERS: [&str; 2] = ["job", "stranger"];
/// What ends each password, so that a test finds one in a text.
pub(crate) const PASSWORD: &str = "-s3cret";

/// The server, and files of credentials. Its plain port is open to everybody, unless a setting closes it.
pub(crate) struct Secured {
    pub(crate) zookeeper: ZooKeeper,
    pub(crate) authority: Authority,
    tls_port: u16,
    folder: TempDir,
}

impl Secured {
    /// Starts it with more lines for its `zoo.cfg`.
    pub(crate) fn start(more: &[&str]) -> Self {
        let folder = TempDir::with_prefix("heartline-secured-").expect("a temporary folder");
        let authority = Authority::new(folder.path(), "ca");
        let certificate = authority.sign("server", "127.0.0.1");
        let jaas = folder.path().join("jaas.conf");
        fs::write(&jaas, jaas_text()).expect("a folder");
        let tls_port = free_port();
        let settings = [
            format!("secureClientPort={tls_port}"),
            "serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory".to_owned(),
            "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider".to_owned(),
            format!("ssl.keyStore.location={certificate}"),
            format!("ssl.trustStore.location={}", authority.certificate()),
        ];
        let settings = settings
            .iter()
            .map(String::as_str)
            .chain(["ssl.clientAuth=want"]);
        let settings: Vec<&str> = settings.chain(more.iter().copied()).collect();
        let login = format!("-Djava.security.auth.login.config={}", jaas.display());
        let zookeeper = ZooKeeper::arranged(&settings, |server| {
            server.properties.push(login.clone());
        });
        let secured = Self {
            zookeeper,
            authority,
            tls_port,
            folder,
        };
        secured.wait_for_tls();
        secured
    }

    /// Starts the server again, after the files of its certificates have changed.
    pub(crate) fn restart(&mut self) {
        self.zookeeper.restart();
        self.wait_for_tls();
    }

    /// The port of TLS opens a moment after the other.
    fn wait_for_tls(&self) {
        let address = self.tls_address();
        wait_until("the port of TLS is open", SOON, || {
            TcpStream::connect(&address).is_ok()
        });
    }

    /// `127.0.0.1:PORT` of TLS.
    pub(crate) fn tls_address(&self) -> String {
        format!("127.0.0.1:{}", self.tls_port)
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

    /// A file with the name of `user` and the password of `of`.
    pub(crate) fn credentials(&self, user: &str, of: &str) -> String {
        let path = self.folder.path().join(format!("{user}-{of}"));
        fs::write(&path, format!("{user}:{of}{PASSWORD}\n")).expect("a folder");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its owner");
        path.to_str().expect("a path").to_owned()
    }
}

fn jaas_text() -> String {
    let mut text =
        "Server {\n  org.apache.zookeeper.server.auth.DigestLoginModule required".to_owned();
    for user in USERS {
        let _ = write!(text, "\n  user_{user}=\"{user}{PASSWORD}\"");
    }
    text + ";\n};\n"
}
