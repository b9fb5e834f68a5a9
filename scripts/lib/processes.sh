# shellcheck shell=bash
# Servers in the background: started apart from the terminal, known by a pid file, ended by that pid only if it is
# still the process that was started. Sourced, never run.

# The mark in a server's command line that distinguishes it from any later process with the same pid.
process_mark() { printf -- '-Dheartline.dir=%s' "$1"; }

# is_process PID DIR: PID is alive and was started for DIR.
is_process() {
    [ -r "/proc/$1/cmdline" ] && tr '\0' '\n' <"/proc/$1/cmdline" 2>/dev/null | grep -qxF -e "$(process_mark "$2")"
}

# running_pid PIDFILE DIR: prints the pid of the server that runs; fails if none does.
running_pid() {
    local pid
    [ -s "$1" ] && read -r pid <"$1" && [[ $pid =~ ^[0-9]+$ ]] && is_process "$pid" "$2" && printf '%s\n' "$pid"
}

# start_java PIDFILE DIR LOG ARGUMENT…: a session of its own, so that a Ctrl-C in the terminal reaches the script alone.
# The caller's lock is not handed on (9>&-): else it would be held as long as the server runs.
start_java() {
    local pidfile=$1 dir=$2 log=$3
    shift 3
    setsid java "$(process_mark "$dir")" "$@" </dev/null >>"$log" 2>&1 9>&- &
    printf '%s\n' "$!" >"$pidfile"
    # Until setsid has made way for java the command line is not yet the server's.
    wait_until 5 process_known "$!" "$dir" || true
    disown "$!" 2>/dev/null || true
}

# It runs as ours, or has ended already: either way there is nothing more to wait for.
process_known() { is_process "$1" "$2" || [ ! -d "/proc/$1" ]; }

process_gone() { ! is_process "$1" "$2"; }

# stop_process PIDFILE DIR SECONDS: TERM, and KILL when the time is over. Fails only if even that did not end it.
stop_process() {
    local pid
    if pid=$(running_pid "$1" "$2"); then
        kill -TERM "$pid" 2>/dev/null || true
        if ! wait_until "$3" process_gone "$pid" "$2"; then
            say "process $pid did not end within $3 s of TERM; killing it"
            kill -KILL "$pid" 2>/dev/null || true
            wait_until 10 process_gone "$pid" "$2" || {
                say "process $pid still runs after SIGKILL; look at /proc/$pid/stack"
                return 1
            }
        fi
    fi
    rm -f "$1"
}

# log_tail LOG: what a failed start should show.
log_tail() {
    say "--- the end of $1:"
    tail -n 15 "$1" >&2 || true
}
