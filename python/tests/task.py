"""Tasks as Hadoop starts them: Python programs with Hadoop's variables, stdin and the two outputs."""

import os
import subprocess
import sys
from typing import Dict, List, Optional

ATTEMPT = "attempt_1_0001_m_000000_0"

IN_HADOOP = {"mapreduce_task_attempt_id": ATTEMPT, "mapreduce_job_id": "job_1_0001"}

FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def run(
    script: str,
    variables: Optional[Dict[str, str]] = None,
    text: bytes = b"",
    words: Optional[List[str]] = None,
    folder: Optional[str] = None,
) -> "subprocess.CompletedProcess[bytes]":
    """Run a script, with no variable of Hadoop's or heartline's but these."""
    command = [*(words or []), sys.executable, "-c", script]
    return subprocess.run(command, input=text, env=environment(variables), cwd=folder, capture_output=True, timeout=60)


def environment(variables: Optional[Dict[str, str]] = None) -> Dict[str, str]:
    """The variables of a task."""
    plain = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR", "LANG") if name in os.environ}
    return {**plain, "PYTHONPATH": FOLDER, **(variables or {})}
