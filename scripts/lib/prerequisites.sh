# shellcheck shell=bash
# What the scripts need from the machine: installed with apt where that can be, else named with the command that
# installs it. Sourced, never run.

# The Debian package a command comes from.
package_of() {
    case $1 in
        java) echo default-jdk-headless ;;
        mvn) echo maven ;;
        mawk) echo mawk ;;
        cc) echo gcc libc6-dev ;;
        c++) echo g++ ;;
        setsid | flock | setpriv | unshare) echo util-linux ;;
        ip) echo iproute2 ;;
        fuser) echo psmisc ;;
        sshd) echo openssh-server ;;
        ssh | ssh-keygen) echo openssh-client ;;
        krb5kdc | kdb5_util) echo krb5-kdc ;;
        kadmin.local) echo krb5-admin-server ;;
        kinit) echo krb5-user ;;
        promtool) echo prometheus ;;
        systemd-analyze) echo systemd ;;
        ps) echo procps ;;
        awk) echo mawk ;;
        timeout | realpath | sha256sum) echo coreutils ;;
        readelf | strip) echo binutils ;;
        *) echo "$1" ;;
    esac
}

# Never asks, and leaves out what is only recommended.
apt_install() {
    local log=$HEARTLINE_HOME_DIR/apt.log
    say "installing $* (log: $log)"
    {
        timeout 300 apt-get update -q
        DEBIAN_FRONTEND=noninteractive timeout 900 apt-get install -y -q --no-install-recommends "$@"
    } >"$log" 2>&1 </dev/null || {
        tail -n 20 "$log" >&2
        die "apt-get could not install $*; try it by hand: apt-get update && apt-get install $*"
    }
}

# need COMMAND…: each of them is on the PATH when this returns.
need() {
    local command missing=() packages=()
    # rustup puts cargo where a shell without its profile does not look.
    [ -d "$HOME/.cargo/bin" ] && PATH=$PATH:$HOME/.cargo/bin
    for command in "$@"; do
        command -v "$command" >/dev/null || missing+=("$command")
    done
    [ "${#missing[@]}" -gt 0 ] || return 0
    for command in "${missing[@]}"; do
        # Debian's own Rust is older than Cargo.toml's rust-version.
        [ "$command" != cargo ] || die "cargo is missing; install Rust 1.88 or newer with rustup (https://rustup.rs) and run this again"
        read -ra one <<<"$(package_of "$command")"
        packages+=("${one[@]}")
    done
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt_install "${packages[@]}"
    else
        die "missing: ${missing[*]}; install it with: sudo apt-get install ${packages[*]}"
    fi
    for command in "${missing[@]}"; do
        command -v "$command" >/dev/null || die "$command is still missing after installing ${packages[*]}"
    done
}

# The jars fetched are built for Java 11 and newer.
need_java() {
    need java
    local major
    major=$(java -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java\.specification\.version = \([0-9]*\).*/\1/p')
    [ "${major:-0}" -ge 11 ] || die "Java 11 or newer is needed, found ${major:-none}; install it with: apt-get install openjdk-17-jdk-headless"
}

# Whether the feature gssapi can be built: Kerberos' headers, and the library by which its bindings are made of them.
has_kerberos_headers() {
    echo '#include <gssapi/gssapi.h>' | cc -E - >/dev/null 2>&1 || return 1
    [ -n "${LIBCLANG_PATH:-}" ] || command -v clang >/dev/null || compgen -G '/usr/lib/llvm-*/lib/libclang*.so*' >/dev/null
}
