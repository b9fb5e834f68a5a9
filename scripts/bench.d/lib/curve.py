"""The curve of detection time against mistakes: of a recording, judged again by every rule and many timeouts."""

import json
import signal
import subprocess
import time
from collections import namedtuple

from crowd import crowd
from text import DATA
from watched import Heartline

# So long that no verdict ends what is to be judged.
LENIENT = ["--timeout", "2s", "--session-timeout", "6s"]
END_LIMIT = 20

# One rule with one timeout, both figures in milliseconds; the mistakes are those of one member in an hour.
Point = namedtuple("Point", "rule timeout median p99 mistakes hourly duration accuracy")


def record(programs, address, members, seconds, name):
    """Records what a master hears for so many seconds of its followers; the file."""
    DATA.mkdir(parents=True, exist_ok=True)
    file = DATA / f"detector-{name}.rec"
    kind = Heartline(programs, address, "adaptive", LENIENT, file)
    with crowd(kind, members) as made:
        time.sleep(seconds)
        if not made.look():
            made.fail("a member has not beaten")
        finish_recording(made)
        dead = [node for _, node in kind.reported("died")]
        if dead:
            made.fail(f"{dead[0]} was declared dead, which cuts the recording off")
    return file


def finish_recording(made):
    """Ends the master: the rest of its recording is written when it ends well."""
    made.leader.send_signal(signal.SIGTERM)
    made.leader.wait(END_LIMIT)


def take_apart(programs, file, killed):
    """What the silences of those who were killed were made of, by a recording of a master with its usual timeout."""
    command = [str(programs / "examples/judge-recording"), "--deaths", "20ms", str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    deaths = [json.loads(line) for line in done.stdout.splitlines()]
    return [death for death in deaths if death["member"] in killed]


def judge_again(programs, file):
    """The points of a recording's curves."""
    command = [str(programs / "examples/judge-recording"), str(file)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300)
    points = []
    for line in done.stdout.splitlines():
        said = json.loads(line)
        hours = said["members"] * said["seconds"] / 3600
        points.append(
            Point(
                said["rule"],
                said["timeout_ms"],
                said["detection_median_ms"],
                said["detection_p99_ms"],
                said["mistakes"],
                said["mistakes"] / hours,
                said["mistake_duration_ms"],
                said["query_accuracy"],
            )
        )
    return points
