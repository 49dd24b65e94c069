# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts conclude from readings."""

import io
import types
import unittest
from unittest import mock

import bench
import parts
import session
import workloads


class TwoWorkers(unittest.TestCase):
    def test_both_must_have_worked(self):
        before = {1: 0, 2: 100, 3: 100}
        self.assertTrue(parts.shared_evenly(before, {1: 5, 2: 1100, 3: 800}))
        self.assertFalse(parts.shared_evenly(before, {1: 5, 2: 1100, 3: 200}))
        self.assertFalse(parts.shared_evenly({}, {1: 50}))


class Sittings(unittest.TestCase):
    def before(self, adds, *path):
        work = types.SimpleNamespace(results={"tcp": {"single": [1, 2]}},
                                     plan=types.SimpleNamespace(adds=adds))
        return session.Session.runs_before(work, *path)

    def test_runs_are_added_only_where_that_was_asked_for(self):
        self.assertEqual(self.before(True, "tcp", "single"), [1, 2])
        self.assertEqual(self.before(True, "workloads", "records", "runs"), [])
        self.assertEqual(self.before(False, "tcp", "single"), [])


class Words(unittest.TestCase):
    PROGRAMS = ["--lab", "a", "--holdfast", "b"]

    def test_all_some_or_none_of_the_parts(self):
        self.assertEqual(bench.arguments(self.PROGRAMS).words, [])
        chosen = bench.arguments(["quick", "records", "tcp", *self.PROGRAMS]).words
        self.assertEqual(chosen, ["quick", "records", "tcp"])

    def test_an_unknown_part_is_named(self):
        with mock.patch("sys.stderr", io.StringIO()) as told, self.assertRaises(SystemExit):
            bench.arguments(["recards", *self.PROGRAMS])
        self.assertIn("no part is called 'recards'", told.getvalue())


class Hour(unittest.TestCase):
    def test_what_is_left_is_divided_among_those_who_wait(self):
        left = [600]
        shares = session.Shares({"records": 6, "tcp": 2, "tiny": 2}, lambda: left[0])
        self.assertEqual(shares.take("records"), 360)
        left[0] = 400  # it used 200
        self.assertEqual(shares.take("tcp"), 200)
        left[0] = 10  # it used more than its share
        self.assertEqual(shares.take("tiny"), 10)

    def test_what_nobody_planned_may_take_all(self):
        shares = session.Shares({}, lambda: 30)
        self.assertEqual(shares.take("records"), 30)


class Runs(unittest.TestCase):
    """How many runs of a workload are made in the seconds that it has."""

    def runs_in(self, seconds, each):
        now = [1000.0]

        def run(_workload, _targets):
            now[0] += each
            return {}

        plan = session.Plan(1, 5, [], 9000.0, None, lambda _words: None, False)
        work = session.Session(None, plan, {"workloads": {}})
        work.run, work.floors = run, lambda *_: []
        workload = workloads.workloads()[0]
        with mock.patch.object(session.time, "monotonic", lambda: now[0]), \
                mock.patch.object(workloads, "generator_options", lambda *_: []):
            zone_set = types.SimpleNamespace(name="records")
            work.measure_workload(workload, zone_set, [], seconds)
        return len(work.results["workloads"][workload.name]["runs"])

    def test_all_if_there_is_time(self):
        self.assertEqual(self.runs_in(300, 60), 5)

    def test_no_run_is_begun_that_would_not_end_in_time(self):
        self.assertEqual(self.runs_in(150, 60), 2)

    def test_one_at_least(self):
        self.assertEqual(self.runs_in(5, 60), 1)


if __name__ == "__main__":
    unittest.main()
