#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a drill does not do: play outside of a laboratory of its own, or what is no scenario."""
import os
import pathlib
import tempfile
import unittest

import program

INNER = ("quiet", "--result-fd", "1")


class Refusal(unittest.TestCase):
    def complaint(self, *arguments, **more):
        done = program.drill(*arguments, **more)
        self.assertNotEqual(done.returncode, 0, done.stdout)
        return done.stderr

    def test_outside_of_a_laboratory_nothing_is_played(self):
        self.assertIn("not in a laboratory", self.complaint(*INNER))

    def test_this_namespace_is_no_laboratory_whatever_the_environment_says(self):
        own = str(os.getpid())
        environment = {**os.environ, "LAB_LOAD_NS_PID": own, "LAB_SERVER_NS_PID": own,
                       "LAB_SERVER_ADDR4": "127.0.0.1", "LAB_SERVER_ADDR6": "::1",
                       "LAB_SCRATCH": "/tmp"}
        self.assertIn("same network namespace", self.complaint(*INNER, env=environment))
        self.assertIn("already in a laboratory", self.complaint("quiet", env=environment))

    def test_a_bad_scenario_is_told_by_line_and_value(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "bad.toml")
            path.write_text('[[phase]]\nseconds = 1\n[[attack]]\nkind = "sin"\n', encoding="ascii")
            complaint = self.complaint(str(path))
        self.assertIn('bad.toml:4: kind = "sin": expected one of questions', complaint)

    def test_an_unknown_server_is_told_with_the_known_ones(self):
        complaint = self.complaint("quiet", "--server", "tinydns")
        self.assertIn("expected one of holdfast, knot", complaint)

    def test_what_comes_along_is_listed_and_shown(self):
        listed = program.drill("--list").stdout
        for line in listed.splitlines():
            shown = program.drill("--show", line.split()[0])
            self.assertIn("[[phase]]", shown.stdout)
        self.assertIn("dyn-2016", listed)


if __name__ == "__main__":
    program.main()
