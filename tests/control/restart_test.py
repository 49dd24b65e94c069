#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is served after the end of the management process, of the server, and of the machine."""
import os
import pathlib
import signal
import threading
import time
import unittest

from control_client import Control, log_has, serial_of, wait_until, zone

import dns.exception
import dns.rcode
from harness import Server


class Restart(unittest.TestCase):
    def setUp(self):
        self.server = Server({"one.example": zone(1), "two.example": zone(1)})
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.control = Control(self.server)
        self.wait_ready()

    def wait_ready(self):
        wait_until("ready", lambda: self.control.is_up() and self.control.status()["ready"])

    def restart(self):
        self.assertEqual(self.server.stop(), 0, self.server.log_text())
        self.server.start()
        self.wait_ready()

    def break_zone(self, name):
        (self.server.directory / f"{name}.zone").write_text("broken\n")

    def test_control_killed_changes_nothing_and_comes_back(self):
        failures, asked, stop = [], [0], threading.Event()

        def ask():
            while not stop.is_set():
                try:
                    if serial_of(self.server, "one.example") != 1:
                        failures.append("another serial")
                except (dns.exception.DNSException, OSError) as error:
                    failures.append(repr(error))
                asked[0] += 1
        asker = threading.Thread(target=ask)
        self.addCleanup(stop.set)
        asker.start()
        # A change that nobody asked to load, and a broken file: neither may show.
        self.server.zones["one.example"] = zone(2)
        self.server.write_config()
        self.break_zone("two.example")
        pids = set()
        for _ in range(3):
            pid = self.control.status()["control"]["pid"]
            pids.add(pid)
            os.kill(pid, signal.SIGKILL)
            wait_until("control is back", lambda: self.control.is_up() and
                       self.control.status()["control"]["pid"] != pid)
            self.wait_ready()
        wait_until("answers meanwhile", lambda: asked[0] > 50)
        stop.set()
        asker.join()
        self.assertEqual(failures, [])
        self.assertEqual(len(pids), 3)
        # A new one is ready from its start on, as the answers are, and then takes up the zones.
        wait_until("its zones", lambda: self.control.status()["zones"]["serving"] == 2)
        self.assertEqual(self.control.status()["control"]["restarts"], 3)

    def test_a_broken_file_at_a_restart_leaves_the_last_good(self):
        self.break_zone("two.example")
        self.restart()
        self.assertEqual(serial_of(self.server, "two.example"), 1)
        status = self.control.zone("two.example")
        self.assertEqual(status["state"], "stale")
        self.assertIn("two.example.zone:1", status["findings"][0])
        self.assertTrue(log_has(self.server, "event=zone-stale"))

    def test_a_missing_file_at_a_restart_leaves_the_last_good(self):
        (self.server.directory / "two.example.zone").unlink()
        self.restart()
        self.assertEqual(serial_of(self.server, "two.example"), 1)
        self.assertEqual(self.control.zone("two.example")["state"], "stale")

    def test_a_zone_that_never_loaded_gets_servfail(self):
        self.server.zones["new.example"] = "broken\n"
        self.server.write_config()
        self.restart()
        self.assertEqual(self.server.ask("new.example", "A").rcode(), dns.rcode.SERVFAIL)
        self.assertEqual(self.control.zone("new.example")["state"], "failed")

    def test_changes_are_loaded_at_a_restart_and_the_rest_is_not_read(self):
        before = self.control.zone("two.example")
        time.sleep(0.05)
        (self.server.directory / "one.example.zone").write_text(zone(9))
        self.restart()
        self.assertEqual(serial_of(self.server, "one.example"), 9)
        self.assertEqual(self.control.zone("two.example"), before)

    def test_zones_taken_out_while_stopped_go(self):
        del self.server.zones["two.example"]
        self.server.write_config()
        self.restart()
        self.assertEqual(self.server.ask("two.example", "SOA").rcode(), dns.rcode.REFUSED)

    def test_after_a_power_failure_the_journal_gives_what_files_do_not(self):
        wait_until("synced", lambda: self.control.status()["journal"]["bytes"] > 0)
        process, self.server.process = self.server.process, None
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        memory = self.server.state / "zones.mem"
        boot_id = pathlib.Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()
        content = memory.read_bytes()
        self.assertIn(boot_id, content)
        memory.write_bytes(content.replace(boot_id, boot_id[:-1] + b"x"))
        self.break_zone("two.example")
        self.server.start()
        self.wait_ready()
        self.assertEqual(serial_of(self.server, "one.example"), 1)
        self.assertEqual(serial_of(self.server, "two.example"), 1)
        self.assertEqual(self.control.zone("one.example")["state"], "serving")
        status = self.control.zone("two.example")
        self.assertEqual(status["state"], "stale")
        self.assertEqual(status["records"], 3)


if __name__ == "__main__":
    unittest.main()
