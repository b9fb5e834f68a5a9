"""Commands that run once for a task.

With a ZooKeeper where `HEARTLINE_TEST_ZOOKEEPER` names one, and with heartline on the PATH.
"""

import os
import shutil
import tempfile
import unittest
from typing import Dict, List

from .task import IN_HADOOP, run

SCRIPT = "import heartline, sys; heartline.commit(['sh', '-c', 'echo {attempt} >> done; echo said'])"

ZOOKEEPER = os.environ.get("HEARTLINE_TEST_ZOOKEEPER")


class Commit(unittest.TestCase):
    def setUp(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="heartline-commit-")
        self.addCleanup(shutil.rmtree, self.folder)

    def lines(self) -> List[str]:
        try:
            with open(os.path.join(self.folder, "done")) as file:
                return file.read().split()
        except FileNotFoundError:
            return []

    def test_a_program_run_by_hand_just_runs_its_command(self) -> None:
        done = run(SCRIPT, folder=self.folder)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b"said\n"))
        self.assertEqual(self.lines(), ["{attempt}"])

    def test_a_command_that_fails_is_an_error_with_its_status(self) -> None:
        script = "import heartline\ntry: heartline.commit(['sh', '-c', 'exit 7'])\n"
        script += "except heartline.CommitError as e: print(e.status)"
        self.assertEqual(run(script).stdout, b"7\n")
        self.assertIn(
            b"cannot run no-such-command", run("import heartline; heartline.commit(['no-such-command'])").stderr
        )

    def test_a_task_without_heartline_does_not_commit(self) -> None:
        # The folders of the system may have one.
        done = run(SCRIPT, {**IN_HADOOP, "PATH": self.folder}, folder=self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"-files heartline", done.stderr)
        self.assertEqual(self.lines(), [])

    def test_a_task_without_stderr_commits(self) -> None:
        for closed in ("os.close(2)", "sys.stderr = None", "sys.stderr.close()"):
            done = run(f"import os, sys\n{closed}\n{SCRIPT}", folder=self.folder)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""), closed)
        self.assertEqual(len(self.lines()), 3)

    def test_a_command_is_a_list_of_words(self) -> None:
        for command in ("'mv a b'", "[]"):
            done = run(f"import heartline; heartline.commit({command})")
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"['mv', part, final]", done.stderr)

    @unittest.skipIf(ZOOKEEPER is None, "HEARTLINE_TEST_ZOOKEEPER is not set")
    def test_of_two_attempts_one_commits(self) -> None:
        assert ZOOKEEPER is not None
        # The job's property, as streaming exports it.
        job: Dict[str, str] = {**IN_HADOOP, "heartline_zookeeper": ZOOKEEPER}
        for attempt in "attempt_1_0001_m_000000_0", "attempt_1_0001_m_000000_1":
            done = run(SCRIPT, {**job, "mapreduce_task_attempt_id": attempt}, folder=self.folder)
            self.assertEqual((done.returncode, done.stdout), (0, b""), done)
        self.assertEqual(self.lines(), ["attempt_1_0001_m_000000_0"])
        # Named by its own task, outside of Hadoop.
        script = SCRIPT.replace("])", f"], task='nightly', zookeeper='{ZOOKEEPER}')")
        for _ in range(2):
            self.assertEqual(run(script, folder=self.folder).returncode, 0)
        self.assertEqual(len(self.lines()), 2)
        # Where ZooKeeper is named, and no task, it is no program run by hand.
        done = run(SCRIPT, {"HEARTLINE_ZOOKEEPER": ZOOKEEPER}, folder=self.folder)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"--commit-task NAME", done.stderr)
