"""Busy loops: one on each core, as from other work on the same machine."""

import os
import subprocess
import sys
from contextlib import contextmanager

# It ends on its own if the bench is killed.
LOOP = """
import sys, time
end = time.monotonic() + float(sys.argv[1])
while time.monotonic() < end:
    for _ in range(1_000_000):
        pass
"""


@contextmanager
def busy_loops(seconds):
    """A loop bound to each core, at the usual priority, for `seconds` at the most."""
    loops = []
    try:
        for core in sorted(os.sched_getaffinity(0)):
            command = [sys.executable, "-c", LOOP, str(seconds)]
            process = subprocess.Popen(command, start_new_session=True)
            loops.append(process)
            os.sched_setaffinity(process.pid, {core})
        yield
        for process in loops:
            if process.poll() is not None:
                sys.exit("a busy loop ended before its time")
    finally:
        for process in loops:
            process.kill()
        for process in loops:
            process.wait()
