#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones taken from others: what is served of a good primary; of broken ones see broken_test.py."""
import os
import pathlib
import signal
import sys
import threading
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control")]

import dns.edns
import dns.message
import dns.opcode
import dns.rcode
import dns.tsigkeyring
from control_client import Control, wait_until
from harness import Server, has_ipv6
from primary import Primary, records, response, soa, whole, zone_lines

ZONE = "in.example"
SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
RING = dns.tsigkeyring.from_text({"k.": ("hmac-sha256", SECRET)})


class Secondary(unittest.TestCase):
    """A server whose zone comes from `self.primary`; it serves serial 1 at first."""
    settings = {}
    key = ""

    def setUp(self):
        self.primary = Primary(keyring=RING if self.key else None)
        self.primary.__enter__()
        self.addCleanup(self.primary.__exit__)
        self.primary.answer = self.first_answer
        suffix = f" {self.key}" if self.key else ""
        self.server = Server(
            {ZONE: None},
            zone_settings={ZONE: {"primaries": [self.primary.address + suffix], **self.settings}},
            keys=[{"name": "k", "secret": SECRET}] if self.key else [])
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.control = Control(self.server)
        self.wait_serial(1)

    def first_answer(self, query):
        return whole(query, zone_lines(1, "a A 192.0.2.11"))

    def serial(self):
        answer = self.server.ask(ZONE, "SOA").answer
        return answer[0][0].serial if answer else None

    def wait_serial(self, serial):
        wait_until(f"serial {serial}: {self.server.log_text()}", lambda: self.serial() == serial)

    def status(self):
        # Just after a start nothing is known of it yet.
        return wait_until("its status", lambda: self.control.zone(ZONE).get("secondary"))

    def notify(self):
        query = dns.message.make_query(ZONE, "SOA", flags=0)
        query.set_opcode(dns.opcode.NOTIFY)
        return self.server.send(query).rcode()

    def refresh(self, command="zone-refresh"):
        self.assertTrue(self.control.ask(command, zone=ZONE)["ok"])

    def wait_idle(self):
        wait_until("idle", lambda: not self.status()["asking"])


