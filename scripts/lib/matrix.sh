# shellcheck shell=bash
# The main job on other versions of ZooKeeper and Hadoop, each a row: a streaming job with heartbeats on the local runner,
# its counts and its events looked at. Sourced by scripts/test, never run.

# ZOOKEEPER:HADOOP, each the newest patch of its line that can be fetched. hadoop-streaming 3.3.6 could not be fetched as a Maven artifact.
MATRIX=(3.5.10:3.4.2 3.6.4:3.4.2 3.7.2:3.4.2 3.8.4:3.4.2 3.9.4:3.4.2 3.8.4:2.10.2 3.8.4:3.3.5 3.5.10:2.10.2)
MATRIX_INPUT=(sample-data/alice-in-wonderland.txt sample-data/as-you-like-it.txt sample-data/psalms.txt)

# matrix: all rows; fails if one does.
matrix() {
    local row zookeeper hadoop why failed=0 begin
    local lines=()
    need_binaries wc-mapper wc-reducer heartline
    mkdir -p "$HEARTLINE_HOME_DIR/matrix"
    # Without Hadoop and ZooKeeper: what each row must count.
    cat "${MATRIX_INPUT[@]}" | "$BIN_DIR/wc-mapper" --no-heartbeat | LC_ALL=C sort | "$BIN_DIR/wc-reducer" \
        >"$HEARTLINE_HOME_DIR/matrix/expected" || die "the local pipeline failed"
    # A mapper whose input ends a moment later: time for one to lead and the others to follow.
    # shellcheck disable=SC2016 # the mapper is to expand it
    printf '%s\n' '#!/bin/sh' '{ cat; sleep 3; } | ./wc-mapper "$@"' >"$HEARTLINE_HOME_DIR/matrix/patient-mapper"
    chmod +x "$HEARTLINE_HOME_DIR/matrix/patient-mapper"
    for row in "${MATRIX[@]}"; do
        zookeeper=${row%:*} hadoop=${row#*:} begin=$SECONDS
        say "== ZooKeeper $zookeeper, Hadoop $hadoop"
        why=$(matrix_row "$zookeeper" "$hadoop" "$HEARTLINE_HOME_DIR/matrix/$zookeeper-$hadoop") || failed=$((failed + 1))
        lines+=("$(printf '%-12s %-10s %-4s %s' "$zookeeper" "$hadoop" "$((SECONDS - begin))" "${why:-ok}")")
    done
    printf '%-12s %-10s %-4s %s\n' ZooKeeper Hadoop s result
    printf '%s\n' "${lines[@]}"
    printf '%s passed, %s failed\n' "$((${#MATRIX[@]} - failed))" "$failed"
    [ "$failed" = 0 ]
}

# matrix_row ZOOKEEPER HADOOP DIR: prints why it fails. Its files stay in DIR.
matrix_row() {
    local zookeeper=$1 dir=$3 address publisher='' status=0
    # The fetched ones need no folder of their own.
    local hadoop=$2 fetched
    fetched=$(parts_version hadoop-common)
    [ "$hadoop" != "$fetched" ] || hadoop=''
    rm -rf "$dir"
    mkdir -p "$dir"
    address=$(HEARTLINE_ZOOKEEPER_VERSION=$zookeeper scripts/zookeeper start --dir "$dir/zookeeper" 2>"$dir/zookeeper.err") || {
        echo "ZooKeeper does not start; see $dir/zookeeper.err"
        return 1
    }
    : >"$dir/events.json"
    timeout 600 "$BIN_DIR/heartline" events --zookeeper "$address" --to "file:$dir/events.json" 2>"$dir/events.err" &
    publisher=$!
    HEARTLINE_HADOOP_VERSION=$hadoop timeout 600 scripts/run-job --local --zookeeper "$address" --limit 300 \
        --file "$BIN_DIR/wc-mapper" --file "$HEARTLINE_HOME_DIR/matrix/patient-mapper" --mapper patient-mapper \
        "${MATRIX_INPUT[@]}" "$dir/out" 2>"$dir/job.err" || status=$?
    wait_until 10 grep -q '"released"' "$dir/events.json" || true
    kill -TERM "$publisher" 2>/dev/null || true
    wait "$publisher" || true
    scripts/zookeeper stop --dir "$dir/zookeeper" 2>>"$dir/zookeeper.err" || true
    if [ "$status" != 0 ]; then
        echo "the job failed with $status; see $dir/job.err"
    elif ! cat "$dir"/out/part-* | LC_ALL=C sort | cmp -s - <(LC_ALL=C sort "$HEARTLINE_HOME_DIR/matrix/expected"); then
        echo "wrong counts in $dir/out"
    elif ! grep -q '"claimed"' "$dir/events.json" || ! grep -q '"joined"' "$dir/events.json" \
        || ! grep -q '"finished"' "$dir/events.json"; then
        echo "no master, or a mapper that was not seen to join and finish; see $dir/events.json"
    elif grep -q '"died"' "$dir/events.json"; then
        echo "a mapper was declared dead that lived; see $dir/events.json"
    else
        return 0
    fi
    return 1
}

# parts_version JAR: the version of one of the fetched parts.
parts_version() {
    local jar
    jar=$(part_jar "$1")
    jar=${jar##*/"$1"-}
    printf '%s\n' "${jar%.jar}"
}
