"""Records and progress: what is done is told, once."""

import signal
import subprocess
import sys
import unittest

from .task import IN_HADOOP, environment, run

TOLD = "reporter:counter:heartline,records done,{}\n"


class Records(unittest.TestCase):
    def test_records_come_unchanged_and_are_told_when_the_task_ends(self) -> None:
        script = "import heartline, sys\nfor record in heartline.records(): sys.stdout.buffer.write(record)"
        for text in (b"a\nb\n\xff\r\n", b"no end", b""):
            done = run(script, IN_HADOOP, text)
            self.assertEqual((done.returncode, done.stdout), (0, text))
            count = len(text.splitlines())
            self.assertEqual(done.stderr.decode(), TOLD.format(count) if count else "")

    def test_a_record_that_failed_is_not_done(self) -> None:
        script = (
            "import heartline\nfor number, _ in enumerate(heartline.records()):\n  if number == 2: raise SystemExit(3)"
        )
        done = run(script, IN_HADOOP, b"a\nb\nc\nd\n")
        self.assertEqual((done.returncode, done.stderr.decode()), (3, TOLD.format(2)))

    def test_records_of_any_kind_are_counted_with_the_progress(self) -> None:
        script = "import heartline\nassert list(heartline.records([1, 2])) == [1, 2]\nheartline.progress(5)"
        self.assertEqual(run(script, IN_HADOOP).stderr.decode(), TOLD.format(7))

    def test_a_long_task_tells_from_time_to_time(self) -> None:
        # The pause is nothing here: each record is told.
        script = "import heartline, heartline._records as r\nr._PAUSE_SECONDS = 0.0\nr._tally.forget()\n"
        done = run(script + "list(heartline.records())\nheartline.progress(0)", IN_HADOOP, b"a\nb\n")
        self.assertEqual(done.stderr.decode(), TOLD.format(1) * 2)

    def test_a_fork_does_not_tell_the_same_again(self) -> None:
        script = "import heartline, os\nheartline.progress(3)\npid = os.fork()\nheartline.progress(1)\n"
        done = run(script + "if pid: os.waitpid(pid, 0)", IN_HADOOP)
        self.assertEqual(sorted(done.stderr.decode().splitlines(True)), [TOLD.format(1), TOLD.format(4)])

    def test_children_of_multiprocessing_tell_theirs(self) -> None:
        script = "import heartline, multiprocessing\nheartline.progress(3)\nfork = multiprocessing.get_context('fork')\n"
        script += "child = fork.Process(target=heartline.progress, args=(2,))\nchild.start()\nchild.join()"
        done = run(script, IN_HADOOP)
        self.assertEqual(sorted(done.stderr.decode().splitlines(True)), [TOLD.format(2), TOLD.format(3)])

    def test_a_task_whose_reader_went_ends_as_a_filter(self) -> None:
        # Of much output, a write fails; of little, only the flush at the end.
        for loop, records in (
            ("for r in heartline.records(): print(r)", 1_000_000),
            ("print(len(list(heartline.records())))", 3),
        ):
            task = subprocess.Popen(
                [sys.executable, "-c", f"import heartline\n{loop}"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(),
            )
            assert task.stdout is not None
            task.stdout.close()
            _, stderr = task.communicate(b"record\n" * records, timeout=60)
            self.assertEqual((task.returncode, stderr), (-signal.SIGPIPE, b""), loop)

    def test_another_broken_pipe_is_an_error_of_the_task(self) -> None:
        script = "import heartline\nlist(heartline.records())\nraise BrokenPipeError('a socket of the program')"
        done = run(script, IN_HADOOP)
        self.assertEqual(done.returncode, 1)
        self.assertIn("a socket of the program", done.stderr.decode())
