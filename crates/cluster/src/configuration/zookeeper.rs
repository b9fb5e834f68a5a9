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
    if cluster.is_secure() {
        sasl(&mut zoo);
    }
    // A single server is not an ensemble.
    if cluster.ensemble().nth(1).is_some() {
        if cluster.is_secure() {
            quorum_sasl(&mut zoo);
        }
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

/// Clients may prove who they are by Kerberos. Those that do not are let in, and may do what ACLs allow everybody: the
/// tasks' heartbeats need no ticket.
fn sasl(zoo: &mut Growing) {
    zoo.put(
        "authProvider.1",
        "org.apache.zookeeper.server.auth.SASLAuthenticationProvider",
    );
    // ACLs name a service, not each of its hosts.
    zoo.put("kerberos.removeHostFromPrincipal", true);
    zoo.put("kerberos.removeRealmFromPrincipal", true);
}

/// The servers prove to each other who they are.
fn quorum_sasl(zoo: &mut Growing) {
    for name in ["enableSasl", "learnerRequireSasl", "serverRequireSasl"] {
        zoo.put(format!("quorum.auth.{name}"), true);
    }
    zoo.put("quorum.auth.kerberos.servicePrincipal", "zookeeper/_HOST");
    zoo.put("quorum.auth.learner.loginContext", "QuorumLearner");
    zoo.put("quorum.auth.server.loginContext", "QuorumServer");
    zoo.put("quorum.cnxn.threads.size", 20);
}