class Good(Secondary):
    def test_it_is_served_and_told_of(self):
        self.assertEqual(len(self.server.ask(f"a.{ZONE}", "A").answer), 1)
        self.wait_idle()
        status = self.status()
        self.assertEqual(status["last_primary"], self.primary.address)
        self.assertEqual(status["last_error"], "")
        now = time.time()
        self.assertLess(abs(status["expires_unix_s"] - now - 86400), 30)
        self.assertTrue(3200 < status["next_refresh_unix_s"] - now <= 3601)
        shown = self.server.run("zone", "status", ZONE, "--config", str(self.server.config)).stdout
        self.assertIn(f"primaries   {self.primary.address}", shown)
        self.assertEqual(self.primary.requests[0], ("AXFR", None))

    def test_notify_brings_differences(self):
        def answer(query):
            lines = [soa(3), soa(1), "a A 192.0.2.11", soa(2), "b A 192.0.2.12",
                     soa(2), soa(3), "c A 192.0.2.13", soa(3)]
            return [response(query, records(ZONE, lines[:5])),
                    response(query, records(ZONE, lines[5:]))]
        self.primary.answer = answer
        self.wait_idle()
        self.assertEqual(self.notify(), dns.rcode.NOERROR)
        self.wait_serial(3)
        self.assertEqual(self.primary.requests[-1], ("IXFR", 1))
        self.assertEqual(self.server.ask(f"a.{ZONE}", "A").rcode(), dns.rcode.NXDOMAIN)
        for name in ("b", "c"):
            self.assertEqual(len(self.server.ask(f"{name}.{ZONE}", "A").answer), 1)
        # What came is a version like any; but to go back is the primary's business.
        def zone(*words):
            return self.server.run("zone", *words, "--config", str(self.server.config))
        history = zone("history", ZONE).stdout
        self.assertRegex(history, rf"1 +3 .* IXFR from {self.primary.address}")
        self.assertEqual([line.split()[0] for line in zone("diff", ZONE).stdout.splitlines()
                          if line.split()[3] == "A"],
                         [f"-a.{ZONE}.", f"+b.{ZONE}.", f"+c.{ZONE}."])
        back = zone("rollback", ZONE, "1")
        self.assertEqual(back.returncode, 1)
        self.assertIn("comes from its primaries", back.stderr)

    def test_an_ixfr_that_does_not_fit_is_followed_by_an_axfr(self):
        def answer(query):
            if query.authority:
                return [response(query, records(ZONE, [soa(2), soa(1), "gone A 192.0.2.9", soa(2),
                                                       soa(2)]))]
            return whole(query, zone_lines(2, "b A 192.0.2.12"))
        self.primary.answer = answer
        self.refresh()
        self.wait_serial(2)
        self.assertEqual(self.primary.requests[-2:], [("IXFR", 1), ("AXFR", None)])
        self.assertIn("removes a A record of gone.in.example., which is not there",
                      self.server.log_text())

    def test_a_retransfer_takes_an_older_serial_too(self):
        self.primary.answer = lambda query: (
            [response(query, records(ZONE, [soa(0)]))] if query.authority
            else whole(query, zone_lines(0)))
        self.refresh()
        self.wait_idle()
        self.assertEqual(self.serial(), 1)
        self.refresh("zone-retransfer")
        self.wait_serial(0)

    def test_it_outlives_its_primary_and_restarts(self):
        self.primary.answer = lambda query: [None]
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual(self.serial(), 1)
        wait_until("control", self.control.is_up)
        wait_until("an error", lambda: "closed the connection" in self.status()["last_error"])
        self.assertEqual(self.control.zone(ZONE)["state"], "serving")

    def test_control_killed_in_a_transfer_leaves_the_old_zone(self):
        reached = threading.Event()

        def stall(query):
            yield response(query, records(ZONE, zone_lines(2)))
            reached.set()
            yield 30.0
        self.primary.answer = stall
        self.refresh()
        self.assertTrue(reached.wait(60))
        pid = self.control.status()["control"]["pid"]
        go_on = threading.Event()
        self.addCleanup(go_on.set)

        def answer(query):
            go_on.wait(60)
            return whole(query, zone_lines(3))
        self.primary.answer = answer
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(self.serial(), 1)
        go_on.set()
        self.wait_serial(3)

    def test_strangers_notify_in_vain(self):
        query = dns.message.make_query(ZONE, "SOA", flags=0)
        query.set_opcode(dns.opcode.NOTIFY)
        if has_ipv6():
            self.assertEqual(self.server.send(query, address="::1").rcode(), dns.rcode.REFUSED)
        query.question[0].name = dns.name.from_text("other.example")
        self.assertEqual(self.server.send(query).rcode(), dns.rcode.REFUSED)
        self.assertEqual(len(self.primary.requests), 1)

    def test_the_second_primary_stands_in(self):
        with Primary() as second:
            second.answer = lambda query: whole(query, zone_lines(7))
            self.primary.answer = lambda query: [response(query, [], dns.rcode.REFUSED)]
            self.server.zone_settings[ZONE]["primaries"] = [self.primary.address, second.address]
            self.server.write_config()
            self.server.run("reload", "--config", str(self.server.config), check=True)
            self.wait_serial(7)
            self.wait_idle()
            self.assertEqual(self.status()["last_primary"], second.address)

    def test_a_zone_that_is_taken_out_goes(self):
        other = "@ SOA ns1 host 1 1 1 1 1\n@ NS ns1\nns1 A 192.0.2.1\n"
        self.server.zones = {"other.example": other}
        self.server.write_config()
        self.server.run("reload", "--config", str(self.server.config), check=True)
        self.assertEqual(self.server.ask(ZONE, "SOA").rcode(), dns.rcode.REFUSED)


