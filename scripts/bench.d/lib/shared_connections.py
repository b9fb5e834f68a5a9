"""The cost of members that share a connection for each host, for numbers of them that grow tenfold."""

import queue
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager

from figures import p99
from goals import judge
from text import DATA
from watched import Heartline

LIMIT = 300
PER_HOST = 50
# Each of these programs may have 20,000 open files: two for each member.
HOSTS_OF_ONE = 50


@contextmanager
def crowd(members, kind, programs, address, log):
    """The programs whose members these are, each with its lines on stdout, once all have joined."""
    per_host = min(PER_HOST, max(members // 4, 1))
    hosts = members // per_host
    running = []
    try:
        for first in range(0, hosts, HOSTS_OF_ONE):
            command = [str(programs / "examples/many-hosts"), "--first", str(first)]
            command += ["--hosts", str(min(HOSTS_OF_ONE, hosts - first)), "--members", str(per_host)]
            command += ["--zookeeper", address, "--namespace", kind.space]
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, start_new_session=True
            )
            running.append(process)
        yield running, per_host, hosts
    finally:
        for process in running:
            process.kill()
            process.wait()


def said_by(process, lines):
    """The next line of one of the programs; ends the bench if it has ended."""
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        try:
            return lines.get(timeout=1)
        except queue.Empty:
            if process.poll() is not None:
                break
    sys.exit(f"scripts/bench: a program of members has ended or says nothing; see {DATA / 'shared-connections.log'}")


def kill(kind, process, lines, name):
    """Kills a member; for how long the master did not know, in seconds, or `None` if it never did."""
    first = len(kind.events)
    process.stdin.write(f"kill {name}\n".encode())
    process.stdin.flush()
    killed = int(said_by(process, lines).split()[1]) / 1e6
    end = time.monotonic() + 10
    while time.monotonic() < end:
        for at, who in kind.reported("died", first):
            if who == name:
                return at - killed
        time.sleep(0.01)
    return None


def row(members, options, tools, programs, address):
    """One number of members: prints its line, and returns whether all was within the goals."""
    lines_of, until, cost, writes, interval = tools
    kind = Heartline(programs, address, more=["--transport", "auto"])
    with open(DATA / "shared-connections.log", "ab") as log:
        master = subprocess.Popen(kind.master(), stdout=subprocess.PIPE, stderr=log, start_new_session=True)
        try:
            kind.listen(master)
            until("the master leads", lambda: kind.leads(None))
            began = time.monotonic()
            with crowd(members, kind, programs, address, log) as (running, per_host, hosts):
                queues = [lines_of(process.stdout) for process in running]
                for process, lines in zip(running, queues):
                    said_by(process, lines)
                until("all are heard", lambda: len({who for _, who in kind.reported("joined")}) >= per_host * hosts)
                joined = time.monotonic() - began
                # The last changes of the intervals reach all.
                time.sleep(5)
                return measured(members, options, (kind, master, running, queues), (per_host, hosts, joined), tools, address)
        finally:
            master.kill()
            master.wait()


def measured(members, options, job, shape, tools, address):
    lines_of, until, cost, writes, interval = tools
    kind, master, running, queues = job
    per_host, hosts, joined = shape
    (first, _), (cpu, _), began = writes(address, kind), cost(master.pid), time.monotonic()
    time.sleep(options.seconds)
    (last, stand), (after, memory), ended = writes(address, kind), cost(master.pid), time.monotonic()
    # Also of those that had just joined.
    mistakes = len(list(kind.reported("died")))
    times, missed = [], 0
    rounds = min(options.rounds, members // 2)
    for number in range(rounds):
        # All over the hosts, and each member once.
        host = number * hosts // rounds if rounds < hosts else number % hosts
        name = f"m{host:03}-{number // hosts:02}"
        place = host // HOSTS_OF_ONE
        found = kill(kind, running[place], queues[place], name)
        missed += found is None
        times += [] if found is None else [found]
    share, rate = (after - cpu) / (ended - began), (last - first) / (ended - began)
    given = interval(address, kind, "direct-interval") or interval(address, kind)
    detection = f"{statistics.median(times) * 1000:>6.1f} {p99(times) * 1000:>6.1f} ms" if times else "-"
    print(
        f"  {stand:>8} {hosts:>6} {given * 1000:>5.0f} ms {share * 100:>8.1f} % {memory / 2**20:>6.1f} MiB"
        f" {rate:>8.0f} {detection:>17} {mistakes:>6} {missed:>7} {joined:>8.1f} s",
        flush=True,
    )
    others = [event["cause"] for event in kind.events if event["event"] == "died" and event["cause"] != "closed"]
    if others:
        print(f"{'':>10}of the dead, not by their connections: {len(others)} ({', '.join(sorted(set(others)))})")
    return given, share, memory, rate, p99(times) if times else float("inf"), mistakes + missed


def curve(options, tools, programs, address, budget):
    """The whole curve, and the goals of its last row."""
    print(f"\n  Hosts of {PER_HOST} members, each with one connection to the master.")
    heads = "  members  hosts interval  processor   resident writes/s  detection p50 p99 mistakes missed  all heard"
    print(heads, flush=True)
    for members in options.curve:
        last = row(members, options, tools, programs, address)
    given, share, memory, rate, slowest, wrong = last
    print(f"  of {options.curve[-1]} members:")
    for goal, met in [
        ("an interval of 5 ms", given <= 0.005),
        ("the master below one core", share < 1),
        ("... and below 64 MiB", memory < 64 * 2**20),
        (f"at most {budget} writes a second", rate <= budget),
        ("a killed one is known after 10 ms (p99)", slowest < 0.01),
        ("nobody declared dead wrongly or missed", wrong == 0),
    ]:
        print(f"    {judge(goal, met)}")
