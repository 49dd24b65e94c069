#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of zones: kept with their differences, given to others as IXFR, and gone back to."""
import json
import pathlib
import sys
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control")]

import dns.query
import dns.rcode
from control_client import Control, wait_until
from harness import Server

ZONE = "v.example"


def zone_text(serial, *lines):
    return "\n".join([f"@ 3600 SOA ns1 host {serial} 3600 600 86400 300", "@ NS ns1",
                      "ns1 A 192.0.2.1", *lines]) + "\n"


class Versions(unittest.TestCase):
    def setUp(self):
        self.server = Server({ZONE: zone_text(1, "a A 192.0.2.11")},
                             zone_settings={ZONE: {"transfer_to": ["127.0.0.1"]}})
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.control = Control(self.server)
        wait_until("ready", lambda: self.control.is_up() and self.control.status()["ready"])

    def change(self, serial, *lines):
        self.server.zones[ZONE] = zone_text(serial, *lines)
        self.server.write_config()
        self.run_command("reload")

    def run_command(self, *arguments, good=True):
        done = self.server.run(*arguments, "--config", str(self.server.config))
        self.assertEqual(done.returncode == 0, good, done.stdout + done.stderr)
        return done.stdout if good else done.stderr

    def ixfr(self, serial):
        """The records of the answer, as "TYPE data"."""
        messages = dns.query.xfr(self.server.address, ZONE, "IXFR", port=self.server.port,
                                 serial=serial, relativize=False, lifetime=60)
        return [f"{rrset.name.to_text().split('.')[0]} {record.serial}"
                if hasattr(record, "serial") else f"{rrset.name.to_text().split('.')[0]} {record}"
                for message in messages for rrset in message.answer for record in rrset]

    def test_differences_are_given_as_they_were(self):
        self.change(2, "a A 192.0.2.11", "b A 192.0.2.12")
        self.change(3, "b A 192.0.2.13")
        self.assertEqual(self.ixfr(1), ["v 3", "v 1", "v 2", "b 192.0.2.12", "v 2", "a 192.0.2.11",
                                        "b 192.0.2.12", "v 3", "b 192.0.2.13", "v 3"])
        self.assertEqual(self.ixfr(2)[:3], ["v 3", "v 2", "a 192.0.2.11"])
        self.assertEqual(self.ixfr(3), ["v 3"])
        # From a version that was never here: the whole zone.
        self.assertEqual(self.ixfr(0)[:2], ["v 3", "v ns1.v.example."])

    def test_they_survive_a_restart(self):
        self.change(2, "b A 192.0.2.12")
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        wait_until("ready", lambda: self.control.is_up() and self.control.status()["ready"])
        self.assertEqual(len(self.ixfr(1)), 6)

    def test_a_change_without_a_new_serial_breaks_the_chain(self):
        self.change(2)
        self.change(2, "c A 192.0.2.13")
        self.change(3)
        self.assertEqual(len(self.ixfr(1)), 4)  # the whole zone
        self.assertEqual(self.ixfr(2)[1], "v 2")

    def test_history_and_differences_are_shown(self):
        self.change(2, "b 60 A 192.0.2.12")
        self.change(5, "b 60 A 192.0.2.12", "c 60 A 192.0.2.13")
        history = json.loads(self.run_command("zone", "history", ZONE, "--json"))
        self.assertEqual([(version["from"], version["to"]) for version in history],
                         [(1, 2), (2, 5)])
        self.assertEqual(history[1]["source"], f"file {self.server.directory}/{ZONE}.zone")
        self.assertIn("SOURCE", self.run_command("zone", "history", ZONE))
        last = self.run_command("zone", "diff", ZONE).splitlines()
        self.assertEqual(len(last), 3)
        self.assertRegex(last[2], r"^\+c\.v\.example\.\s+60\s+IN\s+A\s+192\.0\.2\.13$")
        self.assertEqual(len(self.run_command("zone", "diff", ZONE, "1", "5").splitlines()), 7)
        self.assertIn("no differences are known that lead from serial 3 to 5",
                      self.run_command("zone", "diff", ZONE, "3", good=False))

    def test_rollback(self):
        self.change(2, "b A 192.0.2.12")
        self.change(3, "c A 192.0.2.13")
        # A file that was read while it was new is read once more (control/source_register.h).
        time.sleep(0.1)
        self.run_command("reload")
        said = self.run_command("zone", "rollback", ZONE, "1")
        self.assertIn("serial 3 to 4", said)
        self.assertEqual(self.server.ask(ZONE, "SOA").answer[0][0].serial, 4)
        self.assertEqual(len(self.server.ask(f"a.{ZONE}", "A").answer), 1)
        self.assertEqual(self.server.ask(f"c.{ZONE}", "A").rcode(), dns.rcode.NXDOMAIN)
        self.assertEqual(self.ixfr(3)[1:], ["v 3", "c 192.0.2.13", "v 4", "a 192.0.2.11", "v 4"])
        # It stays until the file changes.
        self.run_command("reload")
        self.assertEqual(self.server.ask(ZONE, "SOA").answer[0][0].serial, 4)
        self.change(9, "d A 192.0.2.14")
        self.assertEqual(self.server.ask(ZONE, "SOA").answer[0][0].serial, 9)
        self.assertIn("is not known", self.run_command("zone", "rollback", ZONE, "7", good=False))


if __name__ == "__main__":
    unittest.main()
