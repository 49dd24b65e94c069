# SPDX-License-Identifier: GPL-3.0-or-later
"""The rules of measuring, against servers that are formulas."""

import os
import unittest

import measure
import processes

PACE = measure.Pace(0.1, 3, 1.0)
measure.PAUSE_S = 0


class Formula:
    """Answers `limit` a second and loses the rest, asked by a bounded generator; 3 µs an answer.
    What `disturb` gives for a window's number is laid over it."""

    name = "formula"

    def __init__(self, limit, generator=3_000_000, codes="NOERROR", disturb=None):
        self.limit = limit
        self.generator = generator
        self.codes = codes
        self.disturb = disturb or (lambda number: {})
        self.asked = []
        self.count = 0

    def window(self, rate, seconds):
        sent = int(min(rate, self.generator) * seconds)
        answers = min(sent, int(self.limit * seconds))
        self.count += 1
        plain = {"sent": sent, "missed": 0, "answers": answers, "in_time": answers,
                 "server_ns": 3000 * answers, "others_ms": 0, "steal_ms": 0}
        return plain | self.disturb(self.count)

    def load(self, rate, seconds, windows, latency_rate=0):
        self.asked.append(rate)
        made = [self.window(rate, seconds) for _ in range(windows)]
        answers = sum(one["answers"] for one in made)
        return {"windows": made, "answers": answers, "bytes": 64 * answers, "tc": 0,
                "rcode": {self.codes: answers}, "latency_us": {"p50": 1} if latency_rate else {}}


class Rates(unittest.TestCase):
    def test_are_found_wherever_the_limit_lies(self):
        for limit in (800, 9_000, 60_000, 234_567, 1_900_000):
            found = measure.measure(Formula(limit), {"rate"}, PACE)
            self.assertAlmostEqual(found["saturated_per_s"] / limit, 1, delta=0.02, msg=limit)
            self.assertLessEqual(found["answers_per_s"], limit)
            self.assertGreater(found["answers_per_s"], limit / 1.09, limit)
            self.assertEqual(found["disturbed"], 0)

    def test_need_few_windows_where_they_are_known(self):
        target = Formula(200_000)
        measure.measure(target, {"rate"}, PACE, 198_000)
        self.assertLessEqual(len(target.asked), 7)

    def test_end_where_the_generator_does(self):
        found = measure.measure(Formula(5_000_000, generator=700_000), {"rate"}, PACE)
        self.assertEqual(found["answers_per_s"], 700_000)
        self.assertEqual(found["saturated_per_s"], 700_000)

    def test_of_a_server_that_answers_nothing_are_none(self):
        found = measure.measure(Formula(0), {"rate", "latency"}, PACE)
        self.assertEqual(found["answers_per_s"], 0)

    def test_a_queue_that_fills_is_no_answer(self):
        """All come, a tenth of them after the end."""
        class Queue(Formula):
            def window(self, rate, seconds):
                made = super().window(rate, seconds)
                made["answers"] = min(made["sent"], int(1.1 * made["in_time"]))
                return made

        found = measure.measure(Queue(100_000), {"rate"}, PACE)
        self.assertLess(found["answers_per_s"], 103_100)
        self.assertAlmostEqual(found["saturated_per_s"], 100_000, delta=1000)

    def test_stalls_at_the_beginning_do_not_end_the_search(self):
        def stall(number):
            return {"answers": 9000, "in_time": 9000} if number <= 3 else {}

        found = measure.measure(Formula(900_000, disturb=stall), {"rate"}, PACE)
        self.assertAlmostEqual(found["saturated_per_s"], 900_000, delta=10_000)

    def test_one_window_in_three_that_stalls_decides_nothing(self):
        def stall(number):
            return {"answers": 9000, "in_time": 9000} if number % 3 == 0 else {}

        best = measure.highest(measure.Tally(Formula(200_000, disturb=stall), PACE).passes, 100_000)
        self.assertGreaterEqual(best.rate(), 100_000)


