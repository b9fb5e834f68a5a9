"""Hosts with networks of their own: network namespaces whose links end at one bridge. A link can be cut, as that of
a host that vanishes: nothing is closed, and nobody answers."""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

LOSSY = Path(__file__).resolve().parent / "lossy.py"
# Where ip keeps the files of its namespaces.
NAMESPACES = "/run/netns"
# Also how the namespaces and links begin. A link's name has at most 15 characters.
BRIDGE = "hl-bench"
# Reserved for benchmarks of networks (RFC 2544).
NETWORK = "198.18.91"
# This machine, as the hosts see it.
OUTSIDE = f"{NETWORK}.1"
# A bridge without an address of its own takes that of a port, and another one when that goes.
BRIDGE_ADDRESS = "02:00:c6:12:5b:01"

# From linux/sockios.h and linux/if.h.
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1
INTERFACE = struct.Struct("16sh14x")


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def no_hosts():
    """Why there can be no such hosts; None if there can."""
    if os.geteuid() != 0:
        return "needs root, to make network namespaces"
    if shutil.which("ip") is None:
        return "ip is missing: apt-get install iproute2"
    for words in [["add", f"{BRIDGE}-try"], ["del", f"{BRIDGE}-try"]]:
        done = subprocess.run(["ip", "netns", *words], capture_output=True, text=True)
        if done.returncode != 0:
            return f"no network namespaces can be made: {done.stderr.strip()}"
    return None


class Host:
    def __init__(self, number):
        self.namespace = self.link = f"{BRIDGE}-{number}"
        self.address = f"{NETWORK}.{number + 1}"

    def start(self):
        ip("netns", "add", self.namespace)
        self.connect()
        ip("link", "set", self.link, "master", BRIDGE, "up")
        inside = ["-n", self.namespace]
        ip(*inside, "link", "set", "lo", "up")
        ip(*inside, "addr", "add", f"{self.address}/24", "dev", "eth0")
        ip(*inside, "link", "set", "eth0", "up")

    def connect(self):
        """Makes the link, one end of which is this machine's and one the host's."""
        peer = ["peer", "name", "eth0", "netns", self.namespace]
        ip("link", "add", self.link, "type", "veth", *peer)

    def end(self):
        pass

    def inside(self, command):
        """The command that runs a command on this host. The process stays the same."""
        return ["ip", "netns", "exec", self.namespace, *command]

    def cut(self):
        self.set_up(False)

    def mend(self):
        self.set_up(True)

    def set_up(self, is_up):
        """By the kernel itself: a program needs milliseconds to start."""
        name = self.link.encode()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            now = fcntl.ioctl(any_socket, GET_FLAGS, INTERFACE.pack(name, 0))
            flags = INTERFACE.unpack(now)[1]
            flags = flags | UP if is_up else flags & ~UP
            fcntl.ioctl(any_socket, SET_FLAGS, INTERFACE.pack(name, flags))


class LossyHost(Host):
    """Its link is a program that loses and delays what it passes on."""

    loss, delay = 0.02, 0.02
    process = None

    def connect(self):
        words = [self.link, "eth0", f"{NAMESPACES}/{self.namespace}", self.loss, self.delay]
        self.process = subprocess.Popen(
            # Without bytecode that it would leave beside it.
            [sys.executable, "-B", str(LOSSY), *map(str, words)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        if self.process.stdout.readline() != "stands\n":
            sys.exit(f"{LOSSY.name} makes no link")

    def end(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def remove():
    """Removes hosts and bridge, as far as they exist. Links go with their namespaces, a moment later."""
    names = subprocess.run(["ip", "netns", "list"], check=True, capture_output=True, text=True).stdout
    for line in names.splitlines():
        name = line.split(" ")[0]
        if name.startswith(f"{BRIDGE}-"):
            # It is a name of the link's outer end, too.
            subprocess.run(["ip", "link", "del", name], stderr=subprocess.DEVNULL)
            ip("netns", "del", name)
    subprocess.run(["ip", "link", "del", BRIDGE], stderr=subprocess.DEVNULL)


@contextmanager
def hosts(count, kind=Host):
    """So many hosts, which do not outlive their use. One that a killed bench has left is removed first."""
    made = [kind(number) for number in range(1, count + 1)]
    remove()
    try:
        ip("link", "add", BRIDGE, "address", BRIDGE_ADDRESS, "type", "bridge")
        ip("addr", "add", f"{OUTSIDE}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for host in made:
            host.start()
        yield made
    finally:
        for host in made:
            host.end()
        remove()
