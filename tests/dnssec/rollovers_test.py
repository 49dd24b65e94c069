#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every step of every rollover (ZSK, KSK, both at once, CSK, algorithms, two signers, offline KSK,
another proof of denial, going unsigned), made by a clock of its own (rollover_steps.cc). Each is
judged as it is served then, from the DS that the parent has then, by ldns-verify-zone and by
dnsviz, which asks a server; and that the two see what is broken is shown as well."""
import contextlib
import multiprocessing
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import dnsviz_judge
from harness import ROOT, Server

# With the least number of steps of each.
STORIES = {"zsk": 3, "ksk": 5, "both": 8, "csk": 5, "algorithm": 4, "csk-algorithm": 4, "rsa": 4,
           "denial": 4, "unsigning": 3, "offline": 3, "signers": 15}
CROSSING = "DNSKEY_MISSING_FROM_SERVERS"
# What dnsviz takes is its own time, on one core.
JUDGES = 2


def ds_of(step):
    return [line.split(" DS ")[1] for line in step.with_suffix(".ds").read_text().splitlines()]


def lines_with(step, *words):
    return [line for line in step.read_text().splitlines() if any(word in line for word in words)]


def faults_by_dnsviz(zone, steps):
    """`steps`: what each server of the zone serves."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(Server({zone: step}, listen=[f"127.0.0.{number}"]))
                   for number, step in enumerate(steps, 1)]
        delegated = {f"{label}.{zone}": (server.address, server.port)
                     for label, server in (("ns", servers[0]), ("ns2", servers[-1]))}
        return dnsviz_judge.faults(zone, delegated, ds_of(steps[0]))


def faults_at_server(zone, server):
    """Of a zone that a server of ours signs, by both."""
    config = ["--config", str(server.config)]
    step = server.directory / f"{zone}.printed.zone"
    step.write_text(server.run("zone", "print", zone, *config, check=True).stdout)
    ds = server.run("key", "ds", zone, *config, check=True).stdout
    step.with_suffix(".ds").write_text(ds)
    names = [words[-1] for words in map(str.split, step.read_text().splitlines())
             if words[0] == f"{zone}." and "NS" in words[1:4]]
    delegated = {name.rstrip("."): (server.address, server.port) for name in names}
    return faults_by_ldns(step) or dnsviz_judge.faults(zone, delegated, ds_of(step))


def faults_by_ldns(step):
    ds = step.with_suffix(".ds")
    anchor = ["-k", str(ds)] if ds.exists() and ds.read_text() else []
    done = subprocess.run(["ldns-verify-zone", *anchor, str(step)], capture_output=True, text=True,
                          timeout=60)
    return done.stdout + done.stderr if done.returncode != 0 else ""


class Rollovers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory(prefix="holdfast-rollovers-")
        cls.folder = pathlib.Path(cls.temporary.name)
        subprocess.run([os.environ["ROLLOVER_STEPS"], str(cls.folder)], check=True, timeout=120)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def steps(self, story):
        return sorted(self.folder.glob(f"{story}.[0-9]*.zone"))

    def test_ldns_finds_no_error_in_any_step(self):
        for story, at_least in STORIES.items():
            steps = self.steps(story)
            self.assertGreaterEqual(len(steps), at_least, story)
            for step in steps:
                self.assertEqual(faults_by_ldns(step), "", f"{step.name}\n{step.read_text()}")

    def test_dnsviz_finds_no_error_in_any_step(self):
        moments = [(f"{story}.test", at) for story in STORIES for at in self.moments(story)]
        # dnsviz keeps options of questions from one analysis to the next: a process for each.
        with multiprocessing.get_context("fork").Pool(JUDGES, maxtasksperchild=1) as pool:
            judged = pool.starmap(faults_by_dnsviz, moments, chunksize=1)
        found = {" ".join(step.stem for step in at): faults
                 for (_, at), faults in zip(moments, judged)}
        # A key that one signer has and the other is about to take over: RFC 8901 §6.2 has each wait
        # until the other has it, which cannot be without such moments.
        crossing = [at for at, faults in found.items()
                    if at.startswith("signers.") and faults and
                    all(CROSSING in fault for fault in faults)]
        self.assertLess(len(crossing), len(self.steps("signers")) // 3)
        self.assertEqual({at: faults for at, faults in found.items()
                          if faults and at not in crossing}, {})

    def test_the_examples_are_signed_without_error(self):
        zones = {path.name.removesuffix(".zone"): str(path)
                 for path in sorted((ROOT / "examples" / "zones").glob("*.zone"))}
        self.assertGreaterEqual(len(zones), 4)
        # The one that comes signed is taken as it comes, too.
        self.assertEqual(faults_by_ldns(ROOT / "examples" / "zones" / "example.org.zone"), "")
        with Server(zones, zone_settings={zone: {"policy": "default"} for zone in zones}) as server:
            for zone in zones:
                self.assertEqual(faults_at_server(zone, server), [], zone)

    def moments(self, story):
        """What the zone's servers serve at each step."""
        return [[self.folder / f"{name}.zone"
                 for name in step.with_suffix(".servers").read_text().split()]
                for step in self.steps(story)]

    def test_what_is_broken_is_seen(self):
        """Each by both; but that all algorithms sign (RFC 4035 §2.2) dnsviz alone looks at."""
        rolled = self.steps("zsk")[-1]
        text = rolled.read_text()
        zsk, soa = lines_with(rolled, " DNSKEY 256 ")[0], lines_with(rolled, " RRSIG SOA ")[0]
        other_ds = self.steps("ksk")[0].with_suffix(".ds").read_text().replace("ksk.", "zsk.")
        # In the middle two algorithms sign.
        pair = self.steps("algorithm")[len(self.steps("algorithm")) // 2]
        one, _ = {line.split()[5] for line in lines_with(pair, " RRSIG SOA ")}
        for what, step, text, ds in (
                ("a ZSK that signs is not published", rolled, text.replace(zsk + "\n", ""), None),
                ("a signature is missing", rolled, text.replace(soa + "\n", ""), None),
                ("the parent has the DS of another key", rolled, text, other_ds),
                ("one of two algorithms does not sign", pair, "".join(
                    line + "\n" for line in pair.read_text().splitlines()
                    if f" RRSIG SOA {one} " not in line), None)):
            broken = self.folder / f"broken.{step.name}"
            broken.write_text(text)
            broken.with_suffix(".ds").write_text(ds or step.with_suffix(".ds").read_text())
            with self.subTest(what):
                self.assertEqual(faults_by_ldns(broken) == "", step is pair)
                zone = step.name.split(".")[0] + ".test"
                self.assertNotEqual(faults_by_dnsviz(zone, [broken]), [])


if __name__ == "__main__":
    unittest.main()
