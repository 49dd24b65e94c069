# SPDX-License-Identifier: GPL-3.0-or-later
"""What the parts conclude from readings."""

import types
import unittest

import parts
import session


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


if __name__ == "__main__":
    unittest.main()
