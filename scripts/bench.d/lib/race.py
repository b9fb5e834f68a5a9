"""Runs commands in turns, measures them, and prints them beside each other."""

import hashlib
import os
import statistics
import subprocess
import sys
import time


class Runner:
    """One command of a race, with its input on stdin and its output to nowhere."""

    def __init__(self, name, command, stdin, shell=False):
        self.name = name
        self.command = ["sh", "-c", command] if shell else command
        self.shell = shell
        self.stdin = stdin
        self.walls = []
        self.cpus = []
        self.peak = None

    def start(self, stdout):
        with open(self.stdin, "rb") as stdin:
            return subprocess.Popen(self.command, stdin=stdin, stdout=stdout)

    def run(self):
        """Runs once, and keeps its times."""
        begin = time.perf_counter()
        process = self.start(subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        self.check(process.returncode)
        self.walls.append(wall)
        self.cpus.append(usage.ru_utime + usage.ru_stime)

    def weigh(self):
        """Runs once more to see its peak memory. The figure of wait4 will not do: it counts the memory of
        this interpreter too, from before the command took its place."""
        if self.shell:
            return
        process = self.start(subprocess.DEVNULL)
        while process.poll() is None:
            try:
                with open(f"/proc/{process.pid}/status") as status:
                    for line in status:
                        if line.startswith("VmHWM:"):
                            self.peak = int(line.split()[1])
            except OSError:
                pass
            time.sleep(0.001)
        self.check(process.returncode)

    def digest(self, in_order=True):
        """A checksum of what it writes, sorted by lines unless the order matters."""
        process = self.start(subprocess.PIPE)
        output = process.stdout
        sort = None
        if not in_order:
            sort = subprocess.Popen(
                ["sort", "-S", "25%"],
                stdin=output,
                stdout=subprocess.PIPE,
                env=os.environ | {"LC_ALL": "C"},
            )
            output.close()
            output = sort.stdout
        digest = hashlib.file_digest(output, "sha256").hexdigest()
        self.check(process.wait())
        if sort is not None and sort.wait() != 0:
            sys.exit("sort failed")
        return digest

    def check(self, code):
        if code != 0:
            sys.exit(f"{self.name} failed with {code}: {' '.join(self.command)}")

    def wall(self):
        return statistics.median(self.walls)

    def row(self, ratio):
        peak = "" if self.peak is None else f"{self.peak / 1024:.1f} MiB"
        cpu = statistics.median(self.cpus)
        return f"  {self.name:<34} {self.wall():>8.3f} s {cpu:>8.3f} s {peak:>11}   {ratio}"


HEADER = f"  {'':<34} {'wall':>10} {'user+sys':>10} {'peak RSS':>11}   ratio of walls"


def same(ours, peer, in_order=True):
    """Ends the bench if the two do not write the same."""
    if ours.digest(in_order) != peer.digest(in_order):
        sys.exit(f"{ours.name} and {peer.name} write different things")


def race(title, ours, peer, runs, goal=None):
    """Runs both in turns and prints two rows; true unless a goal was missed."""
    for _ in range(runs):
        ours.run()
        peer.run()
    for runner in (ours, peer):
        if runner.peak is None:
            runner.weigh()
    ratio = peer.wall() / ours.wall()
    said = f"{ratio:.1f} x"
    if goal is not None:
        said += f"   goal {goal} x: {'met' if ratio >= goal else 'MISSED'}"
    print(f"{title} ({f'medians of {runs} runs' if runs > 1 else '1 run'})")
    print(ours.row(said))
    print(peer.row(""))
    sys.stdout.flush()
    return goal is None or ratio >= goal
