# shellcheck shell=bash
# Where the fetched parts lie, and how a Java of theirs is called. Sourced after common.sh, never run.

PARTS_DIR=$HEARTLINE_HOME_DIR/parts
PARTS_LIB=$PARTS_DIR/lib
PARTS_POM=$HEARTLINE_ROOT/scripts/parts/pom.xml
# shellcheck disable=SC2034 # used by those who source this
PARTS_LOG4J=$HEARTLINE_ROOT/scripts/parts/log4j.properties

# The parts are those of this very pom: a changed pom makes another checksum.
parts_checksum() { sha256sum <"$PARTS_POM" | cut -d' ' -f1; }

parts_present() { [ -f "$PARTS_DIR/stamp" ] && [ "$(cat "$PARTS_DIR/stamp")" = "$(parts_checksum)" ]; }

# Fetches them the first time; costs a checksum afterwards.
need_parts() { parts_present || "$HEARTLINE_ROOT/scripts/fetch-parts"; }

# part_jar NAME: the path of NAME-VERSION.jar among the fetched ones.
part_jar() {
    local jar
    for jar in "$PARTS_LIB/$1"-[0-9]*.jar; do
        [ -f "$jar" ] || die "$1 is not among the fetched parts in $PARTS_LIB; remove $PARTS_DIR and run scripts/fetch-parts"
        printf '%s\n' "$jar"
        return
    done
}