class Expire(Secondary):
    """The EXPIRE option (RFC 7314), and primaries without EDNS."""
    settings = {"transfer_to": ["127.0.0.1"]}

    def whole(self, query, serial, expire_s):
        made = whole(query, zone_lines(serial))
        made[0].use_edns(options=[dns.edns.GenericOption(9, expire_s.to_bytes(4, "big"))])
        return made

    def left_s(self):
        self.wait_idle()
        return self.status()["expires_unix_s"] - time.time()

    def said(self, serial):
        """What ours says of it to one who asks it in turn."""
        query = dns.message.make_query(ZONE, "AXFR", flags=0)
        query.use_edns(options=[dns.edns.GenericOption(9, b"")])
        reply = self.server.send(query, tcp=True)
        self.assertEqual(reply.answer[0][0].serial, serial)
        return int.from_bytes(reply.options[0].data, "big")

    def test_the_longest_word_counts_and_never_more_than_the_soa(self):
        self.assertGreater(self.left_s(), 86000)  # from the SOA, as nothing was said
        self.assertTrue(86000 < self.said(1) <= 86400)
        for serial, expire_s in ((2, 5000), (3, 10**6)):
            self.primary.answer = lambda query, serial=serial, expire_s=expire_s: self.whole(
                query, serial, expire_s)
            self.refresh("zone-retransfer")
            self.wait_serial(serial)
            self.assertTrue(86000 < self.left_s() <= 86400)

    def test_a_primary_without_edns_is_asked_without(self):
        def answer(query):
            if query.edns >= 0:
                return [response(query, [], dns.rcode.FORMERR)]
            return whole(query, zone_lines(2))
        self.primary.answer = answer
        self.refresh("zone-retransfer")
        self.wait_serial(2)


class ExpireOfASecondary(Expire):
    def first_answer(self, query):
        return self.whole(query, 1, 5000)

    def test_the_longest_word_counts_and_never_more_than_the_soa(self):
        self.assertTrue(4900 < self.left_s() <= 5001)
        self.assertTrue(4900 < self.said(1) <= 5000)
        self.primary.answer = lambda query: [None]
        self.server.stop()
        self.server.start()
        wait_until("control", self.control.is_up)
        self.assertTrue(4800 < self.left_s() <= 5001, self.status())


class Many(unittest.TestCase):
    def test_so_many_are_asked_for_at_a_time(self):
        zones = [f"z{i}.example" for i in range(140)]
        go_on = threading.Event()

        def answer(query):
            go_on.wait(60)
            return whole(query, zone_lines(1))
        with Primary() as primary:
            primary.answer = answer
            local = "@ SOA ns1 host 1 1 1 1 1\n@ NS ns1\nns1 A 192.0.2.1\n"
            settings = {zone: {"primaries": [primary.address]} for zone in zones}
            with Server({"local.example": local, **{zone: None for zone in zones}},
                        zone_settings=settings) as server:
                control = Control(server)
                try:
                    wait_until("128 requests", lambda: len(primary.requests) == 128)
                    asking = [zone for zone in zones if control.zone(zone)["secondary"]["asking"]]
                    self.assertEqual(len(asking), 128)
                    self.assertEqual(len(primary.requests), 128)
                finally:
                    go_on.set()
                wait_until("all", lambda: server.ask(zones[-1], "SOA").rcode() == 0 and
                           len(primary.requests) == 140)


class Timers(unittest.TestCase):
    def test_a_zone_expires_and_comes_back(self):
        timers = {"refresh": 1, "retry": 1, "expire": 4}
        with Primary() as primary:
            primary.answer = lambda query: whole(query, zone_lines(1, **timers))
            settings = {ZONE: {"primaries": [primary.address]}}
            with Server({ZONE: None}, zone_settings=settings) as server:
                control = Control(server)
                primary.answer = lambda query: [response(query, records(
                    ZONE, [soa(1, **timers)]))]
                wait_until("asked by the timers", lambda: len(primary.requests) >= 3)
                self.assertEqual(primary.requests[1], ("IXFR", 1))
                primary.answer = lambda query: [None]
                wait_until("SERVFAIL", lambda: server.ask(ZONE, "SOA").rcode() ==
                           dns.rcode.SERVFAIL)
                wait_until("the reason", lambda: control.zone(ZONE)["findings"])
                self.assertIn("expired", control.zone(ZONE)["findings"][0])
                primary.answer = lambda query: whole(query, zone_lines(2, **timers))
                wait_until("served again", lambda: server.ask(ZONE, "SOA").rcode() == 0)


if __name__ == "__main__":
    unittest.main()
