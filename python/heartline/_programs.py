"""The other names of the program heartline, as commands of the wheel."""

import os
import sys


def main() -> None:
    """Become heartline, called by the name of this command."""
    name = os.path.basename(sys.argv[0])
    beside = os.path.join(os.path.dirname(os.path.abspath(sys.argv[0])), "heartline")
    # Where the scripts were moved, the PATH knows the program.
    program = beside if os.path.exists(beside) else "heartline"
    try:
        os.execvp(program, [name, *sys.argv[1:]])
    except OSError as error:
        sys.exit(f"{name}: cannot run {program}: {error.strerror}; install the wheel of heartline again")
