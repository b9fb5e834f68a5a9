# shellcheck shell=bash
# Where the fetched parts lie, and how a Java of theirs is called. Sourced after common.sh, never run.

PARTS_DIR=$HEARTLINE_HOME_DIR/parts
# Hadoop and ZooKeeper, unless another version of one of them is asked for.
HADOOP_SET=hadoop${HEARTLINE_HADOOP_VERSION:+-$HEARTLINE_HADOOP_VERSION}
ZOOKEEPER_SET=hadoop
[ -z "${HEARTLINE_ZOOKEEPER_VERSION:-}" ] || ZOOKEEPER_SET=zookeeper-$HEARTLINE_ZOOKEEPER_VERSION
# Kafka, apart: it brings other versions of the same libraries.
# shellcheck disable=SC2034 # used by those who source this
KAFKA_LIB=$PARTS_DIR/kafka
# Hadoop's native library, which Kerberos needs.
NATIVE_LIB=$PARTS_DIR/native
# shellcheck disable=SC2034 # used by those who source this
PARTS_LOG4J=$HEARTLINE_ROOT/crates/cluster/src/configuration/log4j.properties

# What a version may be: it becomes the name of a folder, and an argument of Maven.
PARTS_VERSION='[0-9]+(\.[0-9A-Za-z]+)+'

# parts_of SET: its pom, the folder of its jars, the stamp that says of which pom they are, and the log of the fetching.
parts_of() {
    case $1 in
        hadoop) printf '%s\n' "$HEARTLINE_ROOT/scripts/parts/pom.xml" "$PARTS_DIR/lib" "$PARTS_DIR/stamp" "$PARTS_DIR/fetch.log" ;;
        kafka) printf '%s\n' "$HEARTLINE_ROOT/scripts/parts/kafka/pom.xml" "$KAFKA_LIB" "$PARTS_DIR/kafka.stamp" "$PARTS_DIR/kafka.log" ;;
        zookeeper-3.4)
            printf '%s\n' "$HEARTLINE_ROOT/scripts/parts/zookeeper-3.4/pom.xml" "$PARTS_DIR/zookeeper-3.4" \
                "$PARTS_DIR/zookeeper-3.4.stamp" "$PARTS_DIR/zookeeper-3.4.log"
            ;;
        native)
            printf '%s\n' "$HEARTLINE_ROOT/scripts/parts/native/pom.xml" "$NATIVE_LIB" "$PARTS_DIR/native.stamp" "$PARTS_DIR/native.log"
            ;;
        hadoop-* | zookeeper-*)
            [[ ${1#*-} =~ ^$PARTS_VERSION$ ]] || die "'${1#*-}' is no version of ${1%%-*}; write one such as 3.3.5"
            printf '%s\n' "$HEARTLINE_ROOT/scripts/parts/other/${1%%-*}/pom.xml" "$PARTS_DIR/$1" "$PARTS_DIR/$1.stamp" "$PARTS_DIR/$1.log"
            ;;
        *) die "unknown set of parts '$1'; write hadoop, kafka, native, zookeeper-3.4, hadoop-VERSION or zookeeper-VERSION" ;;
    esac
}

# parts_lib SET: the folder of its jars.
parts_lib() { parts_of "$1" | sed -n 2p; }

# Assigned alone, so that a wrong version ends the script.
PARTS_LIB=$(parts_lib "$HADOOP_SET")
# shellcheck disable=SC2034 # used by scripts/zookeeper
ZOOKEEPER_LIB=$(parts_lib "$ZOOKEEPER_SET")

# The parts are those of this very pom: a changed pom makes another checksum.
parts_checksum() { sha256sum <"$1" | cut -d' ' -f1; }

# parts_present SET: they are there, and of the pom as it stands.
parts_present() {
    local of
    mapfile -t of < <(parts_of "$1")
    [ -f "${of[2]}" ] && [ "$(cat "${of[2]}")" = "$(parts_checksum "${of[0]}")" ]
}

# need_parts SET: fetches them the first time; costs a checksum afterwards.
need_parts() { parts_present "$1" || "$HEARTLINE_ROOT/scripts/fetch-parts" "$1"; }

# part_jar NAME: the path of NAME-VERSION.jar among the fetched ones.
part_jar() {
    local jar
    for jar in "$PARTS_LIB/$1"-[0-9]*.jar; do
        [ -f "$jar" ] || die "$1 is not among the fetched parts in $PARTS_LIB; remove $PARTS_DIR and run scripts/fetch-parts"
        printf '%s\n' "$jar"
        return
    done
}
