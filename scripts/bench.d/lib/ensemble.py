"""Three ZooKeeper servers that elect a leader: to be killed, and to be stopped all at once."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager

from text import DATA, HOME, LOG4J, ROOT
from zookeeper import Reader, words

SERVERS = (1, 2, 3)
START_LIMIT = 90
JAVA = ["-Xmx256m", "-XX:+UseSerialGC", "-Dzookeeper.jmx.log4j.disable=true"]


def free_ports(number):
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


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
        """Starts a server with the data that it has, in a group of its own: Ctrl-C is for the bench."""
        folder = self.dir / str(server)
        (folder / "data").mkdir(parents=True, exist_ok=True)
        (folder / "data/myid").write_text(f"{server}\n")
        lines = [
            f"dataDir={folder}/data",
            f"clientPort={self.clients[server]}",
            "clientPortAddress=127.0.0.1",
            "tickTime=2000",
            "initLimit=10",
            "syncLimit=5",
            "maxClientCnxns=0",
            "admin.enableServer=false",
            "4lw.commands.whitelist=*",
            *self.peers,
        ]
        (folder / "zoo.cfg").write_text("\n".join(lines) + "\n")
        main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
        command = ["java", *JAVA, f"-Dlog4j.configuration=file:{LOG4J}"]
        command += ["-cp", f"{HOME}/parts/lib/*", main, str(folder / "zoo.cfg")]
        with open(folder / "log", "ab") as log:
            self.processes[server] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def mode(self, server):
        """`leader`, `follower`, or nothing for one that does not serve."""
        try:
            said = words(self.address_of(server), "srvr", 2)
        except OSError:
            return ""
        return next((line[6:] for line in said.splitlines() if line.startswith("Mode: ")), "")

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
