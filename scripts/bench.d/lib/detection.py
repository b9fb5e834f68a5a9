"""How soon a killed member is declared dead: from `kill -9` until another session is notified that its znode is
gone, which the master takes away in the transaction that says so."""

import os
import random
import signal
import time

from observer import Observer

ROUND_LIMIT = 30
# Each round begins at a moment of its own between two beats.
SETTLE, SPREAD = 0.2, 0.1


def detection_times(crowd, rounds):
    """Seconds from the kill until it was seen, for so many members, one after the other."""
    return [one(crowd) for _ in range(rounds)]


def one(crowd):
    nodes = crowd.kind.nodes
    while True:
        crowd.fill(wait_for_all=crowd.kind.returns)
        time.sleep(SETTLE + random.uniform(0, SPREAD))
        with Observer(crowd.server) as observer:
            names = observer.children(nodes, watch=True)
            # Who has stood for the longest is known best.
            name = min(crowd.standing(), key=lambda name: crowd.members[name].since)
            if name not in names:
                # Declared dead just now, while it lives: to be counted, and another taken.
                continue
            begin = time.monotonic()
            os.killpg(crowd.members[name].process.pid, signal.SIGKILL)
            seen = observer.until_gone(nodes, name, ROUND_LIMIT)
        if seen is None:
            crowd.fail(f"{name} was not declared dead within {ROUND_LIMIT} s")
        crowd.killed.add(name)
        crowd.remove(name)
        return seen - begin
