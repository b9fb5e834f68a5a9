# shellcheck shell=bash
# What must hold of the programs that scripts/dist has built. Sourced, never run.

# A program for nodes goes to each of them with each job.
DIST_MOST_BYTES=4000000

# needed_glibc FILE: the youngest version of glibc's symbols that it needs; nothing if it needs none.
needed_glibc() {
    # Not `grep`, which fails where a program needs none.
    readelf --version-info --wide "$1" | awk '{
        while (match($0, /GLIBC_[0-9.]+/)) { print substr($0, RSTART + 6, RLENGTH - 6); $0 = substr($0, RSTART + RLENGTH) }
    }' | sort -uV | tail -n 1
}

# is_older_or_same A B: of versions.
is_older_or_same() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# check_programs DIR PROFILE NAME…
check_programs() {
    local dir=$1 profile=$2 name needed size path
    shift 2
    for name in "$@"; do
        needed=$(needed_glibc "$dir/$name")
        is_older_or_same "${needed:-0}" "$DIST_GLIBC" \
            || die "$name needs glibc $needed, and may need $DIST_GLIBC at most; see: readelf --version-info $dir/$name"
        size=$(stat -c %s "$dir/$name")
        say "$name: $size bytes, glibc ${needed:-not needed}"
        # Other profiles are not for clusters.
        if [ "$profile" = dist ] && [ "$name" != heartline ] && [ "$size" -ge "$DIST_MOST_BYTES" ]; then
            die "$name has $size bytes, and may have less than $DIST_MOST_BYTES; look at the profile dist in Cargo.toml"
        fi
        for path in "$HEARTLINE_ROOT" "${CARGO_HOME:-$HOME/.cargo}"; do
            if grep -qaF "$path/" "$dir/$name"; then
                die "$name holds the path $path: it would have other bytes if it was built elsewhere"
            fi
        done
    done
}

# check_wheel WHEEL-DIR DIR: a wheel for this machine has the commands, and its module can be imported.
check_wheel() {
    local environment=$2/environment said
    timeout 120 python3 -m venv "$environment"
    timeout 120 "$environment/bin/pip" install --quiet --no-index "$1"/*.whl >&2 || die "pip does not take the wheel"
    for name in heartline setup-zookeeper watch-master watch-slave wc-mapper wc-reducer; do
        said=$(PATH=$environment/bin:$PATH timeout 20 "$name" --version) || die "the wheel's $name does not run"
        [ "${said%% *}" = "$name" ] || die "the wheel's $name calls itself '$said'"
    done
    "$environment/bin/python" -c 'import heartline' || die "the wheel's module heartline cannot be imported"
    [ "$(echo 'b a b' | "$environment/bin/wc-mapper" --no-heartbeat | LC_ALL=C sort | "$environment/bin/wc-reducer")" = \
        "$(printf 'a\t1\nb\t2')" ] || die "the wheel's programs count wrongly"
    say "the wheel works in an environment of its own"
}

# write_sums DIR: of all files there.
write_sums() {
    local sums
    sums=$(cd "$1" && LC_ALL=C && sha256sum -- *) || die "the checksums of the files in $1 cannot be written"
    printf '%s\n' "$sums" >"$1/SHA256SUMS"
}
