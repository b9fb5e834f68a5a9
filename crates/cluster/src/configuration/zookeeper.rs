//! `zoo.cfg`.

use super::{ConfigContext, File, Growing, Port, Role, lines, text as path};
use heartline_zookeeper::place;

/// The text of the file: equal on all servers except for the listening address and the observer setting.
pub(super) fn text(context: &ConfigContext<'_>) -> String {
    let (cluster, host) = (context.cluster, context.host);
    let mut zoo = Growing::default();
    zoo.put("tickTime", 2000);
    zoo.put("initLimit", 10);
    zoo.put("syncLimit", 5);
    zoo.put("dataDir", path(&context.data(Role::Zookeeper)));
    zoo.put("clientPort", host.port(Port::Zookeeper));
    if context.on_one_machine() {
        zoo.put("clientPortAddress", &host.called);
        zoo.put("admin.serverAddress", &host.called);
    }
    zoo.put("admin.serverPort", host.port(Port::ZookeeperAdmin));
    // Every mapper on a host is one more connection; the default limit of 60 would reject the 61st.
    zoo.put("maxClientCnxns", 0);
    zoo.put("autopurge.purgeInterval", 1);
    zoo.put("autopurge.snapRetainCount", 3);
    zoo.put(
        "4lw.commands.whitelist",
        "stat, srvr, mntr, conf, ruok, isro, cons, wchs",
    );
    if host.is(Role::Observer) {
        zoo.put("peerType", "observer");
    }
    // A single server is not an ensemble.
    if cluster.ensemble().nth(1).is_some() {
        for server in cluster.ensemble() {
            let observer = if server.is(Role::Observer) {
                ":observer"
            } else {
                ""
            };
            let (quorum, election) = (
                server.port(Port::ZookeeperQuorum),
                server.port(Port::ZookeeperElection),
            );
            zoo.put(
                format!("server.{}", server.id),
                format!("{}:{election}{observer}", place(&server.called, quorum)),
            );
        }
    }
    lines(&context.with_further(File::Zoo, zoo.0))
}
