"""What may grow while members beat: of their processes and of ZooKeeper's znodes, and whether it does."""

import os
import statistics
from pathlib import Path

from zookeeper import Reader, words

# By how much the last fifth may be above the second: a share, and so many of its unit. Memory is in KiB; a
# watch is there or is just being set again, and a znode may belong to one who comes or goes.
SLACK = {"memory": (0.10, 512), "watches": (0.25, 8), "file handles": (0, 1), "threads": (0, 1)}
USUAL = (0, 3)
COUNTS = {
    "znodes in all": "zk_znode_count",
    "ephemeral znodes": "zk_ephemerals_count",
    "watches": "zk_watch_count",
    "connections": "zk_num_alive_connections",
}


def of_process(pid):
    """Resident memory in KiB, threads and file handles."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    status = dict(line.split(":", 1) for line in lines)
    files = len(os.listdir(f"/proc/{pid}/fd"))
    return {
        "memory": int(status["VmRSS"].split()[0]),
        "threads": int(status["Threads"]),
        "file handles": files,
    }


def sample(made, kept):
    """Figures by name, of a crowd and of those processes that are there from beginning to end."""
    figures = {}
    everybody = [made.leader.pid, *(member.process.pid for member in made.members.values())]
    for who, pids in {**kept, "all but the backup": everybody}.items():
        each = [of_process(pid) for pid in pids]
        for what in each[0]:
            figures[f"{what}, {who}"] = sum(one[what] for one in each)
    with Reader(made.server) as reader:
        figures["followers' znodes"] = len(reader.children(made.kind.nodes))
        figures["claims"] = len(reader.children(f"{made.kind.space}/heart_beat_master"))
    said = dict(line.split("\t", 1) for line in words(made.server, "mntr").splitlines() if "\t" in line)
    for what, key in COUNTS.items():
        figures[what] = int(said[key])
    return figures


class Samples:
    def __init__(self):
        self.taken = []
        self.load = 0.0

    def __len__(self):
        return len(self.taken)

    def add(self, figures):
        self.taken.append(figures)
        self.load = max(self.load, os.getloadavg()[0])

    def report(self):
        """Prints the medians of the second fifth and of the last; the names of what has grown."""
        fifth = len(self.taken) // 5
        if fifth == 0:
            return [f"nothing can be said of {len(self.taken)} samples; let it run for longer"]
        print(f"  {'medians of':<36} {'2nd fifth':>10} {'last fifth':>10}   most")
        grown = []
        for name in self.taken[0]:
            values = [figures[name] for figures in self.taken]
            early = statistics.median(values[fifth : 2 * fifth])
            late = statistics.median(values[-fifth:])
            share, more = SLACK.get(name.split(",")[0], USUAL)
            if late > early * (1 + share) + more:
                grown.append(name)
            unit = " KiB" if name.startswith("memory") else ""
            print(f"  {name + unit:<36} {early:>10.0f} {late:>10.0f} {max(values):>6}")
        return grown
