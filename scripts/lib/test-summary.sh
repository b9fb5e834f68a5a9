# shellcheck shell=bash
# What a run of the tests comes to: how many passed, failed and were left out, which were left out, and why. Sourced,
# never run.
#
# A test that returns early passes, as the test harness sees it. So it writes what it leaves out to the file that
# HEARTLINE_LEFT_OUT names, one line each: test or check, TAB, its name, TAB, why (tests/support/left_out.rs).

# leave_out_check NAME WHY: a check of scripts/test that cannot be made here.
leave_out_check() { printf 'check\t%s\t%s\n' "$1" "$2" >>"$HEARTLINE_LEFT_OUT"; }

# left_out LOG FILE: one line for each test or check that was left out: its name, TAB, why. LOG is what 'cargo test'
# wrote: ignored tests stand there.
left_out() {
    # `Running tests/story.rs (target/…)`, then `test NAME ... ignored, WHY`.
    awk -F '\t' '
        function add(name, why) { if (!(name in seen)) { seen[name] = 1; print name "\t" why } }
        FILENAME == ARGV[2] { add($2, $3); next }
        $0 ~ /^ +Running / {
            file = $0
            sub(/^ +Running (unittests )?/, "", file)
            sub(/ \(.*/, "", file)
            of = ""
            if (file ~ /^tests\//) {
                sub(/^tests\//, "", file); sub(/(\/main)?\.rs$/, "", file)
                of = file "::"
            }
        }
        $0 ~ /^ +Doc-tests / { of = "" }
        /^test .* \.\.\. ignored/ {
            name = why = $0
            sub(/^test /, "", name); sub(/ \.\.\. ignored.*/, "", name)
            sub(/.* \.\.\. ignored,? ?/, "", why)
            add(of name, why == "" ? "ignored" : "ignored: " why)
        }' "$1" "$2"
}

# test_summary LOG FILE: names what was left out, then `N passed, N failed, N skipped` on a line of its own. Fails if
# no test has passed.
test_summary() {
    local tests skipped
    # A test that was left out counts as passed in LOG; a check and an ignored test do not.
    tests=$(awk -F '\t' '$1 == "test" && !seen[$2]++ { n++ } END { print n + 0 }' "$2")
    skipped=$(left_out "$1" "$2" | wc -l)
    left_out "$1" "$2" | awk -F '\t' '{ printf "left out: %s: %s\n", $1, $2 }'
    # A test binary's last line: `test result: ok. 4 passed; 0 failed; 1 ignored; …`
    awk -v tests="$tests" -v skipped="$skipped" '
        /^test result:/ { passed += $4; failed += $6 }
        END {
            passed -= tests
            printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
            exit passed <= 0
        }' "$1"
}

# wrongly_left_out LOG FILE USER: the names of what was left out although this machine could have run it, with
# USER's id. Only root is never excused.
wrongly_left_out() {
    left_out "$1" "$2" | awk -F '\t' -v user="$3" 'user == 0 || $2 !~ /^needs root/ { print $1 }'
}
