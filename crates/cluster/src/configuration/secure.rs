//! What Kerberos and TLS add to Hadoop's files.

use super::{ConfigContext, Growing, Properties, Role, text};
use crate::secure::{STORE_PASSWORD, user};

/// The protection of RPC and of block transfers: encrypted.
const PROTECTION: &str = "privacy";

/// For `core-site.xml`.
pub(super) fn core(context: &ConfigContext<'_>, core: &mut Growing) {
    let cluster = context.cluster;
    core.put("hadoop.security.authentication", "kerberos");
    core.put("hadoop.security.authorization", true);
    core.put("hadoop.rpc.protection", PROTECTION);
    core.put("hadoop.ssl.server.conf", "ssl-server.xml");
    core.put("hadoop.ssl.client.conf", "ssl-client.xml");
    // Java's own AES: the native library has none, and each program would say so at length.
    core.put(
        "hadoop.security.crypto.codec.classes.aes.ctr.nopadding",
        "org.apache.hadoop.crypto.JceAesCtrCryptoCodec",
    );
    // The services have no users on this machine, whose groups could be looked up. The user that starts the cluster
    // administers it.
    core.put(
        "hadoop.user.group.static.mapping.overrides",
        format!("{}=supergroup;nn=supergroup;jn=;dn=;rm=;nm=;HTTP=", user()),
    );
    // Only a host with a failover controller has these files.
    if context.host.is(Role::Zkfc) {
        for (name, secret) in [("ha.zookeeper.auth", true), ("ha.zookeeper.acl", false)] {
            let file = cluster.failover_identity(context.host, secret);
            core.put(name, format!("@{}", text(&file)));
        }
    }
    if cluster.has_standby_resourcemanager() {
        core.put("hadoop.zk.acl", "sasl:rm:cdrwa");
    }
    // A JournalNode gives edits to whom it takes for itself, and its pages know a NameNode by its short name alone.
    core.put(
        "hadoop.security.auth_to_local",
        format!("RULE:[2:$1@$0](jn@{})s/.*/nn/ DEFAULT", cluster.realm()),
    );
    pages(context, core);
}

/// The pages, JMX and REST: only for those with a ticket.
fn pages(context: &ConfigContext<'_>, core: &mut Growing) {
    let (cluster, host) = (context.cluster, context.host);
    core.put(
        "hadoop.http.filter.initializers",
        "org.apache.hadoop.security.AuthenticationFilterInitializer",
    );
    let prefix = "hadoop.http.authentication";
    core.put(format!("{prefix}.type"), "kerberos");
    core.put(format!("{prefix}.kerberos.principal"), web(context));
    core.put(
        format!("{prefix}.kerberos.keytab"),
        text(&cluster.keytab(host, "HTTP")),
    );
    core.put(
        format!("{prefix}.signature.secret.file"),
        text(&cluster.page_secret()),
    );
}

/// The principal of a host's pages.
fn web(context: &ConfigContext<'_>) -> String {
    let cluster = context.cluster;
    format!(
        "{}@{}",
        cluster.principal(context.host, "HTTP"),
        cluster.realm()
    )
}

/// For `hdfs-site.xml`.
pub(super) fn hdfs(context: &ConfigContext<'_>, hdfs: &mut Growing) {
    let (cluster, host) = (context.cluster, context.host);
    for (what, service) in [
        ("namenode", "nn"),
        ("journalnode", "jn"),
        ("datanode", "dn"),
    ] {
        hdfs.put(
            format!("dfs.{what}.kerberos.principal"),
            cluster.principal_of_all(service),
        );
        hdfs.put(
            format!("dfs.{what}.keytab.file"),
            text(&cluster.keytab(host, service)),
        );
    }
    // Servers fetch edits and images from one another by HTTP with SPNEGO.
    let web = web(context);
    for name in [
        "dfs.namenode.kerberos.internal.spnego.principal",
        "dfs.journalnode.kerberos.internal.spnego.principal",
        "dfs.web.authentication.kerberos.principal",
    ] {
        hdfs.put(name, &web);
    }
    hdfs.put(
        "dfs.web.authentication.kerberos.keytab",
        text(&cluster.keytab(host, "HTTP")),
    );
    hdfs.put("dfs.http.policy", "HTTPS_ONLY");
    hdfs.put("dfs.block.access.token.enable", true);
    // With SASL, a DataNode needs no privileged ports.
    hdfs.put("dfs.data.transfer.protection", PROTECTION);
    hdfs.put(
        "dfs.encrypt.data.transfer.cipher.suites",
        "AES/CTR/NoPadding",
    );
}

/// For `yarn-site.xml`.
pub(super) fn yarn(context: &ConfigContext<'_>, yarn: &mut Growing) {
    let (cluster, host) = (context.cluster, context.host);
    for (what, service) in [("resourcemanager", "rm"), ("nodemanager", "nm")] {
        yarn.put(
            format!("yarn.{what}.principal"),
            cluster.principal_of_all(service),
        );
        yarn.put(
            format!("yarn.{what}.keytab"),
            text(&cluster.keytab(host, service)),
        );
        yarn.put(format!("yarn.{what}.webapp.spnego-principal"), web(context));
        yarn.put(
            format!("yarn.{what}.webapp.spnego-keytab-file"),
            text(&cluster.keytab(host, "HTTP")),
        );
    }
    yarn.put("yarn.http.policy", "HTTPS_ONLY");
}

