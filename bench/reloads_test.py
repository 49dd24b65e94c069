# SPDX-License-Identifier: GPL-3.0-or-later
"""Which windows are made, of which versions, and what they say."""

import itertools
import types
import unittest
from unittest import mock

import figures
import reloads


def a_run(without, during):
    return {"without": {"p999": without}, "with": {"p999": during}, "reloads": 10, "failed": 0}


class Ratio(unittest.TestCase):
    def test_what_was_lost_without_reloads_is_no_floor(self):
        self.assertEqual(reloads.slower(100, 150), 1.5)
        self.assertIsNone(reloads.slower(figures.LOST_US, 150))
        self.assertIsNone(reloads.slower(None, 150))

    def test_what_was_lost_with_reloads_counts(self):
        self.assertGreater(reloads.slower(100, figures.LOST_US), 2)

    def test_one_bad_window_of_several_decides_nothing(self):
        found = reloads.facts([a_run(100, 120), a_run(9000, 110), a_run(110, 9000)])
        self.assertEqual((found["p999_without_us"], found["p999_with_us"]), (110, 120))
        self.assertEqual(found["ratio"], 1.09)

    def test_what_was_not_read_again_says_nothing(self):
        for broken in ({"failed": 1}, {"reloads": 0}):
            runs = [a_run(100, 120), {**a_run(100, 120), **broken}]
            self.assertIsNone(reloads.facts(runs)["ratio"])

    def test_nothing_measured_says_nothing(self):
        self.assertIsNone(reloads.facts([])["ratio"])


class Versions(unittest.TestCase):
    def test_each_zone_comes_again_and_no_serial_twice(self):
        made = list(itertools.islice(reloads.changes_of([("a.", "/a"), ("b.", "/b")]), 5))
        self.assertEqual([zone for zone, _, _ in made], ["a.", "b.", "a.", "b.", "a."])
        self.assertEqual([path for _, path, _ in made], ["/a", "/b", "/a", "/b", "/a"])
        self.assertEqual(len({serial for *_, serial in made}), 5)
        self.assertNotIn(1, [serial for *_, serial in made])  # which all were loaded with


class Rounds(unittest.TestCase):
    """In which order windows are made, and which of them have reloads."""

    def windows(self, number):
        order = []

        class Reloading:
            count, failed = 10, 0

            def __init__(self, *_):
                pass

            def __enter__(self):
                order.append("start")
                return self

            def __exit__(self, *_):
                order.append("stop")

        def a_window(_tally, _rate):
            order.append("window")
            return {"p999": 1}

        with mock.patch.object(reloads, "Reloading", Reloading), \
                mock.patch.object(reloads, "a_window", a_window):
            found = reloads.a_round(types.SimpleNamespace(), None, 1000, None, number)
        self.assertEqual(found["reloads"], 10)
        return order

    def test_every_other_round_goes_the_other_way_round(self):
        self.assertEqual(self.windows(0), ["window", "start", "window", "stop"])
        self.assertEqual(self.windows(1), ["start", "window", "stop", "window"])


if __name__ == "__main__":
    unittest.main()
