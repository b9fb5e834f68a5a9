# shellcheck shell=bash
# What every script here needs: where things lie, how to speak, how to wait with a limit. Sourced, never run.

HEARTLINE_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
# Everything fetched, generated or logged lies below this one ignored folder.
HEARTLINE_HOME_DIR=${HEARTLINE_HOME_DIR:-$HEARTLINE_ROOT/.heartline}
mkdir -p "$HEARTLINE_HOME_DIR"
HEARTLINE_HOME_DIR=$(cd "$HEARTLINE_HOME_DIR" && pwd -P)
# Programs that a script starts in another folder use the same one.
export HEARTLINE_HOME_DIR
HEARTLINE_PROGRAM=${0##*/}

# Progress goes to stderr: stdout is for what a caller may want to read.
say() { printf '%s\n' "$*" >&2; }

# The work could not be done.
die() {
    say "$HEARTLINE_PROGRAM: $*"
    exit 1
}

# The command line was wrong.
usage_error() {
    say "$HEARTLINE_PROGRAM: $*"
    say "Try '$HEARTLINE_PROGRAM --help'."
    exit 2
}

# The value of an option that needs one: `dir=$(option_value "$@")` with the option as $1.
option_value() {
    [ $# -ge 2 ] || usage_error "option $1 needs a value"
    printf '%s' "$2"
}

# wait_until SECONDS COMMAND…: tries it every tenth of a second; fails when the time is over.
wait_until() {
    local limit=$1
    shift
    local end=$((SECONDS + limit))
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

# An existing or future path, made absolute.
absolute_path() { realpath -ms -- "$1"; }
