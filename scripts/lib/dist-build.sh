# shellcheck shell=bash
# The builds of scripts/dist: programs for an old C library, the same bytes wherever they are built. Sourced, never run.

# The C library of CentOS 7. The compatibility in python/pyproject.toml, manylinux2014, means the same.
DIST_GLIBC=2.17

crate_version() { sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1; }

# built_dir TARGET PROFILE: where cargo puts the programs.
built_dir() { printf '%s/%s/%s' "${CARGO_TARGET_DIR:-$HEARTLINE_ROOT/target}" "$1" "$2"; }

# No path of this machine gets into a program. The flags are for the target alone, not for programs of the build
# itself.
reproducible_flags() {
    local separator=$'\x1f'
    CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$HEARTLINE_ROOT=/heartline"
    CARGO_ENCODED_RUSTFLAGS+="$separator--remap-path-prefix=${CARGO_TARGET_DIR:-$HEARTLINE_ROOT/target}=/heartline/target"
    CARGO_ENCODED_RUSTFLAGS+="$separator--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}=/cargo"
    export CARGO_ENCODED_RUSTFLAGS
}

# glibc's version is part of zig's name of a target; musl has none.
zig_target() {
    case $1 in
        *-gnu) printf '%s.%s' "$1" "$DIST_GLIBC" ;;
        *) printf '%s' "$1" ;;
    esac
}

# build_nodes TARGET PROFILE: the programs for nodes, without the feature tools.
build_nodes() {
    say "building the programs for nodes ($2, $1) …"
    (
        reproducible_flags
        timeout 3600 cargo zigbuild --locked --profile "$2" --target "$(zig_target "$1")" \
            --bins --no-default-features >&2
    ) || die "the build failed; see above"
}

# build_wheel TARGET PROFILE DIR: all programs, and the wheel with them.
build_wheel() {
    local compatibility=manylinux2014
    case $1 in *-musl) compatibility=musllinux_1_2 ;; esac
    say "building heartline ($2, $1); some minutes …"
    (
        reproducible_flags
        cd python
        timeout 3600 maturin build --zig --target "$1" --profile "$2" \
            --compatibility "$compatibility" --out "$3" >&2
    ) || die "the build failed; see above"
    python3 "$HEARTLINE_ROOT/scripts/lib/dist_wheel.py" "$3"/*.whl "$HEARTLINE_ROOT" \
        || die "the wheel cannot be changed"
}

# take_from_wheel WHEEL-DIR PROGRAM-DIR DIR: heartline and the bill of materials, so that all files hold the same bytes.
take_from_wheel() {
    local wheel
    wheel=$(compgen -G "$1/*.whl") || die "no wheel was built"
    python3 -m zipfile -e "$wheel" "$3/unpacked"
    mv "$3"/unpacked/*.data/scripts "$3/of-wheel"
    # Its small programs are not for nodes, so their size does not count.
    check_programs "$3/of-wheel" wheel heartline wc-mapper wc-reducer
    install -m 755 "$3/of-wheel/heartline" "$2/"
    cp "$3"/unpacked/*.dist-info/sboms/heartline.cyclonedx.json "$3/heartline.cyclonedx.json"
}

# heartline_of_this_machine: a heartline that runs here, for what the one that was built cannot do here.
heartline_of_this_machine() {
    local host
    host=$(rustc -vV | sed -n 's/^host: //p')
    timeout 3600 cargo build --quiet --target "$host" --bin heartline >&2 \
        || die "no heartline could be built for this machine"
    printf '%s' "$(built_dir "$host" debug)/heartline"
}
