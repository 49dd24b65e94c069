# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs `holdfast drill` for the tests of this folder."""
import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.environ.get("HOLDFAST", str(ROOT / "build" / "release" / "holdfast"))
BENCH_LAB = os.environ.get("BENCH_LAB", str(ROOT / "build" / "release" / "bench_lab"))
SKIPPED = 77

# Every vector that a frame can be, side by side, and a wait for the resolvers' repeats.
SCENARIO = """\
name = "tiny"
[honest]
resolvers = 200
rate = 200
[[phase]]
seconds = 1.5
[[phase]]
role = "attack"
seconds = 1.5
[[phase]]
role = "after"
seconds = 0.5
"""
ATTACKS = ('names = "random"', 'names = "mixed-case"\nsources = "resolvers"\nresolvers = 9',
           'names = "words"\nzone = "all"', 'kind = "reflection"', 'kind = "fragments"',
           'kind = "malformed"', 'kind = "syn"\nsources = "random"',
           'kind = "slow-tcp"\nsources = 20\nconnections = 40')


def scenario_text(attacks=ATTACKS, rate=500):
    return SCENARIO + "".join(f"\n[[attack]]\nrate = {rate}\n{attack}\n" for attack in attacks)


def drill(*arguments, timeout=200, **more):
    return subprocess.run([PROGRAM, "drill", *arguments], capture_output=True, text=True,
                          timeout=timeout, **more)


def main():
    made = subprocess.run([BENCH_LAB, "enter", "true"], capture_output=True).returncode == 0
    if not made:
        print("no laboratory can be made here")
        sys.exit(SKIPPED)
    unittest.main()
