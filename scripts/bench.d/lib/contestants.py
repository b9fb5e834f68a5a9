"""Heartline and its peers, in each of which one member leads. How a member is started, and how ZooKeeper shows who
stands in line and who leads."""

import re
import shutil
import subprocess
import time
from pathlib import Path

from interpreter import python_with_kazoo
from text import DATA, HOME, LOG4J

PEERS = Path(__file__).resolve().parent.parent / "peers"


def sequence(name):
    """The number that the server has put behind a name; None if it is not in a line."""
    match = re.search(r"\d{10}$", name)
    return match and int(match[0])


class Contestant:
    """One recipe. Each use has znodes of its own."""

    def __init__(self, name):
        self.name = name
        self.space = f"/succession-{time.time_ns()}"

    def standing(self, reader):
        """The znodes of those in line, first come first."""
        names = [name for name in reader.children(self.line) if sequence(name) is not None]
        return [f"{self.line}/{name}" for name in sorted(names, key=sequence)]

    def holder(self, reader, path):
        """The member that a znode in the line belongs to: the first line of its value."""
        return (reader.value(path) or b"").decode().partition("\n")[0]


class Heartline(Contestant):
    """Mappers whose input is held open. The epoch of the master's report shows which one leads."""

    def __init__(self, mapper, session):
        super().__init__("heartline, wc-mapper")
        self.command = [mapper, "--namespace", self.space, "--session-timeout", f"{session}s"]
        self.line = self.leader_path = f"{self.space}/heart_beat_master"

    def start(self, address, member):
        """The command of one more member."""
        return [*self.command, "--require-zookeeper", "--zookeeper", address, "--name", member]

    def epoch_of(self, value):
        """A value that differs for each master; None if the znode's value does not contain it."""
        match = re.search(rb"^epoch: (\d+)$", value, re.MULTILINE)
        return match and int(match[1])

    def leader(self, reader):
        """Who leads, and has said so."""
        claim = re.search(rb"^claim: (.+)$", reader.value(self.leader_path) or b"", re.MULTILINE)
        line = self.standing(reader)
        if not line or not claim or line[0] != f"{self.line}/{claim[1].decode()}":
            return None
        return self.holder(reader, line[0])


class Peer(Contestant):
    """A program that writes its name into a znode as soon as it leads."""

    def __init__(self, name, command, session):
        super().__init__(name)
        self.command = command
        self.session = session
        self.line = f"{self.space}/line"
        self.leader_path = f"{self.space}/leader"

    def start(self, address, member):
        return [*self.command, address, str(self.session * 1000), self.space, member]

    def epoch_of(self, value):
        return value or None

    def leader(self, reader):
        return (reader.value(self.leader_path) or b"").decode() or None


def kazoo():
    """The names and commands of the peers in Python, or none and why."""
    python, reason = python_with_kazoo()
    if python is None:
        return [], f"no kazoo to be had: {reason}"
    ask = [python, "-c", "import kazoo.version; print(kazoo.version.__version__)"]
    version = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    recipes = {"plain ephemeral znode": "ephemeral.py", "Election": "election.py"}
    return [
        (f"{recipe}, kazoo {version}", [str(python), str(PEERS / file)])
        for recipe, file in recipes.items()
    ], None


def curator():
    """The name and command of the peer in Java, or none and why."""
    library = HOME / "parts/lib"
    jars = sorted(library.glob("curator-recipes-*.jar"))
    if not jars:
        return [], "Curator is not among the fetched parts"
    if shutil.which("javac") is None:
        return [], "javac is missing: apt-get install default-jdk-headless"
    version = jars[-1].stem.removeprefix("curator-recipes-")
    classes = DATA / "peers"
    source = str(PEERS / "Latch.java")
    subprocess.run(["javac", "-d", str(classes), "-cp", f"{library}/*", source], check=True)
    options = ["-Xmx64m", "-XX:+UseSerialGC", f"-Dlog4j.configuration=file:{LOG4J}"]
    command = ["java", *options, "-cp", f"{classes}:{library}/*", "Latch"]
    return [(f"LeaderLatch, Curator {version}", command)], None
