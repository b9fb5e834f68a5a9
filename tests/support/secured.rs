//! Real `ZooKeeper` servers that know users by SASL and speak TLS on a second port: one, or an ensemble of three.

use std::net::TcpStream;

use super::server::free_port;
use super::{Ensemble, SOON, SecureFiles, ZooKeeper, wait_until};

/// One server, and files of credentials. Its plain port is open to everybody, unless a setting closes it.
pub(crate) struct Secured {
    pub(crate) zookeeper: ZooKeeper,
    pub(crate) files: SecureFiles,
    tls_port: u16,
}

impl Secured {
    /// Starts it with more lines for its `zoo.cfg`.
    pub(crate) fn start(more: &[&str]) -> Self {
        let more: Vec<String> = more.iter().map(ToString::to_string).collect();
        Self::arranged(|_| more)
    }

    /// The same with lines that name files.
    pub(crate) fn arranged(more: impl FnOnce(&SecureFiles) -> Vec<String>) -> Self {
        let files = SecureFiles::new();
        let tls_port = free_port();
        let settings = [files.settings(tls_port), more(&files)].concat();
        let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
        let zookeeper = ZooKeeper::arranged(&settings, |server| {
            server.properties.push(files.login());
        });
        let secured = Self {
            zookeeper,
            files,
            tls_port,
        };
        secured.wait_for_tls();
        secured
    }

    /// Starts the server again, after the files of its certificates have changed.
    pub(crate) fn restart(&mut self) {
        self.zookeeper.restart();
        self.wait_for_tls();
    }

    fn wait_for_tls(&self) {
        wait_until_open(&self.tls_address());
    }

    /// `127.0.0.1:PORT` of TLS.
    pub(crate) fn tls_address(&self) -> String {
        format!("127.0.0.1:{}", self.tls_port)
    }
}

/// The port of TLS opens a moment after the other.
fn wait_until_open(address: &str) {
    wait_until("the port of TLS is open", SOON, || {
        TcpStream::connect(address).is_ok()
    });
}

/// Three servers that authenticate each other by TLS and SASL, and give no session to who does not authenticate by SASL.
pub(crate) struct SecuredEnsemble {
    pub(crate) ensemble: Ensemble,
    pub(crate) files: SecureFiles,
}

impl SecuredEnsemble {
    /// Starts it and waits until it has a leader and two followers, and all speak TLS.
    pub(crate) fn start() -> Self {
        let files = SecureFiles::new();
        let ensemble = Ensemble::arranged(|server| {
            let tls_port = free_port();
            server.tls_port = Some(tls_port);
            server.settings = [files.settings(tls_port), files.quorum_settings()].concat();
            let closed = [
                "sessionRequireClientSASLAuth=true",
                "requireClientAuthScheme=sasl",
            ];
            server.settings.extend(closed.map(str::to_owned));
            server.properties.push(files.login());
        });
        for address in ensemble.tls_addresses() {
            wait_until_open(&address);
        }
        Self { ensemble, files }
    }

    /// The ports of TLS of all servers, in the form of `--zookeeper`.
    pub(crate) fn tls_address(&self) -> String {
        self.ensemble.tls_addresses().join(",")
    }
}
