//! A real Kafka broker without `ZooKeeper` that knows users by SASL, speaks TLS, and lets write who has the right to.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::TempDir;

use super::hadoop::succeed;
use super::server::free_port;
use super::{Authority, Kafka, PASSWORD};

/// The users that the broker knows by each mechanism; the password of each is its name and [`PASSWORD`].
const USERS: [&str; 2] = ["job", "stranger"];
/// The certificate of the broker's listeners of TLS, by the name of the listener.
const CERTIFICATES: [(&str, &str); 4] = [
    ("closed", "broker"),
    ("certified", "broker"),
    ("expired", "expired"),
    ("elsewhere", "elsewhere"),
];

/// The broker, and files of credentials. Its plain port is open to everybody, who may do everything there.
pub(crate) struct SecuredKafka {
    pub(crate) broker: Kafka,
    pub(crate) authority: Authority,
    /// By the name of the listener.
    ports: Vec<(&'static str, u16)>,
    folder: TempDir,
}

impl SecuredKafka {
    /// Starts it and waits until it serves.
    pub(crate) fn start() -> Self {
        let folder = TempDir::with_prefix("heartline-secured-").expect("a temporary folder");
        let authority = Authority::new(folder.path(), "ca");
        authority.sign("broker", "127.0.0.1");
        authority.sign_until("expired", "127.0.0.1", 2021);
        authority.sign("elsewhere", "kafka.example");
        let names = ["open", "controller", "scram"].into_iter();
        let names = names.chain(CERTIFICATES.map(|(listener, _)| listener));
        let ports: Vec<_> = names.map(|name| (name, free_port())).collect();
        let settings = settings(&ports, folder.path(), &authority);
        let mut broker = Kafka::arranged(ports[0].1, settings);
        let mut format = Kafka::tool("kafka.tools.StorageTool");
        format.args(["format", "--cluster-id", "aGVhcnRsaW5lLWthZmthIQ"]);
        format.arg("--config").arg(broker.write_settings());
        for user in USERS {
            for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
                let user = format!("{mechanism}=[name={user},password={user}{PASSWORD}]");
                format.args(["--add-scram", &user]);
            }
        }
        succeed(&mut format);
        broker.launch();
        Self {
            broker,
            authority,
            ports,
            folder,
        }
    }

    /// `kafka://127.0.0.1:PORT/TOPIC` of a listener: `open` without TLS and SASL, `scram` without TLS, `closed` with both,
    /// `certified` for clients with a certificate, `expired` and `elsewhere` with a certificate that is no good.
    pub(crate) fn target(&self, listener: &str, topic: &str) -> String {
        let port = port(&self.ports, listener);
        format!("kafka://127.0.0.1:{port}/{topic}")
    }

    /// A place for a test's own files.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A file with the name of `user` and the password of `of`.
    pub(crate) fn credentials(&self, user: &str, of: &str) -> String {
        let path = self.folder.path().join(format!("{user}.credentials"));
        fs::write(&path, format!("{user}:{of}{PASSWORD}\n")).expect("a folder");
        fs::set_permissions(&path, Permissions::from_mode(0o600)).expect("its owner");
        path.to_str().expect("a path").to_owned()
    }

    /// Gives `user` the password of `of` for SCRAM-SHA-512, by Kafka's own command.
    pub(crate) fn change_password(&self, user: &str, of: &str) {
        let password = format!("SCRAM-SHA-512=[password={of}{PASSWORD}]");
        let mut command = Kafka::tool("kafka.admin.ConfigCommand");
        command.args(["--bootstrap-server", &self.broker.address(), "--alter"]);
        command.args(["--entity-type", "users", "--entity-name", user]);
        succeed(command.args(["--add-config", &password]));
    }

    /// Adds a right by Kafka's own command with these words.
    pub(crate) fn allow(&self, words: &[&str]) {
        let mut command = Kafka::tool("kafka.admin.AclCommand");
        command.args(["--bootstrap-server", &self.broker.address(), "--add"]);
        succeed(command.args(words));
    }
}

fn port(ports: &[(&str, u16)], listener: &str) -> u16 {
    let found = ports.iter().find(|(name, _)| *name == listener);
    found.expect("a listener").1
}

/// The lines of `server.properties`.
fn settings(ports: &[(&str, u16)], folder: &Path, authority: &Authority) -> String {
    let listeners: Vec<_> = ports
        .iter()
        .map(|(name, port)| format!("{}://127.0.0.1:{port}", name.to_uppercase()))
        .collect();
    let clients: Vec<_> = listeners
        .iter()
        .filter(|listener| !listener.starts_with("CONTROLLER"))
        .cloned()
        .collect();
    let passwords = USERS.map(|user| format!("user_{user}=\"{user}{PASSWORD}\""));
    let login = "org.apache.kafka.common.security";
    let mut lines = vec![
        "process.roles=broker,controller".to_owned(),
        "node.id=1".to_owned(),
        format!("controller.quorum.voters=1@127.0.0.1:{}", port(ports, "controller")),
        "controller.listener.names=CONTROLLER".to_owned(),
        "inter.broker.listener.name=OPEN".to_owned(),
        format!("listeners={}", listeners.join(",")),
        format!("advertised.listeners={}", clients.join(",")),
        "listener.security.protocol.map=OPEN:PLAINTEXT,CONTROLLER:PLAINTEXT,SCRAM:SASL_PLAINTEXT,CLOSED:SASL_SSL,\
         CERTIFIED:SSL,EXPIRED:SSL,ELSEWHERE:SSL"
            .to_owned(),
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer".to_owned(),
        "super.users=User:ANONYMOUS".to_owned(),
        "ssl.truststore.type=PEM".to_owned(),
        format!("ssl.truststore.location={}", authority.certificate()),
        "ssl.keystore.type=PEM".to_owned(),
        "listener.name.certified.ssl.client.auth=required".to_owned(),
        "listener.name.scram.sasl.enabled.mechanisms=SCRAM-SHA-512".to_owned(),
        "listener.name.closed.sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN".to_owned(),
        format!(
            "listener.name.closed.plain.sasl.jaas.config={login}.plain.PlainLoginModule required {};",
            passwords.join(" ")
        ),
    ];
    for (listener, certificate) in CERTIFICATES {
        let file = folder.join(format!("{certificate}.pem"));
        let key = format!("listener.name.{listener}.ssl.keystore.location");
        lines.push(format!("{key}={}", file.display()));
    }
    for (listener, mechanism) in [("scram", 512), ("closed", 512), ("closed", 256)] {
        lines.push(format!(
            "listener.name.{listener}.scram-sha-{mechanism}.sasl.jaas.config={login}.scram.ScramLoginModule required;"
        ));
    }
    lines.join("\n") + "\n"
}
