# shellcheck shell=bash
# heartline's own programs, built when they are not there. Sourced, never run.

# How they are built: `release` is built in a fraction of the time, `dist` is what clusters get and what is measured.
HEARTLINE_BUILD_PROFILE=${HEARTLINE_BUILD_PROFILE:-release}
# Tests set HEARTLINE_BIN_DIR to the programs they were built with.
BIN_DIR=${HEARTLINE_BIN_DIR:-${CARGO_TARGET_DIR:-$HEARTLINE_ROOT/target}/$HEARTLINE_BUILD_PROFILE}
# Seconds between two signs of life of a build whose output is no terminal.
BUILD_SIGN=10

# build_binaries [OPTION…]: all programs, or those that Cargo's OPTIONs say.
# The last crate is half of the work, and Cargo says nothing while it is compiled; on a terminal it shows its progress.
build_binaries() {
    need cargo cc setpriv
    [ $# -gt 0 ] || set -- --bins
    local begin=$SECONDS next cargo status=0
    say "building heartline ($HEARTLINE_BUILD_PROFILE) …"
    # In the background, so that this shell can say something meanwhile; ended with it.
    (
        cd "$HEARTLINE_ROOT" || exit
        exec setpriv --pdeathsig TERM timeout 3600 cargo build --profile "$HEARTLINE_BUILD_PROFILE" "$@"
    ) </dev/null >&2 &
    cargo=$!
    next=$((SECONDS + BUILD_SIGN))
    while kill -0 "$cargo" 2>/dev/null; do
        if [ ! -t 2 ] && [ "$SECONDS" -ge "$next" ]; then
            say "still building, $((SECONDS - begin)) s …"
            next=$((SECONDS + BUILD_SIGN))
        fi
        sleep 0.2
    done
    wait "$cargo" || status=$?
    [ "$status" = 0 ] || die "cargo build failed"
}

# need_binaries NAME…: builds them if one is absent.
need_binaries() {
    local name
    for name in "$@"; do
        if [ ! -x "$BIN_DIR/$name" ]; then
            [ -z "${HEARTLINE_BIN_DIR:-}" ] || die "HEARTLINE_BIN_DIR=$HEARTLINE_BIN_DIR holds no program $name"
            build_binaries
            return
        fi
    done
}
