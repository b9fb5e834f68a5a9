"""What the members do when ZooKeeper is away: who is declared dead for it, and how soon all beat again."""

import signal
import time
from collections import namedtuple

from ensemble import SERVERS
from zookeeper import Reader

RETURN_LIMIT = 60
# Who is declared dead for the outage is it soon after the return.
AFTERMATH = 10
POLL = 0.02

# `died`: how many were declared dead; `claims`: how often somebody became master; `served`: seconds from the
# signal until ZooKeeper gave a session; `beating`: seconds from then until all had beaten.
Outage = namedtuple("Outage", "died claims served beating")


def leader_killed(crowd, servers):
    """The leader of the ensemble is killed with -9, and started again afterwards."""
    leader = servers.leader()
    living = [server for server in SERVERS if server != leader]
    first, begin = len(crowd.kind.events), time.monotonic()
    servers.kill(leader)
    outage = after(crowd, servers, living, first, begin)
    servers.start(leader)
    servers.wait_until_whole()
    return outage


def all_stopped(crowd, servers, seconds):
    """Every server is stopped for so long, and goes on."""
    first = len(crowd.kind.events)
    servers.signal_all(signal.SIGSTOP)
    try:
        time.sleep(seconds)
    finally:
        begin = time.monotonic()
        servers.signal_all(signal.SIGCONT)
    return after(crowd, servers, list(SERVERS), first, begin)


def after(crowd, servers, living, first, begin):
    """What comes of what was done at `begin`, as the live servers report it."""
    end = begin + RETURN_LIMIT
    crowd.server = serving(crowd, servers, living, end)
    served = time.monotonic()
    beating = all_beating(crowd, servers, living, end)
    time.sleep(AFTERMATH)
    died = list(crowd.kind.reported("died", first))
    claims = list(crowd.kind.reported("claimed", first))
    return Outage(len(died), len(claims), served - begin, beating - served)


def serving(crowd, servers, living, end):
    """The address of a server that gives sessions, which takes most of them."""
    while time.monotonic() < end:
        for server in living:
            if servers.grants(server):
                return servers.address_of(server)
        time.sleep(POLL)
    crowd.fail(f"ZooKeeper gave no session within {RETURN_LIMIT} s")


def all_beating(crowd, servers, living, end):
    """When each was seen to beat: what it writes is not what was seen first."""
    seen, waiting = {}, set(crowd.members)
    while waiting and time.monotonic() < end:
        try:
            with Reader(crowd.server, 2) as reader:
                while waiting and time.monotonic() < end:
                    waiting -= {name for name in waiting if has_beaten(crowd, reader, name, seen)}
                    time.sleep(POLL / 2)
        except OSError:
            crowd.server = serving(crowd, servers, living, end)
    if waiting:
        crowd.fail(f"{len(waiting)} did not beat within {RETURN_LIMIT} s")
    return time.monotonic()


def has_beaten(crowd, reader, name, seen):
    stat = reader.stat(f"{crowd.kind.nodes}/{name}")
    now = stat and stat.mzxid
    return seen.setdefault(name, now) != now
