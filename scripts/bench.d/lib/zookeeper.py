"""A ZooKeeper server for a benchmark, and what it says of its znodes."""

import re
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections import namedtuple
from contextlib import contextmanager

from text import DATA, HOME, LOG4J, ROOT

JAVA = ["-Xmx256m", "-XX:+UseSerialGC", "-Dzookeeper.jmx.log4j.disable=true"]
START_LIMIT = 60

EXISTS, VALUE, CHILDREN, CLOSE = 3, 4, 8, -11
PONG = -2
NO_NODE = -101

Stat = namedtuple(
    "Stat",
    "czxid mzxid ctime mtime version cversion aversion owner length children pzxid",
)


@contextmanager
def server():
    """A server of the fetched parts for as long as it is needed; yields its address."""

    def control(action, **options):
        script = str(ROOT / "scripts/zookeeper")
        command = [script, action, "--dir", str(DATA / "zookeeper")]
        # In a session of its own: Ctrl-C is for the bench, which then stops the server.
        return subprocess.run(command, text=True, start_new_session=True, **options)

    subprocess.run([str(ROOT / "scripts/fetch-parts"), "hadoop"], check=True)
    # One may be left from a bench that was killed.
    control("stop", check=True, stderr=subprocess.DEVNULL)
    try:
        yield control("start", check=True, stdout=subprocess.PIPE).stdout.strip()
    finally:
        control("stop", check=True)


def launch(folder, address, more=()):
    """Starts a server with the data that the folder has, in a group of its own: Ctrl-C is for the bench."""
    host, port = address.rsplit(":", 1)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    lines = [
        f"dataDir={folder}/data",
        f"clientPort={port}",
        f"clientPortAddress={host}",
        "tickTime=2000",
        "maxClientCnxns=0",
        "admin.enableServer=false",
        "4lw.commands.whitelist=*",
        *more,
    ]
    (folder / "zoo.cfg").write_text("\n".join(lines) + "\n")
    main = "org.apache.zookeeper.server.quorum.QuorumPeerMain"
    command = ["java", *JAVA, f"-Dlog4j.configuration=file:{LOG4J}"]
    command += ["-cp", f"{HOME}/parts/lib/*", main, str(folder / "zoo.cfg")]
    with open(folder / "log", "ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def free_ports(number, host="127.0.0.1"):
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind((host, 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@contextmanager
def server_at(host):
    """A server at an address of this machine that is not loopback, as `server`."""
    subprocess.run([str(ROOT / "scripts/fetch-parts"), "hadoop"], check=True)
    folder = DATA / "zookeeper-at"
    shutil.rmtree(folder, ignore_errors=True)
    address = f"{host}:{free_ports(1, host)[0]}"
    process = launch(folder, address)
    try:
        wait_until_it_serves(process, address, folder / "log")
        yield address
    finally:
        process.kill()
        process.wait()


def wait_until_it_serves(process, address, log):
    end = time.monotonic() + START_LIMIT
    while time.monotonic() < end and process.poll() is None:
        if mode(address):
            return
        time.sleep(0.1)
    sys.exit(f"ZooKeeper does not serve at {address}: {log}")


def mode(address):
    """`standalone`, `leader`, `follower`, or nothing for one that does not serve."""
    try:
        said = words(address, "srvr", 2)
    except OSError:
        return ""
    return next((line[6:] for line in said.splitlines() if line.startswith("Mode: ")), "")


def words(address, word, limit=10):
    """What a server says to one of ZooKeeper's four-letter words."""
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=limit) as link:
        link.sendall(word.encode())
        answer = b""
        while more := link.recv(65536):
            answer += more
    return answer.decode()


def granted(address):
    """The session timeouts, in milliseconds, that the server has granted to those who are connected."""
    return {int(match) for match in re.findall(r",to=(\d+),", words(address, "cons"))}


class Reader:
    """A session that only asks. Each is short, so that it needs no beats of its own."""

    def __init__(self, address, limit=10):
        host, port = address.rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout=limit)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        version, seen, timeout, session, password, read_only = 0, 0, 10_000, 0, bytes(16), 0
        self.send(
            struct.pack(">iqiqi", version, seen, timeout, session, len(password)),
            password,
            bytes([read_only]),
        )
        self.receive()
        return self

    def __exit__(self, *_):
        with self.socket:
            self.send(struct.pack(">ii", 1, CLOSE))

    def send(self, *parts):
        request = b"".join(parts)
        self.socket.sendall(struct.pack(">i", len(request)) + request)

    def receive(self):
        (length,) = struct.unpack(">i", self.exactly(4))
        return self.exactly(length)

    def exactly(self, length):
        data = b""
        while len(data) < length:
            more = self.socket.recv(length - len(data))
            if not more:
                raise ConnectionError("ZooKeeper hung up")
            data += more
        return data

    def ask(self, kind, path, watch=False):
        path = path.encode()
        self.send(struct.pack(">iii", 1, kind, len(path)), path, bytes([watch]))
        number = PONG
        while number == PONG:
            answer = self.receive()
            number, _, error = struct.unpack_from(">iqi", answer)
        if error == NO_NODE:
            return None
        if error != 0:
            raise ConnectionError(f"ZooKeeper answers with error {error} for {path.decode()}")
        return answer[16:]

    def stat(self, path):
        """What is known of a znode; None if there is none."""
        answer = self.ask(EXISTS, path)
        return answer and Stat(*struct.unpack(">qqqqiiiqiiq", answer))

    def value(self, path, watch=False):
        """What a znode holds; None if there is none."""
        answer = self.ask(VALUE, path, watch)
        if answer is None:
            return None
        (length,) = struct.unpack_from(">i", answer)
        # One without a value has the length -1.
        return answer[4 : 4 + max(length, 0)]

    def children(self, path, watch=False):
        """The names below a znode; none if it is not there."""
        answer = self.ask(CHILDREN, path, watch)
        names = []
        if answer is not None:
            at = 4
            for _ in range(struct.unpack_from(">i", answer)[0]):
                (length,) = struct.unpack_from(">i", answer, at)
                names.append(answer[at + 4 : at + 4 + length].decode())
                at += 4 + length
        return names
