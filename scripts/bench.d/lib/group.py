"""The members of one contestant, of which one leads, and the time until another one leads."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

from observer import Observer
from text import DATA
from zookeeper import Reader, granted

LOG = DATA / "succession.log"

# Java on a busy machine needs seconds to start; a session that has to expire first as many.
STAND_LIMIT = 60
ROUND_LIMIT = 30
END_LIMIT = 20
TRIES = 10
# Who stands in line has yet to set its watch, and the leader to hear it.
SETTLE = 0.3


class Group:
    """Members in line. A round takes the leader away and measures; the next one fills the line up again."""

    def __init__(self, contestant, address, size, session):
        self.contestant = contestant
        self.address = address
        self.size = size
        self.session = session
        self.started = 0
        self.members = {}
        # How often the leader changed though nobody had taken it away.
        self.restless = 0

    def fill(self):
        """Starts the missing members; returns the leader's name once all stand in line."""
        while len(self.members) < self.size:
            self.started += 1
            name = f"member{self.started}"
            with open(LOG, "ab") as log:
                self.members[name] = subprocess.Popen(
                    self.contestant.start(self.address, name),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=log,
                    # Ctrl-C is for the bench, which then ends them.
                    start_new_session=True,
                )
        end = time.monotonic() + STAND_LIMIT
        while time.monotonic() < end:
            with Reader(self.address) as reader:
                leader = self.standing(reader)
            if leader:
                return leader
            time.sleep(0.02)
        self.fail(f"not all stood in line within {STAND_LIMIT} s")

    def standing(self, reader):
        """The leader's name if all stand in line, and nobody else."""
        for name, process in self.members.items():
            if process.poll() is not None:
                self.fail(f"{name} ended with {process.returncode} while it should stand in line")
        line = self.contestant.standing(reader)
        holders = sorted(self.contestant.holder(reader, path) for path in line)
        leader = self.contestant.leader(reader)
        return leader if leader in self.members and holders == sorted(self.members) else None

    def check_session(self):
        """They are compared by the same session timeout, so it has to be the one that they have."""
        self.fill()
        # The sessions of readers end a moment after they are left.
        time.sleep(SETTLE)
        if (real := granted(self.address)) != {self.session * 1000}:
            self.fail(f"the server granted session timeouts of {sorted(real)} ms")

    def round(self, take, spread):
        """Seconds from `take`, which is given the leader's process, until another has spoken as leader. Begins
        at a random moment of `spread` seconds: the server looks for sessions to expire once a tick, and
        rounds that keep step with it would all be the same."""
        contestant = self.contestant
        with self.steady(spread) as (observer, leader):
            process = self.members[leader]
            old = contestant.epoch_of(observer.watch(contestant.leader_path))
            begin = time.monotonic()
            take(process)
            seen = observer.until(
                contestant.leader_path,
                lambda value: contestant.epoch_of(value) not in (None, old),
                ROUND_LIMIT,
            )
        if seen is None:
            self.fail(f"no member succeeded {leader} within {ROUND_LIMIT} s")
        self.see_off(leader, process)
        return seen - begin

    @contextmanager
    def steady(self, spread):
        """An observer, and the leader, who has been it for a while."""
        for _ in range(TRIES):
            leader = self.fill()
            time.sleep(SETTLE + random.uniform(0, spread))
            with Observer(self.address) as observer:
                if self.contestant.leader(observer) == leader:
                    yield observer, leader
                    return
            # A leader that got no processor for long may have been replaced.
            self.restless += 1
        self.fail(f"the leader changed without reason {TRIES} times in a row")

    def see_off(self, name, process):
        """Waits for the end of one that was taken away; one that was only stopped goes on, and ends well."""
        del self.members[name]
        try:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.stdin.close()
            code = process.wait(END_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            self.fail(f"{name} did not end within {END_LIMIT} s")
        if code not in (0, -signal.SIGKILL):
            self.fail(f"{name} ended with {code}")

    def fail(self, what):
        sys.exit(f"{self.contestant.name}: {what}; their stderr is in {os.path.relpath(LOG)}")

    def end(self):
        for process in self.members.values():
            process.kill()
        for process in self.members.values():
            process.wait()


@contextmanager
def group(*arguments):
    """Members that do not outlive their use."""
    made = Group(*arguments)
    try:
        yield made
    finally:
        made.end()
