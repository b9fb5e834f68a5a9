# shellcheck shell=bash
# heartline's own programs, built when they are not there. Sourced, never run.

# Tests set HEARTLINE_BIN_DIR to the programs they were built with.
BIN_DIR=${HEARTLINE_BIN_DIR:-${CARGO_TARGET_DIR:-$HEARTLINE_ROOT/target}/release}

build_binaries() {
    need cargo cc
    say "building heartline (release) …"
    (cd "$HEARTLINE_ROOT" && timeout 1200 cargo build --release --bins --quiet) >&2 || die "cargo build failed"
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
