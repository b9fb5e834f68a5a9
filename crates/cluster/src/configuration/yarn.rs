//! `yarn-site.xml`: one `ResourceManager`, or several of which one is active; and the scheduler's file.

use super::{ConfigContext, File, Growing, Port, Properties, Role, secure, text};
use crate::model::{Host, list};

pub(super) fn properties(context: &ConfigContext<'_>) -> Properties {
    let cluster = context.cluster;
    let mut yarn = Growing::default();
    let managers = cluster.resourcemanagers();
    if cluster.has_standby_resourcemanager() {
        let ids = managers.iter().map(|(id, _)| id.clone());
        yarn.put("yarn.resourcemanager.ha.enabled", true);
        yarn.put("yarn.resourcemanager.cluster-id", &cluster.name);
        yarn.put("yarn.resourcemanager.ha.rm-ids", list(ids, ","));
        for (id, host) in &managers {
            addresses(context, &mut yarn, host, &format!(".{id}"));
            if context.on_one_machine() && *host == context.host {
                yarn.put("yarn.resourcemanager.ha.id", id);
            }
        }
        yarn.put("yarn.resourcemanager.recovery.enabled", true);
        yarn.put(
            "yarn.resourcemanager.store.class",
            "org.apache.hadoop.yarn.server.resourcemanager.recovery.ZKRMStateStore",
        );
        // Hadoop 3's name of yarn.resourcemanager.zk-address.
        yarn.put("hadoop.zk.address", cluster.quorum());
    } else if let Some((_, host)) = managers.first() {
        addresses(context, &mut yarn, host, "");
    }
    yarn.put("yarn.nodemanager.aux-services", "mapreduce_shuffle");
    if context.host.is(Role::Nodemanager) {
        node(context, &mut yarn);
    }
    if context.on_one_machine() {
        on_one_machine(context, &mut yarn);
    }
    if cluster.is_secure() {
        secure::yarn(context, &mut yarn);
    }
    context.with_further(File::Yarn, yarn.0)
}

/// The property of a page's address.
fn page(context: &ConfigContext<'_>) -> &'static str {
    if context.cluster.is_secure() {
        "webapp.https.address"
    } else {
        "webapp.address"
    }
}

fn addresses(context: &ConfigContext<'_>, yarn: &mut Growing, host: &Host, suffix: &str) {
    let page = page(context);
    yarn.put(
        format!("yarn.resourcemanager.hostname{suffix}"),
        &host.called,
    );
    for (what, port) in [
        ("address", Port::Resourcemanager),
        ("scheduler.address", Port::ResourcemanagerScheduler),
        ("resource-tracker.address", Port::ResourcemanagerTracker),
        ("admin.address", Port::ResourcemanagerAdmin),
        (page, Port::ResourcemanagerHttp),
    ] {
        yarn.put(
            format!("yarn.resourcemanager.{what}{suffix}"),
            host.place(port),
        );
    }
}

fn node(context: &ConfigContext<'_>, yarn: &mut Growing) {
    for (what, port) in [
        ("address", Port::Nodemanager),
        ("localizer.address", Port::NodemanagerLocalizer),
        (page(context), Port::NodemanagerHttp),
        ("collector-service.address", Port::NodemanagerCollector),
    ] {
        yarn.put(format!("yarn.nodemanager.{what}"), context.listen(port));
    }
    yarn.put(
        "yarn.nodemanager.local-dirs",
        text(&context.data(Role::Nodemanager)),
    );
    yarn.put(
        "yarn.nodemanager.log-dirs",
        text(&context.cluster.logs(context.host).join("tasks")),
    );
}

/// Settings that let several hosts and their tasks run on one machine.
fn on_one_machine(context: &ConfigContext<'_>, yarn: &mut Growing) {
    let (cluster, host) = (context.cluster, context.host);
    let nodes = cluster.with(Role::Nodemanager).count().max(1);
    // This leaves room for an application master and four tasks on each of two hosts, or eight tasks on a single host.
    // The scheduler counts only memory, so that few cores do not block many mappers that only wait.
    yarn.put(
        "yarn.nodemanager.resource.memory-mb",
        (10_240 / nodes).max(5_120),
    );
    yarn.put("yarn.nodemanager.resource.cpu-vcores", 16);
    yarn.put("yarn.scheduler.minimum-allocation-mb", 256);
    yarn.put("yarn.scheduler.maximum-allocation-mb", 4096);
    yarn.put("yarn.nodemanager.vmem-check-enabled", false);
    yarn.put(
        "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage",
        "99.5",
    );
    yarn.put("yarn.nodemanager.delete.debug-delay-sec", 0);
    yarn.put("yarn.nodemanager.log.retain-seconds", 86_400);
    yarn.put("yarn.nodemanager.process-kill-wait.ms", 1000);
    yarn.put(
        "yarn.node-attribute.fs-store.root-dir",
        format!(
            "file://{}",
            text(&cluster.home(host).join("node-attributes"))
        ),
    );
    yarn.put(
        "yarn.application.classpath",
        format!(
            "{},{}/*",
            text(&cluster.conf(host)),
            text(&context.machine.jars)
        ),
    );
}

pub(super) fn scheduler(context: &ConfigContext<'_>) -> Properties {
    let mut scheduler = Growing::default();
    scheduler.put("yarn.scheduler.capacity.root.queues", "default");
    scheduler.put("yarn.scheduler.capacity.root.default.capacity", 100);
    scheduler.put("yarn.scheduler.capacity.maximum-am-resource-percent", "0.5");
    scheduler.put("yarn.scheduler.capacity.node-locality-delay", -1);
    context.with_further(File::Scheduler, scheduler.0)
}
