# shellcheck shell=bash
# One job as a child of the script: waited for with a limit, ended with all it started when the script is stopped.
# Sourced, never run.

JOB_PID=''
JOB_LOG=''

# run_job LIMIT LOG COMMAND…: runs it in a process group of its own, its stderr shown and kept in LOG; its exit code
# is the result, 124 when the limit is over. Mappers of the local runner are in the same group.
run_job() {
    local limit=$1 status=0 end
    JOB_LOG=$2
    shift 2
    : >"$JOB_LOG"
    setsid "$@" </dev/null 2> >(exec setsid tee -a "$JOB_LOG" >&2) &
    JOB_PID=$!
    end=$((SECONDS + limit))
    while kill -0 "$JOB_PID" 2>/dev/null; do
        if [ "$SECONDS" -ge "$end" ]; then
            abort_job
            return 124
        fi
        sleep 0.1
    done
    wait "$JOB_PID" || status=$?
    JOB_PID=''
    return "$status"
}

# Ends the client and whatever is in its group: a TERM first, so that mappers can take leave.
abort_job() {
    [ -n "$JOB_PID" ] || return 0
    kill -TERM -- "-$JOB_PID" 2>/dev/null || true
    wait_until 10 job_group_gone || kill -KILL -- "-$JOB_PID" 2>/dev/null || true
    wait "$JOB_PID" 2>/dev/null || true
    JOB_PID=''
}

# Only what still lives counts: nobody may reap an orphan of the group.
# shellcheck disable=SC2009 # pgrep does not distinguish a zombie from a running process
job_group_gone() { ! ps -o stat= -g "$JOB_PID" 2>/dev/null | grep -q '^[^Z]'; }

# The id a cluster gave the job; fails when it never got that far.
job_id() { grep -om1 'job_[0-9]*_[0-9]*' "$JOB_LOG"; }
