//! `mapred-site.xml`.

use super::{ConfigContext, File, Growing, Port, Properties, Role, secure, text};

/// A task's JVM lives for seconds only, so the second compiler tier does not pay off.
const QUICK: &str =
    "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 --add-opens=java.base/java.lang=ALL-UNNAMED";

pub(super) fn properties(context: &ConfigContext<'_>) -> Properties {
    let mut mapred = Growing::default();
    let has_yarn = context.cluster.with(Role::Resourcemanager).next().is_some();
    let framework = if has_yarn { "yarn" } else { "local" };
    mapred.put("mapreduce.framework.name", framework);
    let shuffle = context.host.port(Port::NodemanagerShuffle);
    // Separate machines keep Hadoop's default unless the description sets the port.
    if context.on_one_machine() || shuffle != 0 {
        mapred.put("mapreduce.shuffle.port", shuffle);
    }
    if context.on_one_machine() {
        // The ensemble for the tasks' heartbeats, unless a job overrides it.
        mapred.put("heartline.zookeeper", context.cluster.quorum());
        mapred.put("mapreduce.client.progressmonitor.pollinterval", 250);
        mapred.put(
            "mapreduce.application.classpath",
            format!("{}/*", text(&context.machine.jars)),
        );
        mapred.put("yarn.app.mapreduce.am.resource.mb", 768);
        let secure = if context.cluster.is_secure() {
            secure::task_options(context)
        } else {
            String::new()
        };
        let options = format!("-Xmx384m {QUICK}{secure}");
        mapred.put("yarn.app.mapreduce.am.command-opts", &options);
        for task in ["map", "reduce"] {
            mapred.put(format!("mapreduce.{task}.memory.mb"), 1024);
            mapred.put(format!("mapreduce.{task}.java.opts"), &options);
        }
    }
    context.with_further(File::Mapred, mapred.0)
}
