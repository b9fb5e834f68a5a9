# shellcheck shell=bash
# The configuration of the one-machine cluster. Sourced by scripts/yarn-cluster, never run.

# write_cluster_conf DIR: chooses free ports and writes DIR/conf and DIR/ports.
write_cluster_conf() {
    local dir=$1 conf=$1/conf ports
    mapfile -t ports < <(free_ports 7)
    mkdir -p "$conf"/webapps/{hdfs,datanode,journal} "$dir/tmp"

    # The rest of the ports (0) nobody needs to know beforehand.
    site "$conf/core-site.xml" \
        "fs.defaultFS=hdfs://127.0.0.1:${ports[0]}" \
        "hadoop.tmp.dir=$dir/tmp"
    site "$conf/hdfs-site.xml" \
        "dfs.namenode.name.dir=file:$dir/name" \
        "dfs.datanode.data.dir=file:$dir/data" \
        "dfs.replication=1" \
        "dfs.namenode.http-address=127.0.0.1:${ports[1]}" \
        "dfs.datanode.address=127.0.0.1:0" \
        "dfs.datanode.http.address=127.0.0.1:0" \
        "dfs.datanode.ipc.address=127.0.0.1:0" \
        "dfs.namenode.datanode.registration.ip-hostname-check=false" \
        "dfs.namenode.safemode.extension=0"
    # Memory: 10 GiB let an application master and eight tasks run beside each other; they use a fraction of it. Only
    # memory counts for the scheduler, so two cores are no bar to four mappers.
    site "$conf/yarn-site.xml" \
        "yarn.resourcemanager.address=127.0.0.1:${ports[2]}" \
        "yarn.resourcemanager.scheduler.address=127.0.0.1:${ports[3]}" \
        "yarn.resourcemanager.resource-tracker.address=127.0.0.1:${ports[4]}" \
        "yarn.resourcemanager.admin.address=127.0.0.1:${ports[5]}" \
        "yarn.node-attribute.fs-store.root-dir=file:$dir/node-attributes" \
        "yarn.resourcemanager.webapp.address=127.0.0.1:${ports[6]}" \
        "yarn.nodemanager.address=127.0.0.1:0" \
        "yarn.nodemanager.localizer.address=127.0.0.1:0" \
        "yarn.nodemanager.webapp.address=127.0.0.1:0" \
        "yarn.nodemanager.collector-service.address=127.0.0.1:0" \
        "yarn.nodemanager.local-dirs=$dir/nodemanager" \
        "yarn.nodemanager.log-dirs=$dir/logs/tasks" \
        "yarn.nodemanager.delete.debug-delay-sec=0" \
        "yarn.nodemanager.log.retain-seconds=86400" \
        "yarn.nodemanager.process-kill-wait.ms=1000" \
        "yarn.nodemanager.aux-services=mapreduce_shuffle" \
        "yarn.nodemanager.resource.memory-mb=10240" \
        "yarn.nodemanager.resource.cpu-vcores=16" \
        "yarn.scheduler.minimum-allocation-mb=256" \
        "yarn.scheduler.maximum-allocation-mb=4096" \
        "yarn.nodemanager.vmem-check-enabled=false" \
        "yarn.nodemanager.disk-health-checker.max-disk-utilization-per-disk-percentage=99.5" \
        "yarn.application.classpath=$conf,$PARTS_LIB/*"
    site "$conf/capacity-scheduler.xml" \
        "yarn.scheduler.capacity.root.queues=default" \
        "yarn.scheduler.capacity.root.default.capacity=100" \
        "yarn.scheduler.capacity.maximum-am-resource-percent=0.5" \
        "yarn.scheduler.capacity.node-locality-delay=-1"
    # A task's Java lives for seconds: it does not pay to compile it twice.
    local quick='-XX:+UseSerialGC -XX:TieredStopAtLevel=1 --add-opens=java.base/java.lang=ALL-UNNAMED'
    site "$conf/mapred-site.xml" \
        "mapreduce.framework.name=yarn" \
        "mapreduce.client.progressmonitor.pollinterval=250" \
        "mapreduce.application.classpath=$PARTS_LIB/*" \
        "mapreduce.shuffle.port=0" \
        "yarn.app.mapreduce.am.resource.mb=768" \
        "yarn.app.mapreduce.am.command-opts=-Xmx384m $quick" \
        "mapreduce.map.memory.mb=1024" \
        "mapreduce.map.java.opts=-Xmx384m $quick" \
        "mapreduce.reduce.memory.mb=1024" \
        "mapreduce.reduce.java.opts=-Xmx384m $quick"
    printf '%s\n' "${ports[@]}" >"$dir/ports"
}
