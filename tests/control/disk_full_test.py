#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A full disk under the state directory: told in a sentence, and what ran keeps running.

Runs in a mount namespace of its own, so it needs root; without it, it is passed over.
"""
import os
import sys
import unittest

from control_client import Control, log_has, serial_of, wait_until, zone

import dns.rcode
from harness import Server

OWN_NAMESPACE = "HOLDFAST_TEST_OWN_NAMESPACE"
STATE_BYTES = 8 << 20


def big_zone(serial):
    return zone(serial, *(f"host{number} 3600 IN A 192.0.2.1" for number in range(200_000)))


class DiskFull(unittest.TestCase):
    def setUp(self):
        self.server = Server({"one.example": zone(1), "two.example": zone(1)})
        self.server.state.mkdir()
        self.assertEqual(os.system(f"mount -t tmpfs -o size={STATE_BYTES} tmpfs "
                                   f"{self.server.state}"), 0)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.addCleanup(os.system, f"umount -l {self.server.state}")
        self.control = Control(self.server)
        wait_until("ready", lambda: self.control.is_up() and self.control.status()["ready"])

    def fill(self):
        with open(self.server.state / "fill", "wb", buffering=0) as file:
            with self.assertRaises(OSError):
                while file.write(b"\0" * 65536) == 65536:
                    pass
                file.write(b"\0")

    def test_a_zone_that_does_not_fit_leaves_its_old_version(self):
        self.server.zones["one.example"] = big_zone(2)
        self.server.write_config()
        for command in ({}, {"zone": "one.example"}):
            reply = self.control.ask("reload", **command)
            self.assertFalse(reply["ok"])
            self.assertIn("nothing was changed: zone one.example.:", reply["error"])
            self.assertIn(f"{self.server.state}/zones.mem: cannot grow", reply["error"])
            self.assertIn("No space left on device", reply["error"])
        self.assertEqual(serial_of(self.server, "one.example"), 1)
        self.assertEqual(self.control.zone("one.example")["state"], "serving")
        self.assertEqual(serial_of(self.server, "two.example"), 1)
        # With room again, the next reload brings it.
        self.server.zones["one.example"] = zone(3)
        self.server.write_config()
        self.assertTrue(self.control.ask("reload")["ok"])
        self.assertEqual(serial_of(self.server, "one.example"), 3)

    def test_what_fits_into_zone_memory_is_served_though_nothing_can_be_kept(self):
        self.fill()
        # More than what may be left of the journal's last page.
        self.server.zones["one.example"] = zone(2, *(f"h{number} 60 IN A 192.0.2.1"
                                                     for number in range(300)))
        self.server.write_config()
        self.assertTrue(self.control.ask("reload")["ok"])
        self.assertEqual(serial_of(self.server, "one.example"), 2)
        wait_until("the journal's error in the status", lambda: "No space left on device" in
                   self.control.status()["journal"]["last_error"])
        wait_until("the log", lambda: log_has(self.server, "event=journal-unwritable"))

    def test_a_reload_is_all_or_nothing(self):
        """The disk fills after some of the changed zones, in whatever order they are read."""
        small = {f"small{number}.example": zone(1) for number in range(20)}
        self.server.zones.update(small)
        self.server.write_config()
        self.assertTrue(self.control.ask("reload")["ok"])
        self.server.zones.update({name: zone(2) for name in small})
        self.server.zones["new.example"] = big_zone(1)
        self.server.zones["added.example"] = zone(1)
        del self.server.zones["two.example"]
        self.server.settings["answers"] = {"udp_payload_bytes_max": 1400}
        self.server.write_config()
        reply = self.control.ask("reload")
        self.assertFalse(reply["ok"])
        self.assertIn("nothing was changed: zone new.example.:", reply["error"])
        for name in [*small, "one.example", "two.example"]:
            self.assertEqual(serial_of(self.server, name), 1)
        for name in ("new.example", "added.example"):
            self.assertEqual(self.server.ask(name, "SOA").rcode(), dns.rcode.REFUSED)
        self.assertEqual(self.server.ask("one.example", "SOA", use_edns=0).payload, 1232)
        # Without the zone that is too large, all the rest comes.
        del self.server.zones["new.example"]
        self.server.write_config()
        reply = self.control.ask("reload")
        self.assertTrue(reply["ok"], reply)
        for name in small:
            self.assertEqual(serial_of(self.server, name), 2)
        self.assertEqual(serial_of(self.server, "added.example"), 1)
        self.assertEqual(self.server.ask("two.example", "SOA").rcode(), dns.rcode.REFUSED)
        self.assertEqual(self.server.ask("one.example", "SOA", use_edns=0).payload, 1400)


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("passed over: it mounts a small file system, which needs root")
        sys.exit(0)
    if OWN_NAMESPACE not in os.environ:
        os.environ[OWN_NAMESPACE] = "1"
        os.execvp("unshare", ["unshare", "--mount", sys.executable, *sys.argv])
    unittest.main()
