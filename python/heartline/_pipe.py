"""The end of a task whose stdout nobody reads: by SIGPIPE, as that of any filter."""

import atexit
import os
import select
import signal
import sys
from types import TracebackType
from typing import Optional, Type

_STDOUT = 1

_is_set = False


def end_as_a_filter() -> None:
    """Install the handlers, once. They act only when stdout is a pipe whose reader has gone."""
    global _is_set
    if _is_set or not hasattr(signal, "SIGPIPE"):
        return
    _is_set = True
    others = sys.excepthook

    def hook(kind: Type[BaseException], error: BaseException, trace: Optional[TracebackType]) -> None:
        if issubclass(kind, BrokenPipeError) and _has_no_reader():
            _die()
        others(kind, error, trace)

    sys.excepthook = hook
    atexit.register(_flush)


def _has_no_reader() -> bool:
    """Whether stdout is a pipe or socket without a reader: another broken pipe is the program's own affair."""
    poll = select.poll()
    try:
        poll.register(_STDOUT, 0)
        return any(events & (select.POLLERR | select.POLLHUP) for _, events in poll.poll(0))
    except OSError:
        return False


def _flush() -> None:
    """Python's own flush at the end would print that an exception was ignored, and exit with 120."""
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        if _has_no_reader():
            _die()
    except ValueError:
        # The program has closed it.
        pass


def _die() -> None:
    """End as a program does that does not ignore SIGPIPE."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    # A process may inherit it blocked.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGPIPE])
    os.kill(os.getpid(), signal.SIGPIPE)
