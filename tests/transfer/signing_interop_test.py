#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A zone that BIND or Knot has unsigned, that is signed here on its way, and served by NSD or Knot
behind: each change comes through as a difference, and all that is served at the end is valid.
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control")]

import dns.exception
from control_client import Control, wait_until
from harness import Server
from interop_test import KEYS, ZONE, ask, serial, zone_text
from other_servers import ADDRESS, KEY, Bind, Knot, Nsd


class Bump(unittest.TestCase):
    """`self.primary` unsigned, ours in the middle, `self.behind` asks ours alone."""

    def begin(self, primary, behind, policy):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.ours = Server({ZONE: None}, keys=KEYS, tables=[("policy", {"name": "p", **policy})])
        folders = [pathlib.Path(folder.name) / side for side in ("before", "behind")]
        for path in folders:
            path.mkdir()
        self.primary = primary(str(folders[0]), "primary", self.ours.port)
        self.behind = behind(str(folders[1]), "secondary", self.ours.port)
        self.primary.put_zone(zone_text(1, "a A 192.0.2.11"))
        self.ours.zone_settings = {ZONE: {
            "primaries": [f"{ADDRESS}@{self.primary.port} {KEY}"], "policy": "p",
            "transfer_to": [f"{ADDRESS} {KEY}"],
            "notify": [f"{ADDRESS}@{self.behind.port} {KEY}"]}}
        self.ours.write_config()
        for server in (self.primary, self.ours, self.behind):
            server.__enter__()
            self.addCleanup(server.__exit__)
        self.control = Control(self.ours)
        wait_until("ready", lambda: self.control.is_up() and self.control.status()["ready"])

    def wait_behind(self, name):
        def is_there():
            try:
                return ask(self.behind.port, f"{name}.{ZONE}", "A", tries=1).answer
            except dns.exception.Timeout:
                return False
        try:
            wait_until(name, is_there)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.ours.log_text()}\n{self.behind.log_tail()}"
                                 ) from None

    def assert_good(self):
        """What is sent on, by ldns; and answers of the server behind, by delv."""
        served = self.ours.run("zone", "print", ZONE, "--config", str(self.ours.config)).stdout
        path = self.ours.directory / "served"
        path.write_text(served)
        done = subprocess.run(["ldns-verify-zone", str(path)], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        ds = self.ours.run("key", "ds", ZONE, "--config", str(self.ours.config)).stdout.split()
        anchor = self.ours.directory / "anchor"
        anchor.write_text(f"trust-anchors {{ {ds[0]} static-ds {ds[4]} {ds[5]} {ds[6]} "
                          f"\"{''.join(ds[7:])}\"; }};\n")
        for name, rdtype in ((f"mail.{ZONE}", "AAAA"), (f"nosuch.{ZONE}", "A"),
                             (f"x.w.{ZONE}", "MX"), (ZONE, "SOA")):
            done = subprocess.run(["delv", f"@{ADDRESS}", "-p", str(self.behind.port), "-a",
                                   str(anchor), f"+root={ZONE}", name, rdtype],
                                  capture_output=True, text=True, timeout=60, check=False)
            self.assertRegex(done.stdout, "; (negative response, )?fully validated",
                             f"{name} {done.stdout}{done.stderr}")

    def change(self, number):
        """Another version at the primary, and that it comes through. BIND's NOTIFY takes five
        seconds; interop_test.py waits for it."""
        self.primary.put_zone(zone_text(number, f"b{number} A 192.0.2.12"))
        self.primary.reload()
        wait_until(f"serial {number}", lambda: serial(self.primary.port) == number)
        self.ours.run("zone", "refresh", ZONE, "--config", str(self.ours.config), check=True)
        self.wait_behind(f"b{number}")

    def sign_all_anew(self):
        """Another key: our own change, which the primary knows nothing of."""
        generated = self.ours.run("key", "generate", ZONE, "--role", "zsk", "--config",
                                  str(self.ours.config))
        self.assertEqual(generated.returncode, 0, generated.stderr)
        self.ours.run("reload", ZONE, "--config", str(self.ours.config), check=True)

    def follow(self, between=lambda: None):
        self.wait_behind("a")
        self.assert_good()
        for number in (2, 3):
            self.change(number)
        between()
        self.change(4)
        # A process of NSD's that is being replaced may still answer from before.
        wait_until("a is gone", lambda: ask(self.behind.port, f"a.{ZONE}", "A").rcode() == 3)
        self.assert_good()
        log = self.ours.log_text(10**6)
        self.assertIn("IXFR from", log)
        self.assertIn("kind=IXFR", log)
        self.assertEqual(len(re.findall("AXFR from", log)), 1, log)

    def test_from_bind_to_nsd(self):
        self.begin(Bind, Nsd, {})
        self.follow(self.sign_all_anew)

    def test_from_knot_to_knot(self):
        # Debian's Knot 3.2.6 ends with a segmentation fault when a difference adds a signature to
        # each of some thousand names, so here nothing is signed anew between.
        self.begin(Knot, Knot, {"denial": "nsec3", "keys": "ksk+zsk"})
        self.follow()


if __name__ == "__main__":
    unittest.main()
