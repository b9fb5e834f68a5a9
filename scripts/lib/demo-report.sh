# shellcheck shell=bash
# shellcheck disable=SC2154 # the variables are those of scripts/demo
# What scripts/demo shows at the end, read from the files that the job and the watchers wrote. Sourced, never run.

# settle FILE SECONDS: waits until FILE has not grown for half a second.
settle() {
    local before='' now end=$((SECONDS + $2))
    while now=$(stat -c %s "$1") && [ "$now" != "$before" ] && [ "$SECONDS" -lt "$end" ]; do
        before=$now
        sleep 0.5
    done
}

counted() { sort -t $'\t' -k2,2nr -k1,1 "$output"/part-*; }

show_words() {
    local counted_words real_words
    counted_words=$(counted | awk -F '\t' '{ n += $NF } END { print n + 0 }')
    real_words=$(cat "$HEARTLINE_ROOT"/sample-data/*.txt | LC_ALL=C wc -w)
    [ "$counted_words" = "$real_words" ] || die "the job counted $counted_words words, wc counts $real_words; see $output"
    printf '\nTop 10 of %s words (wc -w counts as many):\n' "$counted_words"
    # Not `head`: it would end `sort` by a broken pipe.
    counted | awk -F '\t' 'NR <= 10 { printf "  %8d  %s\n", $2, $1 }'
}

# The masters in order of appearance, each once in a row.
masters() { awk '$1 == "master" && $2 != last { print $2; last = $2 }' "$master_file"; }

show_masters() {
    local all
    all=$(masters)
    [ -n "$all" ] || die "no mapper ever became master; see $master_file and $dir/job.log"
    printf '\nMaster: %s\n' "${all//$'\n'/, then }"
}

# `<date>: follower NODE still alive|has finished|has died!|has returned`, counted for each node.
show_followers() {
    printf '\nWhat it said of each follower:\n'
    awk '
        $1 == "master" { master[$2] = 1 }
        match($0, /: follower [^ ]+ /) {
            node = substr($0, RSTART + 11, RLENGTH - 12)
            rest = substr($0, RSTART + RLENGTH)
            if (!(node in seen)) { seen[node] = 1; order[++n] = node }
            if (rest ~ /^still alive/) alive[node]++
            if (rest ~ /^has finished/) finished[node]++
            if (rest ~ /^has died/) died[node]++
            if (rest ~ /^has returned/) returned[node]++
        }
        END {
            for (i = 1; i <= n; i++) {
                node = order[i]
                printf "  %-28s still alive %d times, finished %d, died %d, returned %d%s\n", \
                    node, alive[node], finished[node], died[node], returned[node], \
                    node in master ? ", then master" : ""
            }
            exit n == 0
        }' "$master_file" || die "the master reported no follower; see $master_file"
}

show_files() {
    local file
    printf '\nFollower files (one a node, each value it had):\n'
    compgen -G "$follower_dir/follower_*.txt" >/dev/null || die "watch-slave wrote no follower file; see $dir/watch-slave.log"
    for file in "$follower_dir"/follower_*.txt; do
        printf '  %s  %d lines\n' "$file" "$(wc -l <"$file")"
    done
    printf 'Master file: %s\nWord counts: %s\n\n' "$master_file" "$output/part-00000"
}

report() {
    show_words
    show_masters
    show_followers
    show_files
}
