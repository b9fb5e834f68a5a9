"""Progress: how many records are done, told from time to time."""

import atexit
import os
import sys
import threading
import time
from typing import Callable, Iterable, Iterator, Optional, TypeVar, overload

from ._pipe import end_as_a_filter
from ._reporter import GROUP, counter

# As often as `heartline run` sets the status. Hadoop itself reads what a task says every 3 s at most.
_PAUSE_SECONDS = 10.0

_NAME = "records done"

T = TypeVar("T")


class _Tally:
    """Sums what is done, so that Hadoop gets a line now and then instead of one for each record."""

    def __init__(self) -> None:
        self._renew()

    def _renew(self) -> None:
        self._lock = threading.Lock()
        self._untold = 0
        self._is_told_at_end = False
        self._tell_at = time.monotonic() + _PAUSE_SECONDS

    def forget(self) -> None:
        """For the child of a fork: what is untold is told by its parent."""
        self._renew()

    def add(self, n: int) -> None:
        with self._lock:
            if not self._is_told_at_end:
                self._is_told_at_end = True
                _tell_at_end_of_child(self.tell)
            self._untold += n
            if time.monotonic() >= self._tell_at:
                self._tell()

    def tell(self) -> None:
        with self._lock:
            self._tell()

    def _tell(self) -> None:
        untold, self._untold = self._untold, 0
        self._tell_at = time.monotonic() + _PAUSE_SECONDS
        if untold:
            counter(GROUP, _NAME, untold)


def _tell_at_end_of_child(tell: Callable[[], None]) -> None:
    """A child of `multiprocessing` ends without what `atexit` knows."""
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, tell, exitpriority=-10)


_tally = _Tally()
atexit.register(_tally.tell)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_tally.forget)


def progress(n: int = 1) -> None:
    """Say that `n` more records are done.

    The counter `records done` of the group `heartline` gets the sum at most every ten seconds, and what is left when
    the task ends. By each such line Hadoop learns that the task is alive (`mapreduce.task.timeout`), so say only what
    is done. `heartline run` does not see it: it takes bytes that the task reads or writes for progress.
    """
    if isinstance(n, bool) or not isinstance(n, int):
        raise TypeError(f"progress takes an int, not {type(n).__name__}")
    if n < 0:
        raise ValueError(f"progress never goes back: {n} is negative")
    _tally.add(n)


@overload
def records() -> Iterator[bytes]: ...


@overload
def records(stream: Iterable[T]) -> Iterator[T]: ...


def records(stream: Optional[Iterable[T]] = None) -> Iterator[object]:
    """Iterate over the task's input, and tell each record as done (`progress`) once the next one is asked for.

    `stream` is `sys.stdin.buffer` if it is not given; records are its lines, unchanged and with their ends.

    From the first call on, a task whose stdout nobody reads any more ends as `cat` and `grep` do, by SIGPIPE and
    without a traceback.
    """
    end_as_a_filter()
    lines: Iterable[object] = sys.stdin.buffer if stream is None else stream
    return _told(lines)


def _told(stream: Iterable[object]) -> Iterator[object]:
    add = _tally.add
    for record in stream:
        yield record
        add(1)
