"""Those who are listened to: heartline's mappers below a standing master, and those of the Python program. How a master and
a member are started, and which znodes show them."""

import json
import subprocess
import sys
import threading
import time
from datetime import datetime

from contestants import PEERS

MASTER = "listener"


class Heartline:
    """`wc-mapper`s, and a `heartline master` whose events are read as they come."""

    # What a member does that was declared dead while it lives.
    returns = True

    def __init__(self, programs, address, detector="adaptive", more=(), record=None):
        self.name = f"heartline, {detector}"
        self.is_normal = "normal" in more
        if self.is_normal:
            self.name += ", normal"
        self.address = address
        self.space = f"/detector-{time.time_ns()}"
        self.nodes = f"{self.space}/heart_beat"
        self.programs = programs
        self.options = ["--zookeeper", address, "--namespace", self.space]
        self.options += ["--detector", detector, *more]
        self.record = [] if record is None else ["--record", str(record)]
        self.events = []
        # What only the master gets.
        self.leading = []
        # The host of a member by its name; None for this machine.
        self.host_of = lambda name: None

    def setup(self):
        pass

    def master(self, name=MASTER, backup=()):
        program = str(self.programs / "heartline")
        command = [program, "master", "--json", "--name", name]
        return [*command, *self.record, *backup, *self.leading, *self.options]

    def member(self, name):
        command = [str(self.programs / "wc-mapper"), "--name", name, *self.options]
        host = self.host_of(name)
        return command if host is None else host.inside(command)

    def listen(self, process):
        """Keeps what the master says, in a thread that ends with it."""
        threading.Thread(target=self.hear, args=[process.stdout], daemon=True).start()

    def hear(self, stdout):
        for line in stdout:
            # It reports live members fifty times a second.
            if b'"alive"' not in line:
                self.events.append(json.loads(line))

    def leads(self, reader):
        return any(event["event"] == "claimed" for event in list(self.events))

    def endpoint(self, reader):
        """The address at which the master accepts direct connections, by its claim."""
        line = f"{self.space}/heart_beat_master"
        for name in reader.children(line):
            lines = (reader.value(f"{line}/{name}") or b"").decode().splitlines()
            places = [said.split()[1] for said in lines if said.startswith("transport: ")]
            if places and lines[0] == MASTER:
                return places[0]
        sys.exit("the master's claim has no address for direct connections")

    def reported(self, kind, since=0):
        """The events of this kind, from the one numbered `since`: when, and whose."""
        for event in self.events[since:]:
            if event["event"] == kind:
                yield datetime.fromisoformat(event["time"]).timestamp(), event["node"]


class Seed:
    """The Python program's mappers, the first of which listens."""

    returns = False

    def __init__(self, python, address):
        self.name = "a Python program, kazoo"
        self.address = address
        self.space = f"/heartbeat-{time.time_ns()}"
        self.nodes = f"{self.space}/heart_beat"
        self.command = [str(python), str(PEERS / "heartbeat.py"), address, self.space]

    def setup(self):
        subprocess.run([*self.command, "setup"], check=True, timeout=60)

    def master(self):
        return self.member(MASTER)

    def member(self, name):
        return [*self.command, name]

    def listen(self, process):
        pass

    def leads(self, reader):
        value = reader.value(f"{self.space}/heart_beat_master")
        if value is None:
            sys.exit("the Python program has no znode to lead with")
        return MASTER.encode() in value
