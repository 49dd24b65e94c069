#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every step of every rollover (ZSK, KSK, CSK, algorithm, two signers, offline KSK, going
unsigned), made by a clock of its own (rollover_steps.cc): ldns-verify-zone judges each from the DS
that the parent has then, and dnsviz, which asks a server, some of them."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import Server

# With the least number of steps of each.
STORIES = {"zsk": 3, "ksk": 5, "csk": 5, "algorithm": 4, "unsigning": 3, "offline": 3,
           "signers": 15}
# `dnsviz grok` of Debian 12 looks for a module that its pygraphviz does not have any more.
GROK = """
import sys, types
import pygraphviz
release = types.ModuleType("pygraphviz.release")
release.version = pygraphviz.__version__
pygraphviz.release = sys.modules["pygraphviz.release"] = release
from dnsviz.commands.grok import main
main(sys.argv[1:])
"""


def complaints(node, path=()):
    """All errors that a page of dnsviz tells of, with where."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "errors" and value:
                yield "/".join(path) + ": " + json.dumps(value)
            elif key in ("status", "delegation") and value == "BOGUS":
                yield "/".join(path) + ": BOGUS"
            else:
                yield from complaints(value, (*path, key))
    elif isinstance(node, list):
        for value in node:
            yield from complaints(value, path)


class Rollovers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="holdfast-rollovers-")
        cls.folder = pathlib.Path(cls.temporary.name)
        subprocess.run([os.environ["ROLLOVER_STEPS"], str(cls.folder)], check=True, timeout=60)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def steps(self, story):
        return sorted(self.folder.glob(f"{story}.*.zone"))

    def test_ldns_finds_no_error_in_any_step(self):
        for story, at_least in STORIES.items():
            steps = self.steps(story)
            self.assertGreaterEqual(len(steps), at_least, story)
            for step in steps:
                ds = step.with_suffix(".ds")
                anchor = ["-k", str(ds)] if ds.read_text() else []
                done = subprocess.run(["ldns-verify-zone", *anchor, str(step)],
                                      capture_output=True, text=True, timeout=20)
                self.assertEqual(done.returncode, 0, f"{step.name}\n{done.stdout}{done.stderr}"
                                                     f"{ds.read_text()}{step.read_text()}")

    def test_dnsviz_finds_no_error(self):
        with concurrent.futures.ThreadPoolExecutor(len(STORIES)) as pool:
            for judged in [pool.submit(self.judge_with_dnsviz, story) for story in STORIES]:
                judged.result()

    def judge_with_dnsviz(self, story):
        """The step in the middle; of two signers that of each."""
        steps = self.steps(story)
        middle = len(steps) // 2
        judged = [steps[middle]]
        if story == "signers":
            by_b = [step for step in steps[middle:] if step.name.endswith(".b.zone")][0]
            judged = [steps[steps.index(by_b) - 1], by_b]
        name = f"{story}.test"
        ds = [line.split(" DS ")[1]
              for line in judged[0].with_suffix(".ds").read_text().splitlines()]
        with contextlib.ExitStack() as stack:
            servers = [stack.enter_context(Server({name: step}, listen=[f"127.0.0.{number}"]))
                       for number, step in enumerate(judged, 1)]
            asked = ",".join(f"{label}.{name}={server.address}:{server.port}"
                             for label, server in (("ns", servers[0]), ("ns2", servers[-1])))
            probe = subprocess.run(
                ["dnsviz", "probe", "-A", "-4", "-R", "SOA,CDS,CDNSKEY", "-x", f"{name}+:{asked}",
                 "-N", f"{name}:{asked}", "-D", f"{name}:{','.join(ds)}", name],
                capture_output=True, text=True, timeout=60)
        self.assertEqual(probe.returncode, 0, probe.stderr)
        anchor = self.folder / f"{story}.anchor"
        anchor.write_text("".join(line + "\n" for line in judged[0].read_text().splitlines()
                                  if " DNSKEY 257 " in line))
        grok = subprocess.run(["/usr/bin/python3", "-c", GROK, "grok", "-t", str(anchor)],
                              input=probe.stdout, capture_output=True, text=True, timeout=60)
        self.assertEqual(grok.returncode, 0, grok.stderr)
        page = json.loads(grok.stdout)
        self.assertEqual(page[f"{name}."]["status"], "NOERROR")
        self.assertIn('"SECURE"', grok.stdout)
        self.assertEqual(list(complaints(page)), [], judged)


if __name__ == "__main__":
    unittest.main()
