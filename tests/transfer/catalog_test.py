#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalog zones (RFC 9432): members that come and go, and catalogs of ours for others."""
import os
import pathlib
import signal
import sys
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control")]

import dns.message
import dns.opcode
import dns.rcode
from control_client import Control, wait_until
from harness import Server
from primary import Primary, records, response, soa, zone_lines

ADDRESS = "127.0.0.1"
CATALOG = "cat.test"
OTHER = "other-cat.test"
ZONE = "@ SOA ns1 host 1 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.1\n"


def member(unique, zone, group=None, coo=None):
    lines = [f"{unique}.zones PTR {zone}."]
    lines += [f"group.{unique}.zones TXT \"{group}\""] if group else []
    return lines + ([f"coo.{unique}.zones PTR {coo}."] if coo else [])


class Follow(unittest.TestCase):
    """A server that follows two catalogs of a primary, which has any zone that is not one."""

    def setUp(self):
        self.catalogs = {CATALOG: (1, member("u1", "a.test") + member("u2", "b.test", "special")),
                         OTHER: (1, [])}
        self.version = "2"
        self.asked = []
        self.primary = Primary()
        self.primary.__enter__()
        self.addCleanup(self.primary.__exit__)
        self.primary.answer = self.answer
        self.server = Server(
            {CATALOG: None, OTHER: None, "own.test": ZONE},
            zone_settings={name: {"primaries": [self.primary.address]}
                           for name in (CATALOG, OTHER)},
            tables=[("catalog", {"name": CATALOG, "primaries": [self.primary.address]}),
                    ("catalog", {"name": CATALOG, "group": "special", "transfer_to": ["any"],
                                 "primaries": [self.primary.address]}),
                    ("catalog", {"name": CATALOG, "group": "signed", "policy": "default",
                                 "primaries": [self.primary.address]}),
                    ("catalog", {"name": OTHER, "primaries": [self.primary.address],
                                 "members_max": 5})])
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.control = Control(self.server)
        self.wait_served("a.test", "b.test")

    def answer(self, query):
        name = query.question[0].name.to_text(omit_final_dot=True)
        self.asked.append((name, bool(query.authority)))
        if name in self.catalogs:
            serial, members = self.catalogs[name]
            lines = [soa(serial), "@ NS invalid.", f"version TXT {self.version}", *members]
        else:
            lines = zone_lines(1)
        if query.authority and query.authority[0][0].serial == 1 and name not in self.catalogs:
            return [response(query, records(name, [soa(1)]))]
        return [response(query, records(name, [*lines, lines[0]]))]

    def put(self, members, name=CATALOG):
        """A new version of the catalog, which is taken over."""
        serial = self.catalogs[name][0] + 1
        self.catalogs[name] = (serial, members)
        self.notify(name)
        wait_until(f"serial {serial}", lambda: self.server.ask(name, "SOA").answer[0][0].serial
                   == serial)

    def notify(self, name):
        query = dns.message.make_query(name, "SOA", flags=0)
        query.set_opcode(dns.opcode.NOTIFY)
        self.assertEqual(self.server.send(query).rcode(), dns.rcode.NOERROR)

    def rcode(self, zone):
        return self.server.ask(zone, "SOA").rcode()

    def wait_served(self, *zones):
        for zone in zones:
            wait_until(f"{zone}: {self.server.log_text()}", lambda: self.rcode(zone) == 0)

    def wait_gone(self, zone):
        wait_until(f"{zone} gone", lambda: self.rcode(zone) == dns.rcode.REFUSED)

    def facts(self, name=CATALOG):
        return next((catalog for catalog in self.control.status()["catalogs"]
                     if catalog["catalog"] == name + "."), {"members": None})

    def whole_transfers(self, zone):
        return self.asked.count((zone, False))

    def is_signed(self, zone):
        return len(self.server.ask(zone, "SOA", want_dnssec=True).answer) == 2

    def test_a_group_may_be_signed_here(self):
        self.put(member("u1", "a.test") + member("u2", "b.test", "signed"))
        wait_until("b.test signed", lambda: self.is_signed("b.test"))
        self.put(member("u1", "a.test", "signed") + member("u2", "b.test"))
        wait_until("a.test signed", lambda: self.is_signed("a.test"))
        self.assertEqual(self.whole_transfers("a.test"), 1)
        self.notify("b.test")
        wait_until("b.test as it comes", lambda: not self.is_signed("b.test"))
        self.assertFalse(self.server.ask("b.test", "DNSKEY").answer)
        self.server.stop()
        self.server.start()
        wait_until("control", self.control.is_up)
        self.assertTrue(self.is_signed("a.test"))

    def test_members_whose_keys_roll_unwatched_are_told(self):
        self.server.tables[2][1].update(policy="rolling", transfer_to=["any"])
        self.server.tables.append(("policy", {"name": "rolling", "ksk_lifetime_s": 10**7}))
        self.server.write_config()
        self.server.run("reload", "--config", str(self.server.config), check=True)
        self.put(member("u1", "a.test", "signed") + member("u2", "b.test"))
        wait_until("a.test signed", lambda: self.is_signed("a.test"))
        wait_until("its finding", lambda: len(self.control.zone("a.test")["findings"]) == 1)
        self.assertEqual(self.control.zone("b.test")["findings"], [])
        self.assertNotIn("rolls-unwatched", self.server.log_text(10**6))
        self.server.stop()
        self.server.start()
        wait_until("a warning", lambda: "rolls-unwatched" in self.server.log_text(10**6))
        wait_until("its finding", lambda: self.control.is_up() and
                   len(self.control.zone("a.test").get("findings", [])) == 1)

    def test_members_come_and_go(self):
        self.assertEqual(self.facts()["members"], 2)
        listed = self.server.run("zone", "list", "--config", str(self.server.config)).stdout
        self.assertRegex(listed, r"a\.test\. .*catalog cat\.test\.")
        self.assertRegex(listed, r"cat\.test\. .*its primaries")
        self.put(member("u1", "a.test") + member("u3", "c.test"))
        self.wait_served("a.test", "c.test")
        self.wait_gone("b.test")
        self.assertEqual(self.facts()["members"], 2)
        self.assertEqual(self.whole_transfers("a.test"), 1)

    def test_a_group_has_its_settings(self):
        for zone, rcode in (("a.test", dns.rcode.REFUSED), ("b.test", dns.rcode.NOERROR)):
            query = dns.message.make_query(zone, "AXFR", flags=0)
            self.assertEqual(self.server.send(query, tcp=True).rcode(), rcode)
        self.put(member("u1", "a.test", "special") + member("u2", "b.test"))
        query = dns.message.make_query("a.test", "AXFR", flags=0)
        wait_until("a group", lambda: self.server.send(query, tcp=True).rcode() == 0)
        self.assertEqual(self.whole_transfers("a.test"), 1)

    def test_what_is_broken_changes_nothing(self):
        self.put(member("u1", "a.test") + member("u2", "a.test") + member("u3", "c.test"))
        wait_until("told", lambda: "a.test. is in it twice" in self.facts()["error"])
        self.version = "3"
        self.put(member("u3", "c.test"))
        wait_until("told", lambda: "its version is not 2" in self.facts()["error"])
        self.assertEqual((self.facts()["serial"], self.facts()["broken"]), (1, 2))
        self.wait_served("a.test", "b.test")
        self.version = "2"
        self.put(member("u3", "c.test"))
        self.wait_served("c.test")
        self.wait_gone("a.test")
        wait_until("no error", lambda: self.facts()["error"] == "")
        self.put([line for i in range(6) for line in member(f"v{i}", f"v{i}.test")], OTHER)
        wait_until("told", lambda: "more members than the 5" in self.facts(OTHER)["error"])
        self.assertEqual(self.rcode("v1.test"), dns.rcode.REFUSED)

    def test_another_unique_label_begins_anew(self):
        self.put(member("other", "a.test") + member("u2", "b.test", "special"))
        wait_until("anew", lambda: self.whole_transfers("a.test") == 2)
        self.wait_served("a.test", "b.test")
        self.assertEqual(self.whole_transfers("b.test"), 1)

    def test_the_owner_changes_only_by_its_leave(self):
        self.put(member("u1", "a.test"), OTHER)
        wait_until("passed over", lambda: self.facts(OTHER)["passed_over"] == 1)
        self.assertEqual(self.control.zone("a.test")["catalog"], CATALOG + ".")
        self.put(member("u1", "a.test", coo=OTHER) + member("u2", "b.test", "special"))
        self.put(member("u1", "a.test"), OTHER)
        wait_until("moved", lambda: self.control.zone("a.test")["catalog"] == OTHER + ".")
        self.put(member("u2", "b.test", "special"))
        self.wait_served("a.test", "b.test")
        self.assertEqual(self.whole_transfers("a.test"), 1)
        self.assertEqual(self.facts(OTHER)["members"], 1)

    def test_what_is_configured_is_no_member(self):
        self.put(member("u1", "a.test") + member("x", "own.test"))
        wait_until("passed over", lambda: self.facts()["passed_over"] == 1)
        self.assertEqual(len(self.server.ask("ns1.own.test", "A").answer), 1)
        wait_until("the log", lambda: "zone own.test., which is configured here" in
                   self.server.log_text())
        self.put(member("u1", "a.test"))
        self.assertEqual(self.rcode("own.test"), 0)

    def test_members_outlive_control_and_the_server(self):
        os.kill(self.control.status()["control"]["pid"], signal.SIGKILL)
        wait_until("control", lambda: self.control.is_up() and self.facts()["members"] == 2)
        self.wait_served("a.test", "b.test")
        # What changes while nobody looks is found at the next start.
        self.assertEqual(self.server.stop(), 0)
        self.catalogs[CATALOG] = (9, member("u1", "a.test") + member("u9", "z.test"))
        self.server.start()
        self.assertEqual(self.rcode("a.test"), 0)
        self.wait_served("z.test")
        self.wait_gone("b.test")
        self.assertEqual(self.whole_transfers("a.test"), 1)

    def test_without_its_catalog_a_member_goes(self):
        self.server.tables = [("catalog", {"name": OTHER, "primaries": [self.primary.address]})]
        self.server.write_config()
        self.server.run("reload", "--config", str(self.server.config), check=True)
        self.wait_gone("a.test")