class Rounds(unittest.TestCase):
    def test_follow_a_machine_whose_speed_changes(self):
        target = Formula(400_000)
        one = measure.Measurement(target, {"rate"}, PACE)
        one.begin()
        for limit in (400_000, 200_000, 1_000_000, 900_000):
            target.limit = limit
            one.round()
            self.assertAlmostEqual(one.rounds[-1]["saturated_per_s"] / limit, 1, delta=0.02)

    def test_that_are_disturbed_have_no_figure(self):
        one = measure.Measurement(Formula(100_000, disturb=lambda _: {"steal_ms": 90}), {"cost"},
                                  PACE)
        one.begin()
        one.round()
        self.assertEqual(one.rounds, [{"cost_ns": None}])
        self.assertGreater(one.end()["cost_ns"], 0)


class Disturbances(unittest.TestCase):
    def test_are_each_told(self):
        quiet = measure.Window(0.1, 1000, 1000, 1000)
        self.assertFalse(quiet.is_disturbed())
        for name, amount in (("missed", 50), ("others_ms", 50), ("steal_ms", 20)):
            window = measure.Window(0.1, 1000, 1000, 1000, **{name: amount})
            self.assertTrue(window.is_disturbed(), name)
        self.assertFalse(measure.Window(0.1, 60_000, 60_000, 60_000, missed=9000).is_disturbed())

    def test_make_a_window_be_made_again_and_are_counted(self):
        def first_two(number):
            return {"others_ms": 80, "answers": 1, "in_time": 1} if number <= 2 else {}

        tally = measure.Tally(Formula(200_000, disturb=first_two), PACE)
        kept = tally.windows(50_000, 3)
        self.assertEqual([window.answers for window in kept], [5000] * 3)
        self.assertEqual((tally.made, tally.disturbed), (5, 2))

    def test_without_an_end_do_not_hold_up_the_bench(self):
        tally = measure.Tally(Formula(200_000, disturb=lambda _: {"steal_ms": 90}), PACE)
        self.assertEqual(len(tally.windows(50_000, 3)), tally.made)
        self.assertEqual(tally.made, tally.disturbed)
        self.assertLessEqual(tally.made, 9)


class Window(unittest.TestCase):
    def test_a_thousandth_lost_is_too_much(self):
        self.assertTrue(measure.Window(1, 100_000, 99_901, 99_901).passes())
        self.assertFalse(measure.Window(1, 100_000, 99_900, 99_900).passes())

    def test_refusals_are_wrong_and_missing_names_are_not(self):
        self.assertEqual(measure.wrong_share({"rcode": {"NOERROR": 50, "NXDOMAIN": 50}}), 0)
        self.assertEqual(measure.wrong_share({"rcode": {"NOERROR": 75, "REFUSED": 25}}), 0.25)
        self.assertEqual(measure.wrong_share({"rcode": {}}), 0)


class Costs(unittest.TestCase):
    def test_are_time_by_answers(self):
        found = measure.measure(Formula(1_000_000), {"cost"}, PACE)
        self.assertEqual(found["cost_ns"], 3000)
        self.assertEqual(found["answer_bytes"], 64)

    def test_are_the_median_windows(self):
        def third(number):
            return {"server_ns": 10**9} if number % 3 == 0 else {}

        found = measure.measure(Formula(1_000_000, disturb=third), {"cost"}, PACE)
        self.assertEqual(found["cost_ns"], 3000)

    def test_are_refused_for_wrong_answers(self):
        with self.assertRaisesRegex(RuntimeError, "answers wrongly"):
            measure.measure(Formula(1_000_000, codes="SERVFAIL"), {"cost"}, PACE)


class ProcessorTime(unittest.TestCase):
    def test_processes_that_begin_or_end_in_between(self):
        self.assertEqual(processes.spent_ns({1: 100, 2: 50}, {1: 130, 3: 7}), 37)

    def test_a_process_that_works_has_used_some(self):
        before = processes.processor_ns([os.getpid()])
        while processes.processor_ns([os.getpid()]) == before:
            pass
        after = processes.processor_ns([os.getpid()])
        self.assertGreater(processes.spent_ns(before, after), 0)

    def test_one_that_is_gone_is_left_out(self):
        self.assertEqual(processes.processor_ns([2**22 - 1]), {})


if __name__ == "__main__":
    unittest.main()
