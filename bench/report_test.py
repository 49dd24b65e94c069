# SPDX-License-Identifier: GPL-3.0-or-later
"""Medians, ratios, the table of targets, the tables and plots that are written."""

import json
import pathlib
import tempfile
import unittest
import xml.etree.ElementTree

import figures
import plot
import report
import targets

RUNS = [
    {"holdfast": {"answers_per_s": 200, "saturated_per_s": 250, "cost_ns": 4000,
                  "full_cost_ns": 3000, "latency_us": {"p50": 40, "p999": 90}, "windows": 20,
                  "disturbed": 2},
     "knot": {"answers_per_s": 100, "saturated_per_s": 125, "cost_ns": 8000, "full_cost_ns": 6000},
     "floor:recvmmsg": {"answers_per_s": 210, "saturated_per_s": 250, "cost_ns": 3800,
                        "full_cost_ns": 2500}},
    {"holdfast": {"answers_per_s": 220, "cost_ns": 4400}, "knot": {"answers_per_s": 110}},
    {"holdfast": {"answers_per_s": 180, "cost_ns": 3600},
     "floor:recvmmsg": {"answers_per_s": 200, "cost_ns": 4000}},
]


def results(**more):
    made = {"command": "./dev bench", "date": "2026-01-02", "peers": {}, "remarks": [],
            "machine": {"processor": "a <fast> one", "cores": 2, "kernel": "6"},
            "workloads": {"records": {"title": "records & more", "date": "2026-01-02",
                                      "runs": RUNS}}}
    made.update(more)
    return made


class Figures(unittest.TestCase):
    def test_spread(self):
        self.assertEqual(figures.spread([3, 1, 2]), (1, 2, 3))
        self.assertEqual(figures.spread([4, 1, 2, 3]), (1, 2.5, 4))
        self.assertIsNone(figures.spread([]))

    def test_values_by_path_only_where_they_are(self):
        self.assertEqual(figures.values(RUNS, "holdfast", "latency_us.p999"), [90])
        self.assertEqual(figures.values(RUNS, "knot", "cost_ns"), [8000])
        self.assertEqual(figures.values(RUNS, "nsd", "cost_ns"), [])

    def test_a_run_that_was_disturbed_does_not_count(self):
        runs = [{"knot": {"cost_ns": 1, "windows": 20, "disturbed": 11}},
                {"knot": {"cost_ns": 2, "windows": 20, "disturbed": 10}}]
        self.assertEqual(figures.values(runs, "knot", "cost_ns"), [2])
        self.assertIn("21 of 40 windows were disturbed, and made again. Left out, as more than half"
                      " of a run's were: Knot.", report.disturbances(runs))

    def test_ratios_are_within_a_run(self):
        self.assertEqual(figures.ratios(RUNS, "holdfast", "knot", "answers_per_s"), [2, 2])
        self.assertIsNone(figures.median_ratio(RUNS, "holdfast", "nsd", "cost_ns"))

    def test_ratios_are_within_a_round_where_there_are_rounds(self):
        """A machine that becomes half as fast changes no ratio, and one round without a figure
        loses no other."""
        mine, theirs = ([{"cost_ns": cost} for cost in made] for made in ((2, 4, 9), (4, 8, None)))
        runs = [{"holdfast": {"rounds": mine}, "knot": {"rounds": theirs}}]
        self.assertEqual(figures.ratios(runs, "holdfast", "knot", "cost_ns"), [0.5, 0.5])

    def test_floors_come_last(self):
        self.assertEqual(figures.contenders([{"floor:x": 1, "knot": 1}, {"nsd": 1}]),
                         ["knot", "nsd", "floor:x"])

    def test_numbers_as_people_read_them(self):
        self.assertEqual([figures.thousands(n) for n in (950, 48_900, 412_345, 1_234_567)],
                         ["950", "48.9 k", "412 k", "1.23 M"])
        self.assertEqual(figures.microseconds(4126), "4.13 µs")


