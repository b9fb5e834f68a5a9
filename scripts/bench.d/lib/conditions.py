"""Conditions under which members live that must not be declared dead: load, cut connections, a lossy network."""

import os
import subprocess
import sys
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path

import connections
from busy import busy_loops
from goals import judge
from hosts import OUTSIDE, LossyHost, hosts, no_hosts
from watched import Heartline
from zookeeper import Reader, free_ports, server, server_at

PROXY = Path(__file__).resolve().parent / "proxy.py"
CUT_EVERY = 1
NETEM = "delay 20ms 20ms loss 2%"
# The share of members, on average, that have a connection at the next cut: otherwise not all are cut.
CONNECTED = 0.9


class Quiet:
    what = "quiet"
    more = []

    def left_out(self):
        """Why it cannot be had; None if it can."""
        return None

    @contextmanager
    def kind(self, programs, more):
        """Those who are measured, and their ZooKeeper."""
        with server() as address:
            yield Heartline(programs, address, more=[*self.more, *more])

    def during(self, made, seconds):
        """What happens to members while they are watched, for that long at the least. Yields what adds to the
        row's text."""
        return nullcontext(lambda: [])


class Busy(Quiet):
    what = "busy loops"

    @contextmanager
    def during(self, made, seconds):
        with busy_loops(seconds + 300):
            yield lambda: []


class Normal(Busy):
    what = "busy loops, normal"
    more = ["--scheduling", "normal"]


class Cut(Quiet):
    """Direct connections are reset by the kernel, at one end and at the other in turns."""

    what = "connections cut each s"

    def left_out(self):
        return connections.no_cuts()

    @contextmanager
    def during(self, made, seconds):
        with Reader(made.server) as reader:
            address = made.kind.endpoint(reader)
        counts, over = [], threading.Event()

        def cut():
            while not over.wait(CUT_EVERY):
                counts.append(connections.cut("dst" if len(counts) % 2 else "src", address))

        thread = threading.Thread(target=cut, daemon=True)
        thread.start()
        try:
            yield lambda: cuts(made, counts)
            if not thread.is_alive():
                sys.exit("the cuts ended before their time")
        finally:
            over.set()
            thread.join()


def cuts(made, counts):
    """What is said of cuts of so many connections each."""
    mean = sum(counts) / max(len(counts), 1)
    goal = judge(f"{CONNECTED:.0%} connected again", mean >= CONNECTED * made.size)
    return [f"{len(counts)} cuts of {mean:.1f} connections, {goal}"]


class Proxied(Quiet):
    """Followers on a host of their own reach the master by a proxy. They read the master's address in its claim: on
    their host the proxy has that address, so that it need not be rewritten."""

    what = "a proxy cuts each s"

    def left_out(self):
        return no_hosts()

    @contextmanager
    def kind(self, programs, more):
        with hosts(1) as (host,), server_at(OUTSIDE) as address:
            listen = f"127.0.0.1:{free_ports(1)[0]}"
            kind = Heartline(programs, address, more=[*self.more, *more])
            kind.leading = ["--listen", listen]
            kind.host_of = lambda name: host
            with proxy(host, listen) as kind.cuts:
                yield kind

    @contextmanager
    def during(self, made, seconds):
        first = len(made.kind.cuts)
        yield lambda: cuts(made, made.kind.cuts[first:])


@contextmanager
def proxy(host, address):
    """A proxy at an address of the host, to the same address of this machine. Yields a list that grows: how many
    connections there were at each cut."""
    outside = f"/proc/{os.getpid()}/ns/net"
    command = host.inside([sys.executable, "-B", str(PROXY), address, address, outside, str(CUT_EVERY)])
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    counts = []

    def count():
        for line in process.stdout:
            counts.append(int(line))

    try:
        if process.stdout.readline() != "listens\n":
            sys.exit("the proxy does not listen")
        threading.Thread(target=count, daemon=True).start()
        yield counts
        if process.poll() is not None:
            sys.exit("the proxy ended before its time")
    finally:
        process.kill()
        process.wait()


class Lossy(Quiet):
    """Followers on a host of their own, whose link is a program that loses and delays frames in both directions, where
    the kernel has no netem."""

    what = "the same by a program"

    def left_out(self):
        if (reason := no_hosts()) is not None:
            return reason
        return None if os.path.exists("/dev/net/tun") else "this kernel has no /dev/net/tun"

    @contextmanager
    def kind(self, programs, more):
        with hosts(1, LossyHost) as (host,), server_at(OUTSIDE) as address:
            kind = Heartline(programs, address, more=[*self.more, *more])
            kind.host_of = lambda name: host
            yield kind


class Netem(Quiet):
    """Followers on a host of their own, whose link loses and delays packets in both directions."""

    what = "2 % loss, 20 ms jitter"

    def left_out(self):
        if (reason := no_hosts()) is not None:
            return reason
        # Loads the module too, where there is one.
        with hosts(1) as (host,):
            done = subprocess.run(self.command(host.link), capture_output=True, text=True)
        return f"this kernel has no netem: {done.stderr.strip()}" if done.returncode else None

    def command(self, link):
        return ["tc", "qdisc", "add", "dev", link, "root", "netem", *NETEM.split()]

    @contextmanager
    def kind(self, programs, more):
        with hosts(1) as (host,), server_at(OUTSIDE) as address:
            subprocess.run(self.command(host.link), check=True)
            subprocess.run(host.inside(self.command("eth0")), check=True)
            kind = Heartline(programs, address, more=[*self.more, *more])
            kind.host_of = lambda name: host
            yield kind


CONDITIONS = {
    "quiet": Quiet(),
    "busy": Busy(),
    "normal": Normal(),
    "cut": Cut(),
    "proxy": Proxied(),
    "netem": Netem(),
    "lossy": Lossy(),
}
