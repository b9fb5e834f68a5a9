"""A master and its followers, kept at their number, and which of them were taken for dead while they live."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from contextlib import contextmanager

from text import DATA
from zookeeper import Reader

LOG = DATA / "detector.log"

# Python on a busy machine needs seconds to start.
LEAD_LIMIT = 60
STAND_LIMIT = 60
# Who has not beaten after this long never will.
START_LIMIT = 15
# What happens only once, at the start, is not what is measured.
SETTLE = 1


class Member:
    def __init__(self, process):
        self.process = process
        self.began = time.monotonic()
        # When it was seen to beat for the first time.
        self.since = None


class Crowd:
    """`size` followers of one kind. Those that are gone are replaced by :meth:`fill`."""

    def __init__(self, kind, size):
        self.kind = kind
        self.size = size
        self.server = kind.address.split(",")[0]
        self.started = 0
        self.members = {}
        self.leader = None
        # Of those that do not come back: how many were removed though they live, and had beaten before.
        self.mistaken = 0
        # The names of those that were killed.
        self.killed = set()
        # For how many seconds, added up, those were watched that are there no more.
        self.spent = 0.0
        self.stood = None

    def spawn(self, command, stdout=subprocess.DEVNULL):
        with open(LOG, "ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=stdout,
                stderr=log,
                # Ctrl-C is for the bench, which then ends them: each with those that it started.
                start_new_session=True,
            )

    def begin(self):
        """Starts the master, and then the followers."""
        self.kind.setup()
        self.leader = self.spawn(self.kind.master(), subprocess.PIPE)
        self.kind.listen(self.leader)
        end = time.monotonic() + LEAD_LIMIT
        while time.monotonic() < end:
            self.check_leader()
            with Reader(self.server) as reader:
                if self.kind.leads(reader):
                    self.stood = time.monotonic()
                    return self.fill()
            time.sleep(0.05)
        self.fail(f"no member became master within {LEAD_LIMIT} s")

    def check_leader(self):
        if self.leader.poll() is not None:
            self.fail(f"the master ended with {self.leader.returncode}")

    def fill(self, wait_for_all=True):
        """Starts the missing members and waits until all beat. Of those that do not come back after a mistake
        it may never be all: without `wait_for_all` it ends as soon as any stand."""
        end = time.monotonic() + STAND_LIMIT
        while time.monotonic() < end:
            if self.top_up() or (self.standing() and not wait_for_all):
                return
            time.sleep(0.05)
        if self.kind.returns or not self.standing():
            self.fail(f"not all of {self.size} stood within {STAND_LIMIT} s")

    def top_up(self):
        """Starts one who is missing, unless another is starting; whether all beat. Many that start at once are
        a load that is not measured."""
        if len(self.members) < self.size and len(self.standing()) == len(self.members):
            self.started += 1
            name = f"map{self.started}"
            self.members[name] = Member(self.spawn(self.kind.member(name)))
        return self.look()

    def look(self):
        """Whether all beat. Those that were removed and do not come back are taken away."""
        self.check_leader()
        with Reader(self.server) as reader:
            names = set(reader.children(self.kind.nodes))
            for name, member in list(self.members.items()):
                if member.process.poll() is not None:
                    self.fail(f"{name} ended with {member.process.returncode}")
                if member.since is None and name in names:
                    stat = reader.stat(f"{self.kind.nodes}/{name}")
                    if stat is not None and stat.version > 0:
                        member.since = time.monotonic()
                late = time.monotonic() - member.began > START_LIMIT
                if name not in names and not self.kind.returns and (member.since or late):
                    self.mistaken += member.since is not None
                    self.remove(name)
        return len(self.standing()) == self.size

    def standing(self):
        """The names of those that beat."""
        return [name for name, member in self.members.items() if member.since is not None]

    def mistakes(self):
        """How many were declared dead so far that lived."""
        if not self.kind.returns:
            return self.mistaken
        deaths = Counter(node for _, node in self.kind.reported("died"))
        # Of one that was killed the last was none.
        return sum(count - (name in self.killed) for name, count in deaths.items())

    def watched(self):
        """For how many seconds, added up, members were watched so far."""
        now = time.monotonic()
        sinces = [member.since for member in self.members.values()]
        return self.spent + sum(now - since for since in sinces if since is not None)

    def age(self):
        """Seconds since its first members stood."""
        return time.monotonic() - self.stood

    def remove(self, name):
        """Kills a member, with the processes that it has started."""
        member = self.members.pop(name)
        if member.since is not None:
            self.spent += time.monotonic() - member.since
        put_down(member.process)

    def fail(self, what):
        sys.exit(f"{self.kind.name}: {what}; their stderr is in {os.path.relpath(LOG)}")

    def end(self):
        for name in list(self.members):
            self.remove(name)
        if self.leader is not None:
            put_down(self.leader)


def put_down(process):
    """Kills a process of :meth:`Crowd.spawn` and all of its session's group."""
    # Those that were waited for are gone, and their number may be another's.
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    process.stdin.close()


@contextmanager
def crowd(kind, size):
    """Members that do not outlive their use."""
    made = Crowd(kind, size)
    try:
        made.begin()
        time.sleep(SETTLE)
        yield made
    finally:
        made.end()
