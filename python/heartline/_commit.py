"""A side effect that happens once for a task, however many of its attempts run."""

import os
import shutil
import subprocess
import sys
from typing import List, Optional, Sequence

from ._reporter import in_hadoop

_PROGRAM = "heartline"


class CommitError(Exception):
    """The command has failed, or nobody may commit now; `status` is what `heartline commit` ended with.

    Let it end the task: Hadoop tries it again, and the next attempt may commit.
    """

    def __init__(self, message: str, status: Optional[int] = None) -> None:
        super().__init__(message)
        self.status = status


def commit(
    command: Sequence[str],
    *,
    task: Optional[str] = None,
    run: Optional[str] = None,
    zookeeper: Optional[str] = None,
) -> None:
    """Run a command by exactly one attempt of this task; return once it has succeeded, by whichever attempt.

    `command` is a program and its arguments, which no shell reads; `{attempt}`, `{task}` and `{job}` in it stand for
    the ids. It is `heartline commit -- COMMAND`, and takes its ZooKeeper from where that does: the variable
    `HEARTLINE_ZOOKEEPER`, the job's property `heartline.zookeeper`, or the settings file; the options of a
    `heartline run` around this task are not handed down. `task` names what is committed, outside of Hadoop; `run` its
    run.

    Outside of Hadoop, where neither a task nor a ZooKeeper is named, nobody else could commit: the command just runs.
    Its stdout goes to stderr, as stdout is for records.
    """
    words = _words(command)
    options: List[str] = []
    for name, value in (("--commit-task", task), ("--commit-run", run), ("--zookeeper", zookeeper)):
        if value is not None:
            options.append(f"{name}={value}")
    if not options and _is_alone():
        _run(words, words[0])
        return
    program = _program()
    if program is None:
        raise CommitError(
            "heartline is not there to commit with: ship it with the job (-files heartline), or put it on the PATH"
        )
    _run([program, "commit", *options, "--", *words], "heartline commit")


def _words(command: Sequence[str]) -> List[str]:
    if isinstance(command, (str, bytes)):
        raise TypeError("commit takes a list of words, such as ['mv', part, final], as no shell reads them")
    words = list(command)
    if not words:
        raise ValueError("commit needs a command, such as ['mv', part, final]")
    return words


def _is_alone() -> bool:
    """Whether there is no other attempt that could commit."""
    names = ("HEARTLINE_ZOOKEEPER", "HEARTLINE_COMMIT_TASK", "HEARTLINE_TASK", "HEARTLINE_CONFIG")
    return not in_hadoop() and not any(os.environ.get(name) or os.environ.get(name.lower()) for name in names)


def _program() -> Optional[str]:
    """The `heartline` that was shipped into the task's folder, else that of the PATH."""
    shipped = os.path.join(os.curdir, _PROGRAM)
    if os.path.isfile(shipped) and os.access(shipped, os.X_OK):
        return shipped
    return shutil.which(_PROGRAM)


def _run(words: List[str], name: str) -> None:
    try:
        # Where this task's stderr is closed, that of the command is nowhere.
        sys.stderr.flush()
        out = sys.stderr.fileno()
        os.fstat(out)
    except (AttributeError, OSError, ValueError):
        out = subprocess.DEVNULL
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False)
    except OSError as error:
        raise CommitError(f"cannot run {words[0]}: {error.strerror}") from error
    if done.returncode != 0:
        raise CommitError(f"{name} ended with status {done.returncode}", done.returncode)
