"""Three ZooKeeper servers that elect a leader: to be killed, and to be stopped all at once."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

from text import DATA, ROOT
from zookeeper import Reader, free_ports, launch, mode

SERVERS = (1, 2, 3)
START_LIMIT = 90


class Ensemble:
    def __init__(self):
        self.dir = DATA / "ensemble"
        shutil.rmtree(self.dir, ignore_errors=True)
        ports = free_ports(3 * len(SERVERS))
        self.clients = dict(zip(SERVERS, ports))
        peers = zip(SERVERS, ports[3::2], ports[4::2])
        self.peers = [f"server.{n}=127.0.0.1:{one}:{other}" for n, one, other in peers]
        self.processes = {}

    def address(self):
        return ",".join(self.address_of(server) for server in SERVERS)

    def address_of(self, server):
        return f"127.0.0.1:{self.clients[server]}"

    def start(self, server):
        """Starts a server with the data that it has."""
        folder = self.dir / str(server)
        (folder / "data").mkdir(parents=True, exist_ok=True)
        (folder / "data/myid").write_text(f"{server}\n")
        more = ["initLimit=10", "syncLimit=5", *self.peers]
        self.processes[server] = launch(folder, self.address_of(server), more)

    def mode(self, server):
        """`leader`, `follower`, or nothing for one that does not serve."""
        return mode(self.address_of(server))

    def wait_until_whole(self):
        end = time.monotonic() + START_LIMIT
        while time.monotonic() < end:
            for server, process in self.processes.items():
                if process.poll() is not None:
                    sys.exit(f"ZooKeeper {server} ended: {os.path.relpath(self.dir)}/{server}/log")
            if sorted(self.mode(server) for server in SERVERS) == ["follower", "follower", "leader"]:
                return
            time.sleep(0.2)
        sys.exit(f"the ensemble is not complete after {START_LIMIT} s: {os.path.relpath(self.dir)}")

    def leader(self):
        return next(server for server in SERVERS if self.mode(server) == "leader")

    def kill(self, server):
        self.processes[server].kill()
        self.processes[server].wait()

    def signal_all(self, number):
        for process in self.processes.values():
            process.send_signal(number)

    def grants(self, server, limit=0.5):
        """Whether it gives a session, which takes a majority of servers that work."""
        try:
            with Reader(self.address_of(server), limit):
                return True
        except OSError:
            return False

    def end(self):
        for process in self.processes.values():
            # A killed one needs no SIGCONT.
            process.send_signal(signal.SIGKILL)
        for process in self.processes.values():
            process.wait()


@contextmanager
def ensemble():
    """Servers that do not outlive their use."""
    subprocess.run([str(ROOT / "scripts/fetch-parts"), "hadoop"], check=True)
    made = Ensemble()
    try:
        for server in SERVERS:
            made.start(server)
        made.wait_until_whole()
        yield made
    finally:
        made.end()
