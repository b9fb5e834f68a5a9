"""A Python that has kazoo, the ZooKeeper client that heartline's peers in Python use."""

import subprocess
import sys

from text import DATA


def can_import_kazoo(python):
    command = [str(python), "-c", "import kazoo"]
    return python.exists() and subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


def python_with_kazoo():
    """A Python that has kazoo, or None and why there is none."""
    folder = DATA / "venv"
    python = folder / "bin/python"
    steps = [
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "kazoo"],
    ]
    try:
        for step in steps:
            if can_import_kazoo(python):
                break
            done = subprocess.run(step, capture_output=True, text=True, timeout=180)
            if done.returncode != 0:
                lines = (done.stdout + done.stderr).strip().splitlines()
                return None, lines[-1] if lines else f"{step[2]} failed"
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    return python, None
