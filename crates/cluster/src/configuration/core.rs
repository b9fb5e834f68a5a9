//! `core-site.xml`: the URI of HDFS, and the ensemble for failover.

use super::{ConfigContext, File, Growing, Properties, secure, text};

/// How often a ZKFC tries to reach ZooKeeper again before it ends: some 15 s each (`ActiveStandbyElector`). With Hadoop's
/// default of 3, a host that is cut off for a minute returns without its ZKFC.
const ZKFC_ATTEMPTS: u32 = 20;
const ZKFC_RETRIES: &str = "ha.failover-controller.active-standby-elector.zk.op.retries";

pub(super) fn properties(context: &ConfigContext<'_>) -> Properties {
    let cluster = context.cluster;
    let mut core = Growing::default();
    if let Some(file_system) = cluster.file_system() {
        core.put("fs.defaultFS", file_system);
    }
    if cluster.has_standby_namenode() {
        core.put("ha.zookeeper.quorum", cluster.quorum());
        core.put(ZKFC_RETRIES, ZKFC_ATTEMPTS);
    }
    core.put(
        "hadoop.tmp.dir",
        text(&cluster.home(context.host).join("tmp")),
    );
    if cluster.is_secure() {
        secure::core(context, &mut core);
    }
    context.with_further(File::Core, core.0)
}
