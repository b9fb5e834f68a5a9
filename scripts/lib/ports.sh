# shellcheck shell=bash
# Free TCP ports and a look at who listens. Sourced, never run.

# Every local port in use by a TCP socket, in hexadecimal, as the kernel lists them: no tool to install, no probe.
# State 06 is TIME_WAIT, the rest of a connection that is over: a server may listen on its port.
ports_in_use() {
    awk 'FNR > 1 && $4 != "06" { n = split($2, a, ":"); print a[n] }' /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

is_port() { [[ $1 =~ ^[1-9][0-9]{0,4}$ ]] && [ "$1" -le 65535 ]; }

port_is_free() {
    local hex
    printf -v hex '%04X' "$1"
    ! ports_in_use | grep -qx "$hex"
}

# next_free_port FIRST: FIRST, or the next port above it that nobody uses.
next_free_port() {
    local port=$1
    while ! port_is_free "$port"; do
        port=$((port + 1))
        [ "$port" -le 65535 ] || die "no free TCP port from $1 up"
    done
    printf '%s\n' "$port"
}

# port_answers PORT: something accepts connections on loopback.
port_answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
