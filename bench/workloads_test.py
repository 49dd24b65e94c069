# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones and questions: what is asked exists where it should, and popularity is what it says."""

import collections
import itertools
import os
import pathlib
import tempfile
import unittest
from unittest import mock

import workloads
import zones


def named(name):
    return next(one for one in workloads.workloads(1000) if one.name == name)


class Zones(unittest.TestCase):
    def make(self, maker, count):
        with tempfile.TemporaryDirectory() as folder:
            inside = pathlib.Path(folder) / "zones"
            inside.mkdir()
            maker(inside, count)
            return {path.name: path.read_text() for path in inside.iterdir()}

    def test_records(self):
        text = self.make(zones.make_records, 300)["records.example.zone"]
        self.assertIn("n0000299 A 10.0.1.43\n", text)
        self.assertNotIn("n0000300", text)

    def test_tiny_zones_share_files(self):
        made = self.make(zones.make_tiny, 3)
        self.assertEqual(sorted(made), [f"z000000{n}.example.zone" for n in range(3)])
        self.assertEqual(len(set(made.values())), 1)

    def test_delegations(self):
        text = self.make(zones.make_delegations, 20)["delegations.example.zone"]
        self.assertEqual(text.count(" NS "), 2 * 20 + 1)
        self.assertEqual(text.count(" DS "), 2)

    def test_a_root_zone_is_named_so(self):
        self.assertEqual(zones.zone_of(pathlib.Path("/x/@.zone")), ".")
        self.assertEqual(zones.zone_of(pathlib.Path("/x/a.example.zone")), "a.example.")


class Questions(unittest.TestCase):
    def setUp(self):
        self.lines = workloads.LINES
        workloads.LINES = 20_000

    def tearDown(self):
        workloads.LINES = self.lines

    def test_the_same_everywhere(self):
        workload = named("tiny-1k")
        first, second = (list(workloads.lines(workload, None)) for _ in range(2))
        self.assertEqual(first, second)

    def test_zipf_asks_the_first_twice_as_often_as_the_second(self):
        counted = collections.Counter(workloads.lines(named("tiny-1k"), None)).most_common(4)
        self.assertAlmostEqual(counted[0][1] / counted[1][1], 2, delta=0.3)
        self.assertAlmostEqual(counted[0][1] / counted[3][1], 4, delta=0.8)

    def test_uniform_asks_all_alike(self):
        counted = collections.Counter(workloads.lines(named("records"), None))
        self.assertEqual(len(counted), 1000)
        self.assertLess(max(counted.values()), 50)  # 20 each, by chance a few more

    def test_the_mix_has_the_types_and_misses_it_says(self):
        lines = [line.split() for line in workloads.mix_lines(zones.chance("x"))]
        share = collections.Counter(rtype for _, rtype in lines)
        self.assertAlmostEqual(share["A"] / len(lines), 0.58, delta=0.02)
        misses = sum(len(name.split(".")[0]) == 12 and name.count(".") == 3 for name, _ in lines)
        # "autodiscover" has twelve letters too
        existing = sum(name.startswith("autodiscover.") for name, _ in lines)
        self.assertAlmostEqual((misses - existing) / len(lines), workloads.MIX_MISSES, delta=0.005)

    def test_the_root_zone_ends_as_a_zone_file_does(self):
        with tempfile.TemporaryDirectory() as folder:
            shared, made = pathlib.Path(folder) / "shared", pathlib.Path(folder) / "made"
            (shared / "data").mkdir(parents=True)
            made.mkdir()
            soa = ". 1 IN SOA a. b. 1 1 1 1 1\n"
            (shared / "data/root-2018.zone").write_text(
                soa + ". 1 IN RRSIG SOA 8 0\ncom. 1 IN NS a.\n" + soa)
            with mock.patch.dict(os.environ, HOLDFAST_SHARED=str(shared)):
                zones.make_root(made, 0)
            self.assertEqual((made / "@.zone").read_text(), soa + "com. 1 IN NS a.\n")

    def test_below_the_root_most_names_do_not_exist(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "@.zone"
            path.write_text(". 1 IN SOA a. b. 1 1 1 1 1\ncom. 1 IN NS a.\nnet. 1 IN NS a.\n")
            zone_set = zones.ZoneSet("root", [(".", str(path))], path.parent)
            lines = list(workloads.root_lines(zone_set, zones.chance("x")))
        below = collections.Counter(line.split(".")[1] for line in lines)
        self.assertAlmostEqual((below["com"] + below["net"]) / len(lines),
                               1 - workloads.ROOT_MISSES, delta=0.02)

    def test_every_workload_has_its_own_name(self):
        names = [one.name for one in workloads.workloads()]
        self.assertEqual(len(names), len(set(names)))
        self.assertLessEqual(set(workloads.FIRST), set(names))

    def test_a_zone_set_is_loaded_once_in_each_half(self):
        for first in (True, False):
            keys = [one.set_key() for one in workloads.workloads()
                    if (one.name in workloads.FIRST) == first]
            turns = [key for key, _ in itertools.groupby(keys)]
            self.assertEqual(len(turns), len(set(turns)))


if __name__ == "__main__":
    unittest.main()
