# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of questions that were due in a span of time, and what tables make of it."""

import math
import unittest

import zones_transfer
from steady_asker import Windows


def windows():
    made = Windows()
    made.spans = {"before": [(0, 1)], "first": [(1, 2), (5, 6)]}
    return made


class Facts(unittest.TestCase):
    def test_of_their_spans_alone(self):
        asked = [(0.5, 7), (1, 2), (1.5, None), (2, 9), (5.5, 1), (6, 8)]
        self.assertEqual(windows().facts("first", asked),
                         {"s": 1, "questions": 3, "lost": 1, "p50_ms": 2, "p99_ms": 2,
                          "highest_ms": 2})

    def test_all_lost(self):
        self.assertEqual(windows().facts("first", [(0.5, 7), (1.5, None), (5.5, None)]),
                         {"s": 1, "questions": 2, "lost": 2, "p50_ms": None, "p99_ms": None,
                          "highest_ms": None})


class Report(unittest.TestCase):
    def results(self, answered):
        asked = [(0.5, 2), (1.5, 3 if answered else None)]
        facts = {name: windows().facts(name, asked) for name in ("before", "first")}
        of_one = {"before": facts["before"], "first": facts["first"], "later": facts["first"]}
        return zones_transfer.rounded({"holdfast": of_one, "knot": of_one}), \
            zones_transfer.rounded({name: {"before": facts["before"], "in": facts["first"]}
                                    for name in ("holdfast", "knot")})

    def test_met(self):
        text = zones_transfer.report(*self.results(True))
        self.assertEqual(text.count(": met."), 2)
        self.assertIn("2.00, 3.00", text)

    def test_where_nothing_was_answered_it_is_missed(self):
        text = zones_transfer.report(*self.results(False))
        self.assertEqual(text.count(": missed."), 2)
        self.assertIn("2.00, none", text)

    def test_times(self):
        self.assertEqual(zones_transfer.times({"p99_ms": 3}, {"p99_ms": 2}), 1.5)
        self.assertEqual(zones_transfer.times({"p99_ms": None}, {"p99_ms": 2}), math.inf)
        self.assertEqual(zones_transfer.times({"p99_ms": 3}, {"p99_ms": None}), math.inf)


if __name__ == "__main__":
    unittest.main()
