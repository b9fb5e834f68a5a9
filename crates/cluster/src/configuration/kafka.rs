//! `server.properties` of a broker.

use super::{ConfigContext, File, Growing, Port, Role, jaas, lines, text as path};
use crate::secure::{STORE_PASSWORD, user};

/// The file by which clients reach the brokers of a secure cluster.
pub(super) const CLIENT: &str = "kafka-client.properties";
/// How those authenticate and encrypt.
const PROTOCOL: &str = "SASL_SSL";
const MECHANISM: &str = "GSSAPI";

pub(super) fn text(context: &ConfigContext<'_>) -> String {
    let (cluster, host) = (context.cluster, context.host);
    let brokers = cluster.with(Role::Kafka).count();
    let copies = brokers.clamp(1, 3);
    let mut kafka = Growing::default();
    let protocol = if cluster.is_secure() {
        PROTOCOL
    } else {
        "PLAINTEXT"
    };
    kafka.put("broker.id", host.id);
    kafka.put(
        "listeners",
        format!("{protocol}://{}", context.listen(Port::Kafka)),
    );
    kafka.put(
        "advertised.listeners",
        format!("{protocol}://{}", host.place(Port::Kafka)),
    );
    kafka.put("log.dirs", path(&context.data(Role::Kafka)));
    kafka.put("zookeeper.connect", cluster.quorum());
    kafka.put("offsets.topic.replication.factor", copies);
    kafka.put("transaction.state.log.replication.factor", copies);
    kafka.put("transaction.state.log.min.isr", copies.min(2));
    if context.on_one_machine() {
        // The time in milliseconds after which a dead broker is noticed.
        kafka.put("zookeeper.session.timeout.ms", 6000);
        // A consumer group with one member need not wait for others.
        kafka.put("group.initial.rebalance.delay.ms", 0);
    }
    if cluster.is_secure() {
        kafka.put("security.inter.broker.protocol", PROTOCOL);
        kafka.put("sasl.mechanism.inter.broker.protocol", MECHANISM);
        kafka.put("sasl.enabled.mechanisms", MECHANISM);
        kafka.put("sasl.kerberos.service.name", "kafka");
        kafka.put("ssl.keystore.location", path(&cluster.key_store(host)));
        kafka.put("ssl.keystore.type", "PKCS12");
        kafka.put("ssl.keystore.password", STORE_PASSWORD);
        kafka.put("ssl.key.password", STORE_PASSWORD);
        truststore(context, &mut kafka);
        // What the brokers write in ZooKeeper, only they may change.
        kafka.put("zookeeper.set.acl", true);
    }
    lines(&context.with_further(File::Kafka, kafka.0))
}

/// The file for clients: as the user that has started the cluster.
pub(super) fn client(context: &ConfigContext<'_>) -> String {
    let cluster = context.cluster;
    let mut client = Growing::default();
    client.put("security.protocol", PROTOCOL);
    client.put("sasl.mechanism", MECHANISM);
    client.put("sasl.kerberos.service.name", "kafka");
    let principal = format!("{}@{}", user(), cluster.realm());
    client.put(
        "sasl.jaas.config",
        jaas::login(&cluster.user_keytab(), &principal),
    );
    truststore(context, &mut client);
    lines(&client.0)
}

fn truststore(context: &ConfigContext<'_>, kafka: &mut Growing) {
    kafka.put(
        "ssl.truststore.location",
        path(&context.cluster.trust_store()),
    );
    kafka.put("ssl.truststore.type", "PKCS12");
    kafka.put("ssl.truststore.password", STORE_PASSWORD);
}
