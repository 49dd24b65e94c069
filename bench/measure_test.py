# SPDX-License-Identifier: GPL-3.0-or-later
"""The search for the highest rate, against servers that are formulas."""

import os
import unittest

import measure
import processes


def capacity(limit, generator=10_000_000, log=None):
    """A server that answers `limit` a second and loses the rest, asked by a bounded generator."""

    def try_rate(rate):
        if log is not None:
            log.append(rate)
        sent = min(rate, generator)
        answered = min(sent, limit)
        return measure.Probe(sent, answered, 1 - answered / sent, 1000.0)

    return try_rate


class Highest(unittest.TestCase):
    def test_finds_the_limit_from_below_and_above(self):
        for limit in (800, 9_000, 60_000, 234_567, 1_900_000):
            best = measure.highest(capacity(limit), 60_000, measure.STEP)
            self.assertLessEqual(best.answered, limit)
            self.assertGreater(best.answered, limit / 1.05, limit)

    def test_needs_few_probes_where_the_rate_is_known(self):
        log = []
        best = measure.highest(capacity(200_000, log=log), 198_000, measure.STEP_KNOWN)
        self.assertGreater(best.answered, 190_000)
        self.assertLessEqual(len(log), 5)

    def test_ends_where_the_generator_does(self):
        best = measure.highest(capacity(5_000_000, generator=700_000), 60_000, measure.STEP)
        self.assertEqual(best.answered, 700_000)

    def test_gives_nothing_for_a_server_that_answers_nothing(self):
        self.assertIsNone(measure.highest(capacity(1), 60_000, measure.STEP))

    def test_keeps_the_best_though_a_later_probe_is_worse(self):
        probes = iter([measure.Probe(100, 100, 0, 1), measure.Probe(160, 90, 0.4, 1),
                       *[measure.Probe(101, 80, 0.2, 1)] * 20])
        self.assertEqual(measure.highest(lambda _: next(probes), 60_000, 1.6).answered, 100)


class Probe(unittest.TestCase):
    def test_a_thousandth_lost_is_too_much(self):
        self.assertTrue(measure.Probe(1, 1, 0.00099, 1).passes())
        self.assertFalse(measure.Probe(1, 1, 0.001, 1).passes())

    def test_refusals_are_wrong_and_missing_names_are_not(self):
        self.assertEqual(measure.wrong_share({"rcode": {"NOERROR": 50, "NXDOMAIN": 50}}), 0)
        self.assertEqual(measure.wrong_share({"rcode": {"NOERROR": 75, "REFUSED": 25}}), 0.25)
        self.assertEqual(measure.wrong_share({"rcode": {}}), 0)


class Target:
    """Answers all, and takes 3 µs for each."""

    name = "formula"

    def __init__(self, codes):
        self.codes = codes
        self.spent = 0

    def processor_ns(self):
        return {1: self.spent}

    def load(self, rate, seconds, _latency_rate):
        count = int(rate * seconds)
        self.spent += 3000 * count
        return {"sent": count, "sent_per_s": rate, "answers": count, "answers_per_s": rate,
                "loss": 0.0, "bytes": 64 * count, "rcode": {self.codes: count}}


class CostOfATarget(unittest.TestCase):
    def test_is_time_by_answers(self):
        made = measure.probe(Target("NOERROR"), 1000, 2)
        self.assertEqual(made.cost_ns, 3000)
        self.assertEqual(made.answer_bytes, 64)

    def test_a_disturbed_probe_is_made_again(self):
        target = Target("NOERROR")
        missed = iter([30, 1])
        plain = target.load
        target.load = lambda *words: dict(plain(*words), missed=next(missed))
        self.assertLess(measure.undisturbed(target, 100, 1).missed, measure.MISSED_MAX)

    def test_is_refused_for_wrong_answers(self):
        with self.assertRaisesRegex(RuntimeError, "answers wrongly"):
            measure.probe(Target("SERVFAIL"), 1000, 2)


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
