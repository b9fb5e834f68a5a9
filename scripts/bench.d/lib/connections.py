"""Direct connections of followers to their master, as the kernel knows them."""

import os
import shutil
import socket
import subprocess

ESTABLISHED = "01"


def no_cuts():
    """Why the kernel cannot end connections here; None if it can."""
    if os.geteuid() != 0:
        return "needs root, to reset connections"
    if shutil.which("ss") is None:
        return "ss is missing: apt-get install iproute2"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host, port = listener.getsockname()
        with socket.create_connection((host, port)) as client:
            cut("dst", f"{host}:{port}")
            client.setblocking(False)
            try:
                client.recv(1)
            except BlockingIOError:
                return "this kernel cannot reset connections (INET_DIAG_DESTROY)"
            except OSError:
                pass
    return None


def cut(end, address):
    """Ends all connections whose end (`src` or `dst`) is this address, of which each end reads an error. Returns
    their number."""
    command = ["ss", "-K", "-H", "-t", "-n", "state", "established", end, address]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return len(done.stdout.splitlines())


def connected(address):
    """The hosts whose connections this machine has accepted at an address, one for each connection."""
    host, port = address.rsplit(":", 1)
    ours = f"{encoded(host)}:{int(port):04X}"
    found = []
    with open("/proc/net/tcp") as table:
        for row in list(table)[1:]:
            _, local, remote, state = row.split()[:4]
            if local == ours and state == ESTABLISHED:
                found.append(remote.split(":")[0])
    return found


def encoded(host):
    """An IPv4 address as the kernel's table shows it."""
    (number,) = memoryview(socket.inet_aton(host)).cast("I")
    return f"{number:08X}"
