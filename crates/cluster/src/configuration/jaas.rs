//! JAAS files: which keytab a server proves its identity by, to its clients (`Server`, `KafkaServer`), to the other servers
//! of the ensemble, and to ZooKeeper (`Client`).

use std::path::Path;

use super::{ConfigContext, Role};

/// The file of a role's JAAS sections; `None` for a role that has none: Hadoop's own keytabs are in its configuration.
pub(super) fn name(role: Role) -> Option<String> {
    let has = matches!(
        role,
        Role::Zookeeper | Role::Observer | Role::Zkfc | Role::Resourcemanager | Role::Kafka
    );
    has.then(|| format!("jaas-{role}.conf"))
}

/// The text of that file.
pub(super) fn text(context: &ConfigContext<'_>, role: Role) -> String {
    let (sections, service): (&[&str], &str) = match role {
        Role::Zkfc => (&["Client"], "nn"),
        Role::Resourcemanager => (&["Client"], "rm"),
        Role::Kafka => (&["KafkaServer", "Client"], "kafka"),
        _ => (&["Server", "QuorumServer", "QuorumLearner"], "zookeeper"),
    };
    let (cluster, host) = (context.cluster, context.host);
    let principal = format!("{}@{}", cluster.principal(host, service), cluster.realm());
    let login = login(&cluster.keytab(host, service), &principal);
    let section = |name: &&str| format!("{name} {{\n  {login}\n}};\n");
    sections.iter().map(section).collect()
}

/// How a login by a keytab is written.
pub(super) fn login(keytab: &Path, principal: &str) -> String {
    format!(
        "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true useTicketCache=false \
         keyTab=\"{}\" principal=\"{principal}\";",
        keytab.display()
    )
}
