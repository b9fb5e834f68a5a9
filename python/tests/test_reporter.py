"""Lines for Hadoop: their form, and what may not break them."""

import unittest

from .task import IN_HADOOP, run


def said(script: str, **more: str) -> str:
    done = run("import heartline, sys\n" + script, {**IN_HADOOP, **more})
    assert done.returncode == 0, done
    assert done.stdout == b"", done
    return done.stderr.decode()


class Reporter(unittest.TestCase):
    def test_counters_and_status_have_the_form_that_hadoop_reads(self) -> None:
        script = "heartline.counter('words', 'long ones', 3); heartline.status('half'); heartline.counter('w', 'n')"
        self.assertEqual(
            said(script), "reporter:counter:words,long ones,3\nreporter:status:half\nreporter:counter:w,n,1\n"
        )

    def test_what_would_break_a_line_is_replaced(self) -> None:
        script = "heartline.counter('a,b', 'c\\nd\\r\\u2028e', -1); heartline.status('x\\ny, z')"
        self.assertEqual(said(script), "reporter:counter:a;b,c?d??e,-1\nreporter:status:x?y, z\n")

    def test_any_text_can_be_told_and_none_is_longer_than_hadoop_keeps(self) -> None:
        # A name of a file that is no UTF-8.
        self.assertEqual(said("heartline.status('caf\\udce9 \\u00e9')"), "reporter:status:caf? \u00e9\n")
        self.assertEqual(said("heartline.status('x' * 10000)"), f"reporter:status:{'x' * 512}\n")

    def test_a_job_may_have_another_prefix(self) -> None:
        self.assertEqual(said("heartline.status('on')", stream_stderr_reporter_prefix="hadoop:"), "hadoop:status:on\n")

    def test_hadoop_1_is_known_by_its_own_variable(self) -> None:
        done = run("import heartline; heartline.status('on')", {"mapred_task_id": "attempt_1_0001_m_000000_0"})
        self.assertEqual(done.stderr, b"reporter:status:on\n")

    def test_nothing_is_said_outside_of_hadoop(self) -> None:
        script = "import heartline; heartline.counter('a', 'b'); heartline.status('c'); heartline.progress(7)"
        done = run(script)
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))

    def test_what_is_no_count_is_refused(self) -> None:
        for call, error in (
            ("counter('a', 'b', 2**63)", "ValueError"),
            ("counter('a', 'b', 1.5)", "TypeError"),
            ("counter('', 'b', 1)", "ValueError"),
            ("progress(-1)", "ValueError"),
            ("progress('1')", "TypeError"),
        ):
            done = run(f"import heartline; heartline.{call}", IN_HADOOP)
            self.assertEqual(done.returncode, 1, call)
            self.assertIn(error, done.stderr.decode(), call)
            self.assertNotIn("reporter:", done.stderr.decode(), call)

    def test_a_task_without_stderr_works_on(self) -> None:
        for closed in ("os.close(2)", "sys.stderr = None", "sys.stderr.close()"):
            script = (
                f"import heartline, os, sys\n{closed}\nheartline.status('x')\nheartline.progress()\nprint('record')"
            )
            done = run(script, IN_HADOOP)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"record\n", b""), closed)
