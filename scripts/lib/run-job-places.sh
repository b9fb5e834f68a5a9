# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the variables are shared with scripts/run-job
# The three places where scripts/run-job runs a job. Each has PLACE_prepare (sets hadoop, streaming_jar, job_inputs,
# job_output, place_arguments), PLACE_collect, PLACE_kill and PLACE_cleanup. Sourced by scripts/run-job, never run.

place_arguments=()

# Hadoop takes these for patterns or lists, and has no way to quote them in every place.
plain_path() {
    case $1 in
        *[]\[{},*?\\]*) usage_error "$1: Hadoop reads one of [ ] { } , * ? \\ in a path as a pattern; rename it, or run from elsewhere" ;;
    esac
}

# What --overwrite may remove: the output of an earlier job, and nothing else.
is_job_output() {
    [ -d "$1" ] || return 1
    [ -z "$(find "$1" -mindepth 1 -maxdepth 1 ! -name 'part-*' ! -name '_*' ! -name '.*.crc' -print -quit)" ]
}

# A plain folder as output: it must not be there, or may be removed.
prepare_plain_output() {
    [ -e "$1" ] || return 0
    $overwrite || die "the output folder $1 exists; remove it, name another, or pass --overwrite"
    is_job_output "$1" || die "$1 is not the output of a job (it holds more than part-* files); remove it by hand"
    rm -rf "$1"
}

prepare_plain_input() {
    [ -e "$1" ] || die "no such input: $1"
    plain_path "$1"
}

# --- the local runner ------------------------------------------------------------------------------------------------

local_prepare() {
    local input
    job_inputs=()
    for input in "${inputs[@]}"; do
        input=$(absolute_path "$input")
        prepare_plain_input "$input"
        job_inputs+=("file:$input")
    done
    output=$(absolute_path "$output")
    plain_path "$output"
    prepare_plain_output "$output"
    mkdir -p "$(dirname "$output")"
    job_output=file:$output
    hadoop=("$HEARTLINE_ROOT/scripts/hadoop")
    streaming_jar='hadoop-streaming.jar'
    # By default the local runner runs one mapper after the other. A split for each core, and not smaller than the local
    # file system's 32 MiB blocks, lets a mapper that sums write each word once a core; a small file is never cut.
    place_arguments=(-D "hadoop.tmp.dir=$work/tmp" -D "mapreduce.local.map.tasks.maximum=$maps"
        -D "mapreduce.input.fileinputformat.split.minsize=$(local_split)"
        # The one reducer shares the Java of the mappers, which are done by then: no need to write what it merges.
        -D mapreduce.reduce.input.buffer.percent=0.7)
    # This Java only moves bytes from and to the mappers: the quick compiler is done before the thorough one begins.
    export HADOOP_OPTS="-XX:TieredStopAtLevel=1 ${HADOOP_OPTS:-}"
}

local_split() {
    local bytes block=33554432
    bytes=$(($(du -bLs -- "${inputs[@]}" | awk '{ n += $1 } END { printf "%.0f", n }') / $(nproc) + 1))
    echo $((bytes > block ? bytes : block))
}

local_collect() { :; }
local_kill() { :; }
local_cleanup() { :; }

# --- a cluster by its description ------------------------------------------------------------------------------------

# A file system command lives for a second: compiling it well would take longer than it runs.
cluster_fs() {
    HADOOP_OPTS="-XX:TieredStopAtLevel=1 ${HADOOP_OPTS:-}" timeout 600 "${hadoop[@]}" fs "$@" </dev/null
}

cluster_prepare() {
    need_binaries heartline
    hadoop=("$HEARTLINE_ROOT/scripts/hadoop" --cluster-file "$cluster_file")
    stage_inputs
}

# Puts plain files into HDFS, by "${hadoop[@]}".
stage_inputs() {
    local input staged=$work/hdfs number=0
    hdfs_folder=/heartline-$(basename "$work")
    mkdir -p "$staged/input"
    streaming_jar='hadoop-streaming.jar'
    job_inputs=()
    for input in "${inputs[@]}"; do
        case $input in
            hdfs:*) job_inputs+=("$input") ;;
            *)
                input=$(absolute_path "$input")
                prepare_plain_input "$input"
                # A folder of its own for each, for two inputs may have one name.
                number=$((number + 1))
                mkdir "$staged/input/$number"
                ln -s "$input" "$staged/input/$number/"
                job_inputs+=("$hdfs_folder/input/$number/${input##*/}")
                ;;
        esac
    done
    case $output in
        hdfs:*)
            job_output=$output
            prepare_cluster_output "$output"
            ;;
        *)
            output=$(absolute_path "$output")
            prepare_plain_output "$output"
            mkdir -p "$(dirname "$output")"
            job_output=$hdfs_folder/output
            ;;
    esac
    if [ "$number" -gt 0 ]; then
        say "putting $number inputs into HDFS …"
        # The links are followed. One command for all: each costs the start of a Java.
        cluster_fs -put "$staged" "$hdfs_folder"
    fi
}

cluster_collect() {
    case $job_output in
        hdfs:*) ;;
        *) cluster_fs -get "$job_output" "$output" ;;
    esac
}

cluster_kill() {
    local id
    if id=$(job_id); then timeout 60 "${hadoop[@]}" job -kill "$id" >/dev/null 2>&1; fi
}

cluster_cleanup() {
    [ -z "${hdfs_folder:-}" ] || cluster_fs -rm -r -f -skipTrash "$hdfs_folder" >/dev/null 2>&1
}

# prepare_cluster_output PATH: the same rule for a folder on a cluster, asked of "${hadoop[@]}".
prepare_cluster_output() {
    timeout 120 "${hadoop[@]}" fs -test -e "$1" </dev/null 2>/dev/null || return 0
    $overwrite || die "the output folder $1 exists on the cluster; remove it (hadoop fs -rm -r $1), name another, or pass --overwrite"
    # `_SUCCESS` is what a job leaves: anything else is not ours to remove.
    timeout 120 "${hadoop[@]}" fs -test -e "$1/_SUCCESS" </dev/null 2>/dev/null \
        || die "$1 holds no _SUCCESS, so it is no finished job's output; remove it by hand"
    timeout 120 "${hadoop[@]}" fs -rm -r "$1" </dev/null >&2
}

# --- somebody's own cluster ------------------------------------------------------------------------------------------

hadoop_prepare() {
    hadoop=(hadoop)
    streaming_jar=$(find_streaming_jar)
    job_inputs=("${inputs[@]}")
    job_output=$output
    prepare_cluster_output "$output"
}

hadoop_collect() { :; }
hadoop_kill() { cluster_kill; }
hadoop_cleanup() { :; }
