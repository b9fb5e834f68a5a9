"""Counters and status: lines for Hadoop on stderr."""

import os
import sys
import unicodedata

GROUP = "heartline"

# Hadoop cuts a status here (mapreduce.task.max.status.length).
_LONGEST_STATUS = 512

# A counter of Hadoop is a long of Java.
_MOST = 2**63 - 1


def in_hadoop() -> bool:
    """Whether Hadoop started this process. The second name is that of Hadoop 1."""
    return bool(os.environ.get("mapreduce_task_attempt_id") or os.environ.get("mapred_task_id"))


def counter(group: str, name: str, n: int = 1) -> None:
    """Add `n` to a counter of the job; a negative `n` takes away.

    Each call is a line on stderr: sum what is counted for each record, or use `progress`. Hadoop allows 120 counters a
    job (`mapreduce.job.counters.max`) and cuts a name at 64 characters and a group at 128. A comma separates the parts
    of Hadoop's line, so one in a name or group becomes a semicolon.
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"a counter takes an int, not {type(n).__name__}")
    if abs(n) > _MOST:
        raise ValueError(f"{n} does not fit into a counter of Hadoop, which has 64 bits")
    fields = [_plain(part).replace(",", ";").strip() for part in (group, name)]
    if not all(fields):
        raise ValueError("a counter needs a group and a name that are not empty")
    _tell(f"counter:{fields[0]},{fields[1]},{n}")


def status(text: str) -> None:
    """Set the task's status, which its page shows. Hadoop keeps one: the newest wins."""
    _tell(f"status:{_plain(text)[:_LONGEST_STATUS]}")


def _plain(text: str) -> str:
    """The text on one line: control and format characters, and ends of lines, become '?'."""
    return "".join("?" if unicodedata.category(char) in ("Cc", "Cf", "Zl", "Zp") else char for char in text)


def _tell(message: str) -> None:
    if not in_hadoop():
        return
    prefix = os.environ.get("stream_stderr_reporter_prefix") or "reporter:"
    # A name of a file may have bytes that are no UTF-8.
    line = f"{prefix}{message}\n".encode("utf-8", "replace")
    try:
        sys.stderr.flush()
        # In one write: the task's other processes write to the same stderr.
        os.write(sys.stderr.fileno(), line)
    except (AttributeError, OSError, ValueError):
        # Closed, or not there at all: the records are right without it.
        pass
