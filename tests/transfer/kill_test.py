#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers of a signed zone whose every record changes with each version, between two servers that
are killed with all their processes while it goes from one to the other: the one that gives and the
one that takes it by turns, at moments that a seed chooses.

What is served after each start is one whole version, never an older one than before; and the two
come together again. HOLDFAST_KILLS=200 kills as often, HOLDFAST_SEED chooses the moments.
"""
import os
import pathlib
import random
import subprocess
import sys
import tempfile
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control")]

import dns.exception
from control_client import Control, ends, wait_until
from harness import Server, program

ZONE = "k.example"
NAMES = 2000
KILLS = int(os.environ.get("HOLDFAST_KILLS", "6"))
SEED = int(os.environ.get("HOLDFAST_SEED", "1"))
ADDRESS = "127.0.0.1"


def zone_text(serial):
    return "\n".join([f"@ 60 SOA ns1 host {serial} 3600 1 86400 60", "@ 60 NS ns1",
                      "ns1 60 A 192.0.2.1",
                      *(f"n{i} 60 TXT {serial}" for i in range(NAMES))]) + "\n"


class KilledTransfers(unittest.TestCase):
    def start(self, server):
        server.__enter__()
        self.addCleanup(server.__exit__)
        self.wait_ready(server)

    def wait_ready(self, server):
        control = Control(server)
        wait_until("ready", lambda: control.is_up() and control.status()["ready"])

    def version(self, server):
        """The number in all TXT records, each of which is there once."""
        done = subprocess.run(["dig", f"@{ADDRESS}", "-p", str(server.port), ZONE, "AXFR", "+noall",
                               "+answer", "+time=20", "+tries=1"], capture_output=True, text=True)
        found = [line.split()[4] for line in done.stdout.splitlines() if "\tTXT\t" in line]
        self.assertEqual(len(found), NAMES, done.stdout[-300:] + server.log_text())
        self.assertEqual(len(set(found)), 1, f"parts of several versions\n{server.log_text()}")
        return int(found[0].strip('"'))

    def serial(self, server):
        try:
            answer = server.ask(ZONE, "SOA", timeout=0.5).answer
        except (dns.exception.DNSException, OSError):
            return None
        return answer[0][0].serial if answer else None

    def test_both_sides_are_killed_while_a_zone_goes_over(self):
        secondary = Server({ZONE: None})
        primary = Server({ZONE: zone_text(1)}, zone_settings={ZONE: {
            "policy": "default", "transfer_to": [ADDRESS],
            "notify": [f"{ADDRESS}@{secondary.port}"]}})
        secondary.zone_settings = {ZONE: {"primaries": [f"{ADDRESS}@{primary.port}"],
                                          "transfer_to": [ADDRESS]}}
        secondary.write_config()
        self.start(primary)
        self.start(secondary)
        numbers = random.Random(SEED)
        for number in (end + 2 for end in ends(KILLS)):
            victim = (primary, secondary)[number % 2]
            before = self.version(victim)
            primary.zones = {ZONE: zone_text(number)}
            primary.write_config()
            # What becomes of it is seen below; it may end with the primary.
            with subprocess.Popen([program(), "reload", "--config", str(primary.config)],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
                time.sleep(numbers.uniform(0.0, 0.3))
                victim.begin_anew()
            self.assertIn(self.version(victim), range(before, number + 1))
            self.wait_ready(victim)
            self.assertEqual(self.version(primary), number)
            wait_until("the two have the same", lambda: self.serial(secondary) and
                       self.serial(secondary) == self.serial(primary))
            self.assertEqual(self.version(secondary), number)
        self.verify(secondary)

    def verify(self, server):
        printed = server.run("zone", "print", ZONE, "--config", str(server.config), check=True)
        with tempfile.NamedTemporaryFile("w", suffix=".zone") as file:
            file.write(printed.stdout)
            file.flush()
            done = subprocess.run(["ldns-verify-zone", file.name], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
