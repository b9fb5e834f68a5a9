"""Maps words to WORD<tab>1. The first attempts of the first two tasks read some lines and hang: one sleeps, one spins."""

import os
import sys
import time

task = int(os.environ["mapreduce_task_partition"])
hangs = task < 2 and os.environ["mapreduce_task_attempt_id"].endswith("_0")
for number, line in enumerate(sys.stdin.buffer):
    for word in line.split():
        sys.stdout.buffer.write(word + b"\t1\n")
    if hangs and number == 50:
        sys.stdout.flush()
        if task == 0:
            time.sleep(100000)
        while True:
            pass
