"""How soon members are declared dead whose host vanishes: its link is cut, so nothing is closed, and nobody answers.
From the cut until another session is notified that their znodes are gone."""

import random
import time
from contextlib import contextmanager

from connections import connected, encoded
from crowd import crowd
from hosts import OUTSIDE, hosts
from observer import Observer
from watched import Heartline
from zookeeper import Reader, server_at

ROUND_LIMIT = 30
RETURN_LIMIT = 60
# As for a kill, and long enough for the master to know where each of them can be probed.
SETTLE, SPREAD = 1.5, 0.1


class Vanishing:
    """A crowd of which the last to start are on the host that vanishes, and the others on one that stays."""

    def __init__(self, made, host, count):
        self.crowd = made
        self.kind = made.kind
        self.host = host
        self.names = set(list(made.members)[-count:])
        with Reader(made.server) as reader:
            self.endpoint = self.kind.endpoint(reader)

    def times(self, rounds):
        """Seconds until the last of them was seen to be gone, for each of so many cuts."""
        return [self.one() for _ in range(rounds)]

    def one(self):
        self.until_back()
        time.sleep(SETTLE + random.uniform(0, SPREAD))
        with Observer(self.crowd.server) as observer:
            observer.children(self.kind.nodes, watch=True)
            begin = time.monotonic()
            self.host.cut()
            try:
                seen = self.until_gone(observer)
            finally:
                self.host.mend()
        return seen - begin

    def until_gone(self, observer):
        """When it was notified that none of them is there any more."""
        end = time.monotonic() + ROUND_LIMIT
        while observer.noticed(end):
            seen = time.monotonic()
            if not self.names.intersection(observer.children(self.kind.nodes, watch=True)):
                return seen
        self.crowd.fail(f"those whose host vanished were not declared dead within {ROUND_LIMIT} s")

    def until_back(self):
        """Waits until all beat and have direct connections again."""
        end = time.monotonic() + RETURN_LIMIT
        while time.monotonic() < end:
            self.crowd.check_leader()
            if self.beating() and self.connections() >= len(self.names):
                return
            time.sleep(0.05)
        self.crowd.fail(f"those whose host had vanished were not back within {RETURN_LIMIT} s")

    def beating(self):
        with Reader(self.crowd.server) as reader:
            stats = [reader.stat(f"{self.kind.nodes}/{name}") for name in self.crowd.members]
        return all(stat is not None and stat.version > 0 for stat in stats)

    def connections(self):
        return connected(self.endpoint).count(encoded(self.host.address))

    def deaths(self):
        """The events of those on the host, and of the others, who live."""
        # A znode is seen to be gone before the master has said so.
        time.sleep(SETTLE)
        died = [event for event in self.kind.events if event["event"] == "died"]
        own = [event for event in died if event["node"] in self.names]
        return own, [event for event in died if event["node"] not in self.names]


@contextmanager
def vanishing(programs, size, count, more):
    """`size` followers, of which `count` are on the host that vanishes."""
    with hosts(2) as (stays, vanishes), server_at(OUTSIDE) as address:
        kind = Heartline(programs, address, more=more)
        kind.host_of = lambda name: vanishes if int(name.removeprefix("map")) > size - count else stays
        with crowd(kind, size) as made:
            yield Vanishing(made, vanishes, count)
