#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reloads of a running server: applied whole, or refused with file and line."""
import os
import signal
import socket
import unittest

from control_client import Control, log_has, serial_of, wait_until, zone

import dns.rcode
from harness import Server, free_port


class Reload(unittest.TestCase):
    def setUp(self):
        self.server = Server({"one.example": zone(1), "two.example": zone(1)})
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.control = Control(self.server)
        wait_until("ready", lambda: self.control.is_up() and self.control.status()["ready"])

    def reload(self, **members):
        self.server.write_config()
        return self.control.ask("reload", **members)

    def test_a_changed_zone_is_served_and_the_other_left_alone(self):
        before = self.control.zone("two.example")
        self.server.zones["one.example"] = zone(2, "www 60 IN A 192.0.2.1")
        os.utime(self.server.config)  # the other zone's file is not written again
        (self.server.directory / "one.example.zone").write_text(self.server.zones["one.example"])
        reply = self.control.ask("reload")
        self.assertTrue(reply["ok"], reply)
        self.assertEqual(len(reply["changes"]), 1, reply)
        self.assertIn("zone one.example.: serial 1 to 2", reply["changes"][0])
        self.assertEqual(serial_of(self.server, "one.example"), 2)
        self.assertEqual(self.server.ask("www.one.example", "A").rcode(), dns.rcode.NOERROR)
        self.assertEqual(self.control.zone("two.example"), before)

    def test_what_is_allowed_and_yet_dangerous_is_told(self):
        policy = {"name": "p", "zsk_lifetime_s": 10**7}
        self.server.zone_settings["one.example"] = {"policy": "p", "notify": ["127.0.0.1@1"]}
        for secondaries in ([], ["127.0.0.1@1"]):
            self.server.tables = [("policy", {**policy, "secondaries": secondaries})]
            reply = self.reload()
            self.assertTrue(reply["ok"], reply)
            told = (reply["warnings"], self.control.zone("one.example")["findings"])
            for texts in told:
                self.assertEqual(len(texts), 0 if secondaries else 1, told)
                self.assertTrue(all("secondaries is empty" in text for text in texts), told)
            self.assertEqual(self.control.zone("two.example")["findings"], [])

    def test_so_it_is_once_notify_alone_has_changed(self):
        self.server.tables = [("policy", {"name": "p", "zsk_lifetime_s": 10**7})]
        # Their files are not written again.
        self.server.zones = {name: str(self.server.directory / f"{name}.zone")
                             for name in self.server.zones}
        for notify in ([], ["127.0.0.1@1"], []):
            self.server.zone_settings["one.example"] = {"policy": "p", "notify": notify}
            reply = self.reload()
            self.assertTrue(reply["ok"], reply)
            told = self.control.zone("one.example")["findings"]
            self.assertEqual(len(told), len(notify), told)

    def test_a_bad_zone_refuses_everything(self):
        self.server.zones["one.example"] = zone(2)
        self.server.zones["two.example"] = zone(2, "www 60 IN A 192.0.2.256")
        reply = self.reload()
        self.assertFalse(reply["ok"])
        self.assertTrue(any("two.example.zone:4" in text for text in reply["findings"]), reply)
        self.assertEqual(serial_of(self.server, "one.example"), 1)
        self.assertEqual(serial_of(self.server, "two.example"), 1)
        self.assertEqual(self.control.status()["reload"]["failed"], 1)
        # The good one alone is not held up by the bad one.
        reply = self.control.ask("reload", zone="one.example")
        self.assertTrue(reply["ok"], reply)
        self.assertEqual(serial_of(self.server, "one.example"), 2)

    def test_a_bad_setting_refuses_everything(self):
        self.server.zones["one.example"] = zone(2)
        self.server.settings["tcp"] = {"idle_ms": 1}
        reply = self.reload()
        self.assertFalse(reply["ok"])
        self.assertIn("holdfast.toml:", reply["findings"][0])
        self.assertIn("idle_ms", reply["findings"][0])
        self.assertEqual(serial_of(self.server, "one.example"), 1)

    def test_state_needs_a_restart(self):
        self.server.settings["server"]["state"] = str(self.server.directory / "elsewhere")
        reply = self.reload()
        self.assertFalse(reply["ok"])
        self.assertIn("server.state was changed, which needs a restart", reply["findings"][0])

    def test_zones_come_and_go(self):
        self.server.zones["three.example"] = zone(7)
        del self.server.zones["two.example"]
        reply = self.reload()
        self.assertTrue(reply["ok"], reply)
        self.assertEqual(serial_of(self.server, "three.example"), 7)
        self.assertEqual(self.server.ask("two.example", "SOA").rcode(), dns.rcode.REFUSED)
        self.assertEqual(self.control.status()["zones"]["configured"], 2)

    def test_a_zone_of_its_own_that_is_not_configured_is_told_so(self):
        reply = self.control.ask("reload", zone="other.example")
        self.assertFalse(reply["ok"])
        self.assertIn("zone other.example. is not configured", reply["error"])

    def test_identity_is_applied_to_answers(self):
        self.server.settings["server"]["version"] = "7.0"
        reply = self.reload()
        self.assertIn('server.version: "" to "7.0"', reply["changes"])

        def version():
            answer = self.server.ask("version.bind", "TXT", rdclass="CH").answer
            return answer and answer[0][0].strings[0] == b"7.0"
        wait_until("the new version in answers", version)

    def test_sighup_reloads(self):
        self.server.zones["one.example"] = zone(5)
        self.server.write_config()
        os.kill(self.server.pid, signal.SIGHUP)
        wait_until("serial 5", lambda: serial_of(self.server, "one.example") == 5)
        wait_until("a line in the log", lambda: log_has(self.server, "event=reload-done"))

    def test_listen_addresses_and_workers_change(self):
        old_port, new_port = self.server.port, free_port()
        self.server.settings["server"]["listen"] = [f"127.0.0.1@{new_port}"]
        self.server.settings["server"]["workers"] = 2
        reply = self.reload()
        self.assertTrue(reply["ok"], reply)
        self.server.port = new_port
        self.assertEqual(serial_of(self.server, "one.example"), 1)

        def is_closed():
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", old_port)) != 0
        wait_until("nobody at the old port", is_closed)
        wait_until("two workers", lambda: [worker["state"] for worker in
                                           self.control.status()["workers"]] == ["answering"] * 2)

    def test_a_listen_port_in_use_refuses_everything(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            self.server.settings["server"]["listen"].append(f"127.0.0.1@{port}")
            self.server.zones["one.example"] = zone(2)
            reply = self.reload()
        self.assertFalse(reply["ok"])
        self.assertIn(f"127.0.0.1@{port}", reply["error"])
        self.assertIn("in use", reply["error"])
        self.assertEqual(serial_of(self.server, "one.example"), 1)

    def test_a_metrics_port_in_use_refuses_everything(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            listen = "127.0.0.1:%d" % taken.getsockname()[1]
            self.server.settings["metrics"]["listen"] = listen
            self.server.zones["one.example"] = zone(2)
            reply = self.reload()
        self.assertFalse(reply["ok"])
        self.assertIn(f"metrics.listen: {listen}: Address already in use", reply["error"])
        self.assertEqual(serial_of(self.server, "one.example"), 1)


if __name__ == "__main__":
    unittest.main()