/// The Java options of tasks: where the realm is described, and the library without which Hadoop writes no file for a
/// secured job.
pub(super) fn task_options(context: &ConfigContext<'_>) -> String {
    format!(
        " -Djava.security.krb5.conf={} -Djava.library.path={}",
        text(&context.cluster.krb5_conf()),
        text(&context.machine.native)
    )
}

/// `ssl-server.xml`: with the host's key.
pub(super) fn ssl_server(context: &ConfigContext<'_>) -> Properties {
    let mut ssl = Growing::default();
    let store = context.cluster.key_store(context.host);
    ssl.put("ssl.server.keystore.location", text(&store));
    ssl.put("ssl.server.keystore.type", "pkcs12");
    ssl.put("ssl.server.keystore.password", STORE_PASSWORD);
    ssl.put("ssl.server.keystore.keypassword", STORE_PASSWORD);
    truststore(context, &mut ssl, "server");
    ssl.0
}

/// `ssl-client.xml`: with the CA's certificate.
pub(super) fn ssl_client(context: &ConfigContext<'_>) -> Properties {
    let mut ssl = Growing::default();
    truststore(context, &mut ssl, "client");
    ssl.0
}

fn truststore(context: &ConfigContext<'_>, ssl: &mut Growing, whose: &str) {
    let store = context.cluster.trust_store();
    ssl.put(format!("ssl.{whose}.truststore.location"), text(&store));
    ssl.put(format!("ssl.{whose}.truststore.type"), "pkcs12");
    ssl.put(format!("ssl.{whose}.truststore.password"), STORE_PASSWORD);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{ConfigFile, LocalPaths, files};
    use crate::model::{Authentication, HostKind, list};
    use crate::parse::read;

    const HA: &str = include_str!("../../../../sample-data/clusters/three-hosts-ha.toml");
    const KAFKA: &str = include_str!("../../../../sample-data/clusters/observers-kafka.toml");

    /// All files of a host of a secure cluster, each after its name.
    fn all(sample: &str, host_kind: HostKind, host: &str) -> String {
        let (mut cluster, _) = read(sample, Path::new("/c"), host_kind).unwrap();
        cluster.set_authentication(Authentication::Kerberos);
        let machine = LocalPaths {
            jars: "/jars".into(),
            native: "/native".into(),
            heartline: "/heartline".into(),
        };
        let files = files(&cluster, cluster.host(host).unwrap(), &machine);
        for file in &files {
            assert!(
                file.private || !file.text.contains("password"),
                "{}",
                file.name
            );
        }
        let named = |file: &ConfigFile| format!("{}\n{}", file.name, file.text);
        list(files.iter().map(named), "")
    }

    fn is(text: &str, name: &str, value: &str) {
        let element = format!("<name>{name}</name>\n    <value>{value}</value>");
        assert!(text.contains(&element), "{name} is not {value}: {text}");
    }

    #[test]
    fn hadoop_has_principals_and_no_page_without_tls() {
        for (host_kind, instance) in [
            (HostKind::Loopback, "localhost"),
            (HostKind::Netns, "_HOST"),
        ] {
            let text = all(HA, host_kind, "h2");
            is(&text, "hadoop.security.authentication", "kerberos");
            for (name, service) in [
                ("dfs.namenode.kerberos.principal", "nn"),
                ("dfs.datanode.kerberos.principal", "dn"),
                ("dfs.journalnode.kerberos.principal", "jn"),
                ("yarn.resourcemanager.principal", "rm"),
                ("yarn.nodemanager.principal", "nm"),
            ] {
                is(
                    &text,
                    name,
                    &format!("{service}/{instance}@MYCLUSTER.HEARTLINE"),
                );
            }
            for plain in ["http-address", ".http.address", "webapp.address"] {
                assert!(!text.contains(plain), "{plain}: {text}");
            }
        }
        let text = all(HA, HostKind::Loopback, "h2");
        is(
            &text,
            "dfs.namenode.https-address.mycluster.nn2",
            "127.91.2.2:50070",
        );
        is(&text, "hadoop.zk.acl", "sasl:rm:cdrwa");
        is(&text, "hadoop.http.authentication.type", "kerberos");
        for name in [
            "hadoop.http.authentication.kerberos.principal",
            "yarn.nodemanager.webapp.spnego-principal",
        ] {
            is(&text, name, "HTTP/127.91.2.2@MYCLUSTER.HEARTLINE");
        }
        // A file, after a sign that says so.
        for file in ["zkfc.auth", "zkfc.acl"] {
            let mut lines = text.lines().map(str::trim);
            let end = format!("/h2/security/{file}</value>");
            let named = |line: &str| line.starts_with("<value>@") && line.ends_with(&end);
            assert!(lines.any(named), "{file}: {text}");
        }
        // No host without a failover controller has its identity.
        assert!(!all(HA, HostKind::Loopback, "h3").contains("ha.zookeeper.auth"));
    }

    #[test]
    fn the_ensemble_and_kafka_prove_who_they_are() {
        let text = all(KAFKA, HostKind::Netns, "k1");
        for line in [
            "authProvider.1=org.apache.zookeeper.server.auth.SASLAuthenticationProvider\n",
            "quorum.auth.serverRequireSasl=true\n",
            "listeners=SASL_SSL://k1:9092\n",
            "zookeeper.set.acl=true\n",
            "principal=\"zookeeper/k1@",
            "principal=\"kafka/k1@",
        ] {
            assert!(text.contains(line), "{line}: {text}");
        }
        assert!(!text.contains("PLAINTEXT"), "{text}");
    }
}
