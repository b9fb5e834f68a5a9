//! `server.properties` of a broker.

use super::{ConfigContext, File, Growing, Port, Role, lines, text as path};

pub(super) fn text(context: &ConfigContext<'_>) -> String {
    let (cluster, host) = (context.cluster, context.host);
    let brokers = cluster.with(Role::Kafka).count();
    let copies = brokers.clamp(1, 3);
    let mut kafka = Growing::default();
    kafka.put("broker.id", host.id);
    kafka.put(
        "listeners",
        format!("PLAINTEXT://{}", context.listen(Port::Kafka)),
    );
    kafka.put(
        "advertised.listeners",
        format!("PLAINTEXT://{}", host.place(Port::Kafka)),
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
    lines(&context.with_further(File::Kafka, kafka.0))
}