class Targets(unittest.TestCase):
    def row(self, made, what, beside):
        return next(row for row in targets.rows(made) if row.what.startswith(what)
                    and row.beside == beside)

    def test_sense_of_a_bound(self):
        self.assertTrue(targets.Row("", "", 1.1, 1.1).met())
        self.assertFalse(targets.Row("", "", 1.1, 1.11).met())
        self.assertFalse(targets.Row("", "", 2, 1.9, "at least").met())
        self.assertIsNone(targets.Row("", "", 2, None).met())

    def test_sockets_beside_knot(self):
        row = self.row(results(), "Sockets, positive", "Knot")
        self.assertEqual(row.value, 0.5)
        self.assertEqual(row.cells()[3], "met")

    def test_what_is_missing_is_not_met(self):
        row = self.row(results(), "AF_XDP, NXDOMAIN", "Knot's XDP")
        self.assertEqual(row.cells()[2:4], ["not measured", ""])

    def test_the_shield_is_held_against_itself(self):
        rounds = [{mode: {"cost_ns": cost, "windows": 1, "disturbed": 0}
                   for mode, cost in (("off", 100), ("on", on))} for on in (101, 102, 104)]
        rounds.append({"off": {"cost_ns": 100, "windows": 1, "disturbed": 1},
                       "on": {"cost_ns": 300, "windows": 1, "disturbed": 0}})
        row = self.row(results(shield={"holdfast-xdp": rounds}), "Shield without an attack, AF_XDP",
                       "shield off")
        self.assertEqual((row.value, row.met()), (1.02, True))
        self.assertEqual(row.note, "1.01 to 1.04 in 3")

    def test_the_faster_echo_is_the_floor(self):
        runs = [{"holdfast-xdp": {"answers_per_s": 80}, "floor:afxdp": {"answers_per_s": 50},
                 "floor:afxdp+busy-poll": {"answers_per_s": 100}}]
        made = results(workloads={"records": {"title": "", "date": "", "runs": runs}})
        row = self.row(made, "AF_XDP, positive", "AF_XDP echo")
        self.assertEqual(row.value, 0.8)
        self.assertIs(row.met(), False)

    def test_beside_a_peer_stands_what_the_echo_has(self):
        runs = [{"holdfast": {"cost_ns": 80}, "knot": {"cost_ns": 100},
                 "floor:recvmmsg": {"cost_ns": 76}}]
        made = results(workloads={"records": {"title": "", "date": "", "runs": runs}})
        self.assertEqual(self.row(made, "Sockets, positive", "Knot").note, "the echo 0.76")
        self.assertEqual(self.row(made, "Sockets, positive", "recvmmsg echo").note, "")
        runs = [{"holdfast-xdp": {"answers_per_s": 80}, "knot-xdp": {"answers_per_s": 50},
                 "floor:afxdp": {"answers_per_s": 90}}]
        made = results(workloads={"records": {"title": "", "date": "", "runs": runs}})
        self.assertEqual(self.row(made, "AF_XDP, positive", "Knot's XDP").note, "the echo 1.80")

    def test_loading_is_taken_from_the_last_record(self):
        recorded = {"results": [
            {"load": "names", "server": "holdfast", "memory_settled_bytes": 40,
             "all_right_s": 3, "restart_first_answer_s": 0.5},
            {"load": "names", "server": "knot", "memory_settled_bytes": 100, "all_right_s": 4}]}
        rows = {(row.what, row.beside): row for row in targets.load_rows(recorded, "load-x")}
        self.assertEqual(rows["one zone of 5 M names: memory", "Knot"].value, 0.4)
        self.assertIs(rows["one zone of 5 M names: loading", "Knot"].met(), False)
        self.assertIsNone(rows["one zone of 5 M names: memory", "NSD"].value)
        self.assertIs(rows["Restart to the first answer, 5 M names", ""].met(), True)

    def test_memory_is_compared_at_the_same_moment(self):
        recorded = {"results": [
            {"load": "zones", "server": "holdfast", "memory_settled_bytes": 10, "memory_bytes": 30},
            {"load": "zones", "server": "knot", "memory_settled_bytes": None, "memory_bytes": 60}]}
        rows = {row.what: row.value for row in targets.load_rows(recorded, "")}
        self.assertEqual(rows["1 M zones of 5 records: memory"], 0.5)

    def test_text_and_markdown_hold_every_row(self):
        rows = targets.rows(results())
        self.assertEqual(len(targets.text(rows).splitlines()), len(rows) + 1)
        self.assertEqual(len(targets.markdown(rows).splitlines()), len(rows) + 2)


class Written(unittest.TestCase):
    def test_files(self):
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            report.write(results(), place, "full")
            self.assertEqual({path.name for path in place.iterdir()},
                             {"full.json", "full.md", "full.svg", "full-latency.svg"})
            self.assertEqual(json.loads((place / "full.json").read_text())["workloads"]["records"]
                             ["runs"], RUNS)
            text = (place / "full.md").read_text()
            self.assertIn("| Knot | 105 (100 to 110) | 0.50 | 125 | 0.50 | 8.00 µs | 2.00 |"
                          " 6.00 µs | 2.00 |", text)
            self.assertIn("2 of 20 windows were disturbed, and made again.", text)

    def test_the_range_is_left_out_of_a_single_run(self):
        self.assertEqual(report.with_range([5], str), "5")
        self.assertEqual(report.with_range([5, 7, 6], str), "6 (5 to 7)")
        self.assertEqual(report.with_range([], str), "")


class Plots(unittest.TestCase):
    def test_bars_in_proportion(self):
        drawn = plot.bars(results(), report.shown)
        root = xml.etree.ElementTree.fromstring(drawn)
        rectangles = [node for node in root.iter("{http://www.w3.org/2000/svg}rect")
                      if node.get("rx")]
        pale, full = ([float(node.get("width")) for node in rectangles
                       if bool(node.get("fill-opacity")) == is_pale] for is_pale in (True, False))
        self.assertEqual((len(pale), len(full)), (6, 6))  # three contenders, two measures
        self.assertAlmostEqual(full[0] / full[1], 200 / 105, places=2)
        self.assertAlmostEqual(pale[0] / full[0], 250 / 200, places=2)
        self.assertIn("records &amp; more", drawn)

    def test_latencies_only_where_there_are_some(self):
        self.assertIsNotNone(plot.latencies(results(), report.shown))
        self.assertIsNone(plot.latencies(results(workloads={}), report.shown))

    def test_steps_that_people_count_in(self):
        self.assertEqual([plot.nice_step(top) for top in (4, 210_000, 9, 1_500)],
                         [1, 100_000, 5, 500])


if __name__ == "__main__":
    unittest.main()
