#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small drill against this build, from the scenario's file to the reports."""
import json
import pathlib
import tempfile
import unittest

import program

LEAST = 0.9  # a busy machine loses some


class Drill(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def play(self, text, *arguments):
        scenario = self.folder / "tiny.toml"
        scenario.write_text(text, encoding="ascii")
        report = self.folder / "report.json"
        done = program.drill(str(scenario), "--json", str(report), "--page",
                             str(self.folder / "page.html"), *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("tiny", done.stdout)
        self.table = done.stdout
        (run,) = json.loads(report.read_text(encoding="utf-8"))["runs"]
        return run

    def test_every_vector_against_our_zones(self):
        run = self.play(program.scenario_text(), "--no-xdp")
        verdict = run["verdict"]
        self.assertTrue(run["server_survived"])
        self.assertEqual(verdict["wrong_answers"], 0)
        self.assertGreater(verdict["attack"]["asked"], 100)
        self.assertGreater(verdict["quiet"]["first_try"], LEAST)
        self.assertGreater(verdict["attack"]["after_retries"], LEAST)
        self.assertGreater(verdict["hostile"]["sent_per_s"], 500)
        self.assertGreater(verdict["hostile"]["answers_per_s"], 100)
        self.assertIn("shared", verdict["kinds"])
        self.assertTrue(any("reload-done" in line["text"] for line in run["log"]),
                        "slots of history were to last a day during the attack")
        self.assertEqual(len(run["bins"]["asked"]), 14)
        page = (self.folder / "page.html").read_text(encoding="utf-8")
        self.assertIn("<svg", page)
        self.assertNotIn("http://", page)
        self.assertNotIn("https://", page)

    def test_an_operator_s_own_configuration(self):
        config = program.ROOT / "examples" / "holdfast.toml"
        attack = ('names = "existing"\nzone = "all"',)
        run = self.play(program.scenario_text(attack), "--config", str(config), "--zone",
                        "example.org")
        self.assertTrue(run["server_survived"])
        self.assertEqual(run["verdict"]["wrong_answers"], 0)
        self.assertGreater(run["verdict"]["quiet"]["first_try"], LEAST)

    def test_an_attack_beyond_the_machine_is_not_believed(self):
        # No question of the attack gets past what stands before the ideal server.
        text = program.scenario_text(('names = "random"',), rate=10_000_000)
        run = self.play(text, "--server", "ideal")
        verdict = run["verdict"]
        self.assertEqual(verdict["hostile"]["answers_per_s"], 0)
        self.assertGreater(verdict["quiet"]["first_try"], LEAST)
        self.assertGreater(verdict["hostile"]["missed_share"], 0.01)
        self.assertTrue(verdict["disturbed"])
        self.assertFalse(verdict["passed"])
        self.assertIn("! disturbed", self.table)
        self.assertIn('class="disturbed"', (self.folder / "page.html").read_text(encoding="utf-8"))


if __name__ == "__main__":
    program.main()
