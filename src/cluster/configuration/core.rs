//! `core-site.xml`: the URI of HDFS, and the ensemble for failover.

use super::{ConfigContext, File, Growing, Properties, text};

pub(super) fn properties(context: &ConfigContext<'_>) -> Properties {
    let cluster = context.cluster;
    let mut core = Growing::default();
    if let Some(file_system) = cluster.file_system() {
        core.put("fs.defaultFS", file_system);
    }
    if cluster.has_standby_namenode() {
        core.put("ha.zookeeper.quorum", cluster.quorum());
    }
    core.put(
        "hadoop.tmp.dir",
        text(&cluster.home(context.host).join("tmp")),
    );
    context.with_further(File::Core, core.0)
}
