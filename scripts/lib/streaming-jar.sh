# shellcheck shell=bash
# Where somebody's own Hadoop keeps its streaming jar. Sourced, never run.

# newest_of PATTERN: the last file that matches, sources and tests left out.
newest_of() {
    compgen -G "$1" | grep -v -e '-sources\.jar$' -e '-tests\.jar$' -e '-test-sources\.jar$' | sort -V | tail -n 1
}

# Prints its path: HADOOP_STREAMING_JAR, else below HADOOP_HOME, else beside the jars of `hadoop classpath`.
find_streaming_jar() {
    local home jar entry
    if [ -n "${HADOOP_STREAMING_JAR:-}" ]; then
        [ -f "$HADOOP_STREAMING_JAR" ] || die "HADOOP_STREAMING_JAR=$HADOOP_STREAMING_JAR: no such file"
        printf '%s\n' "$HADOOP_STREAMING_JAR"
        return
    fi
    for home in "${HADOOP_HOME:-}" "${HADOOP_MAPRED_HOME:-}" "$(dirname "$(realpath "$(command -v hadoop)")")/.."; do
        [ -n "$home" ] || continue
        for entry in "$home/share/hadoop/tools/lib" "$home/tools/lib" "$home"; do
            jar=$(newest_of "$entry/hadoop-streaming*.jar") && [ -n "$jar" ] && printf '%s\n' "$jar" && return
        done
    done
    # An entry is a jar, `FOLDER/*` or a folder; the streaming jar lies in one of them or in a tools/lib beside it.
    while read -r entry; do
        case $entry in
            */hadoop-streaming*.jar) jar=$entry ;;
            *) jar=$(newest_of "${entry%/\*}/hadoop-streaming*.jar" || newest_of "${entry%/\*}/../tools/lib/hadoop-streaming*.jar" || true) ;;
        esac
        [ -n "$jar" ] && [ -f "$jar" ] && printf '%s\n' "$jar" && return
    done < <(timeout 60 hadoop classpath 2>/dev/null | tr ':' '\n')
    die "hadoop-streaming.jar was not found below HADOOP_HOME nor by 'hadoop classpath'; set HADOOP_STREAMING_JAR to its path"
}
