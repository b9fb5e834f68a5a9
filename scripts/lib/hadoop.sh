# shellcheck shell=bash
# The `hadoop` command for the fetched parts, and its configuration for one process. Sourced, never run.

# shellcheck disable=SC2034 # used by those who source this
LOCAL_CONF=$HEARTLINE_HOME_DIR/conf-local
# shellcheck disable=SC2034 # used by those who source this
ONE_MACHINE=$HEARTLINE_ROOT/sample-data/clusters/one-machine.toml

# site FILE NAME=VALUE…: writes a Hadoop configuration file.
site() {
    local file=$1 pair value
    shift
    {
        printf '<?xml version="1.0"?>\n<configuration>\n'
        for pair in "$@"; do
            value=${pair#*=}
            value=${value//&/&amp;}
            value=${value//</&lt;}
            printf '  <property><name>%s</name><value>%s</value></property>\n' "${pair%%=*}" "$value"
        done
        printf '</configuration>\n'
    } >"$file.new.$$"
    # A job that reads it at this moment sees the old one or the new one.
    mv -f "$file.new.$$" "$file"
}

# Everything in one process, with plain files: Hadoop's own defaults, except for the folder of its scratch files.
write_local_conf() {
    mkdir -p "$LOCAL_CONF"
    site "$LOCAL_CONF/core-site.xml" \
        "hadoop.tmp.dir=$HEARTLINE_HOME_DIR/tmp" \
        "mapreduce.jobtracker.staging.root.dir=\${hadoop.tmp.dir}/staging"
    # Asked once a second, a job of three seconds takes four.
    site "$LOCAL_CONF/mapred-site.xml" "mapreduce.client.progressmonitor.pollinterval=100"
}

# hadoop_java CONF [JAVA-OPTION…] CLASS [ARGUMENT…]: replaces this shell by a Java with the fetched class path.
# --add-opens: the ResourceManager and the job client look into java.lang.
hadoop_java() {
    local conf=$1 collector=-XX:+UseSerialGC
    shift
    mkdir -p "$HEARTLINE_HOME_DIR/tmp"
    # Java refuses two collectors.
    case ${HADOOP_OPTS:-} in *-XX:+Use*GC*) collector='' ;; esac
    # shellcheck disable=SC2086 # HADOOP_OPTS holds several options, as Hadoop's own script takes it
    exec java $collector "-Dlog4j.configuration=file:$PARTS_LOG4J" \
        --add-opens=java.base/java.lang=ALL-UNNAMED "-Djava.io.tmpdir=$HEARTLINE_HOME_DIR/tmp" ${HADOOP_OPTS:-} \
        -cp "$conf:$PARTS_LIB/*" "$@"
}
