//! `hdfs-site.xml`: one NameNode, or two with their journal, fencing and failover.

use super::{ConfigContext, File, Growing, HostKind, Port, Properties, Role, secure, text};
use crate::model::list;

/// The ssh key of the user that runs the start scripts, on separate machines.
const KEY: &str = "/root/.ssh/id_rsa";

pub(super) fn properties(context: &ConfigContext<'_>) -> Properties {
    let cluster = context.cluster;
    let mut hdfs = Growing::default();
    let scheme = context.scheme();
    if cluster.has_standby_namenode() {
        standby(context, &mut hdfs);
    } else if let Some(namenode) = cluster.with(Role::Namenode).next() {
        hdfs.put("dfs.namenode.rpc-address", namenode.place(Port::Namenode));
        hdfs.put(
            format!("dfs.namenode.{scheme}-address"),
            namenode.place(Port::NamenodeHttp),
        );
    }
    let file = |role| format!("file://{}", text(&context.data(role)));
    hdfs.put("dfs.namenode.name.dir", file(Role::Namenode));
    hdfs.put("dfs.datanode.data.dir", file(Role::Datanode));
    hdfs.put("dfs.datanode.address", context.listen(Port::Datanode));
    hdfs.put(
        "dfs.datanode.ipc.address",
        context.listen(Port::DatanodeIpc),
    );
    hdfs.put(
        format!("dfs.datanode.{scheme}.address"),
        context.listen(Port::DatanodeHttp),
    );
    let datanodes = cluster.with(Role::Datanode).count();
    hdfs.put("dfs.replication", datanodes.clamp(1, 3));
    if context.on_one_machine() {
        // The hosts' addresses have no names in DNS.
        hdfs.put(
            "dfs.namenode.datanode.registration.ip-hostname-check",
            false,
        );
        hdfs.put("dfs.namenode.safemode.extension", 0);
        // If all hosts send from one shared address, it does not lead back to any of them.
        hdfs.put("dfs.datanode.hostname", &context.host.called);
        hdfs.put("dfs.client.use.datanode.hostname", true);
        hdfs.put("dfs.datanode.use.datanode.hostname", true);
    }
    if cluster.is_secure() {
        secure::hdfs(context, &mut hdfs);
    }
    context.with_further(File::Hdfs, hdfs.0)
}

fn standby(context: &ConfigContext<'_>, hdfs: &mut Growing) {
    let (cluster, name) = (context.cluster, &context.cluster.name);
    let (namenodes, scheme) = (cluster.namenodes(), context.scheme());
    let ids = namenodes.iter().map(|(id, _)| id.clone());
    hdfs.put("dfs.nameservices", name);
    hdfs.put(format!("dfs.ha.namenodes.{name}"), list(ids, ","));
    for (id, namenode) in &namenodes {
        hdfs.put(
            format!("dfs.namenode.rpc-address.{name}.{id}"),
            namenode.place(Port::Namenode),
        );
        hdfs.put(
            format!("dfs.namenode.{scheme}-address.{name}.{id}"),
            namenode.place(Port::NamenodeHttp),
        );
        hdfs.put(
            format!("dfs.ha.zkfc.port.{name}.{id}"),
            namenode.port(Port::Zkfc),
        );
        // Every loopback address is local to every host, so a host cannot find out by the addresses which NameNode it
        // is.
        if context.on_one_machine() && *namenode == context.host {
            hdfs.put("dfs.ha.namenode.id", id);
        }
    }
    let journalnodes = cluster.with(Role::Journalnode);
    let journal = list(journalnodes.map(|host| host.place(Port::Journalnode)), ";");
    hdfs.put(
        "dfs.namenode.shared.edits.dir",
        format!("qjournal://{journal}/{name}"),
    );
    hdfs.put(
        "dfs.journalnode.edits.dir",
        text(&context.data(Role::Journalnode)),
    );
    hdfs.put(
        "dfs.journalnode.rpc-address",
        context.listen(Port::Journalnode),
    );
    hdfs.put(
        format!("dfs.journalnode.{scheme}-address"),
        context.listen(Port::JournalnodeHttp),
    );
    hdfs.put(
        format!("dfs.client.failover.proxy.provider.{name}"),
        "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider",
    );
    fence(context, hdfs);
    hdfs.put("dfs.ha.automatic-failover.enabled", true);
}

/// How the NameNode that takes over makes sure that the other one is gone.
fn fence(context: &ConfigContext<'_>, hdfs: &mut Growing) {
    let cluster = context.cluster;
    // heartline kills the NameNode from outside, like a power switch: the host need not answer.
    let switch = format!(
        "shell({} cluster fence {} $target_namenodeid)",
        text(&context.machine.heartline),
        text(&cluster.folder)
    );
    let (methods, key) = match cluster.host_kind {
        HostKind::Loopback => (switch, None),
        HostKind::Netns => {
            let key = text(&cluster.key(context.host));
            (format!("sshfence\n{switch}"), Some(key))
        }
        HostKind::Own => ("sshfence".to_owned(), Some(KEY.to_owned())),
    };
    hdfs.put("dfs.ha.fencing.methods", methods);
    if let Some(key) = key {
        hdfs.put("dfs.ha.fencing.ssh.private-key-files", key);
        hdfs.put("dfs.ha.fencing.ssh.connect-timeout", 5000);
    }
}