class Publish(unittest.TestCase):
    """One of ours publishes, another follows."""

    def test_ours_follows_ours(self):
        first = Server({"a.test": ZONE, "b.test": ZONE, "c.test": ZONE})
        second = Server({CATALOG: None}, zone_settings={
            CATALOG: {"primaries": [f"{ADDRESS}@{first.port}"]}},
            tables=[("catalog", {"name": CATALOG, "primaries": [f"{ADDRESS}@{first.port}"]})])
        first.tables = [("published_catalog", {
            "name": CATALOG, "transfer_to": [ADDRESS], "notify": [f"{ADDRESS}@{second.port}"]})]
        shared = {"transfer_to": [ADDRESS], "catalog": CATALOG, "catalog_group": "g"}
        first.zone_settings = {"a.test": shared, "b.test": shared}
        first.write_config()
        with first, second:
            wait_until("a", lambda: second.ask("a.test", "SOA").rcode() == 0)
            wait_until("b", lambda: second.ask("b.test", "SOA").rcode() == 0)
            self.assertEqual(second.ask("c.test", "SOA").rcode(), dns.rcode.REFUSED)
            serial = first.ask(CATALOG, "SOA").answer[0][0].serial
            reload = ("reload", "--config", str(first.config))
            first.run(*reload, check=True)
            self.assertEqual(first.ask(CATALOG, "SOA").answer[0][0].serial, serial)
            first.zone_settings = {"a.test": shared, "c.test": shared}
            first.write_config()
            first.run(*reload, check=True)
            wait_until("c", lambda: second.ask("c.test", "SOA").rcode() == 0)
            wait_until("b gone",
                       lambda: second.ask("b.test", "SOA").rcode() == dns.rcode.REFUSED)
            self.assertGreater(first.ask(CATALOG, "SOA").answer[0][0].serial, serial)
            self.assertIn("IXFR from", second.log_text(10**6))


if __name__ == "__main__":
    unittest.main()
