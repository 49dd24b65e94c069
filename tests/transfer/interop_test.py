#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One zone in step between this server and BIND, Knot and NSD from Debian, both ways, with
NOTIFY, IXFR and TSIG, by another algorithm with each: the first version by AXFR, each further one
within seconds as a difference.
"""
import pathlib
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control")]

import dns.exception
import dns.message
import dns.query
import dns.zone
from control_client import Control, wait_until
from harness import Server
from other_servers import ADDRESS, ALGORITHM, KEY, SECRET, Bind, Knot, Nsd, Other

ZONE = Other.zone
KEYS = [{"name": KEY, "algorithm": ALGORITHM, "secret": SECRET}]
BULK = [f"n{i} TXT \"{'x' * 60}\"" for i in range(2000)]


def zone_text(serial, *lines):
    return "\n".join([f"$ORIGIN {ZONE}.", "$TTL 3600",
                      f"@ SOA ns1 host {serial} 3600 600 864000 300", "@ NS ns1",
                      "ns1 A 192.0.2.1", "*.w MX 10 Mail", "mail AAAA 2001:db8::1", *lines, *BULK,
                      ]) + "\n"


def ask(port, name, rdtype, tries=10):
    """As any client, which asks again."""
    query = dns.message.make_query(name, rdtype, flags=0)
    while True:
        tries -= 1
        try:
            return dns.query.udp(query, ADDRESS, port=port, timeout=2)
        except dns.exception.Timeout:
            if tries == 0:
                raise


def serial(port):
    answer = ask(port, ZONE, "SOA").answer
    return answer[0][0].serial if answer else None


class Interop:
    """Subclasses name the other server."""
    other = None
    algorithm = ALGORITHM

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self, server):
        server.__enter__()
        self.addCleanup(server.__exit__)
        control = Control(server)
        wait_until("ready", lambda: control.is_up() and control.status()["ready"])
        return server

    def wait_serial(self, port, wanted, *logs):
        try:
            wait_until(f"serial {wanted}", lambda: serial(port) == wanted)
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(log() for log in logs)) from None

    def pair(self, zones, role):
        ours = Server(zones, keys=[{**key, "algorithm": self.algorithm} for key in KEYS])
        other = self.other(self.folder, role, ours.port)
        other.algorithm = self.algorithm
        return ours, other

    def test_as_primary(self):
        ours, other = self.pair({ZONE: zone_text(1, "a A 192.0.2.11")}, "secondary")
        ours.zone_settings = {ZONE: {"transfer_to": [f"{ADDRESS} {KEY}"],
                                     "notify": [f"{ADDRESS}@{other.port} {KEY}"]}}
        self.give(ours, other)

    def give(self, ours, other):
        """Three versions go from ours to the other."""
        ours.write_config()
        self.start(ours)
        with other:
            logs = (ours.log_text, other.log_tail)
            self.wait_serial(other.port, 1, *logs)
            for number in (2, 3):
                ours.zones[ZONE] = zone_text(number, f"b{number} A 192.0.2.12")
                ours.write_config()
                ours.run("reload", "--config", str(ours.config), check=True)
                self.wait_serial(other.port, number, *logs)
                # A process of NSD's that is being replaced may still answer from before.
                wait_until(f"b{number} at the other",
                           lambda: len(ask(other.port, f"b{number}.{ZONE}", "A").answer) == 1)
            wait_until("a is gone", lambda: ask(other.port, f"a.{ZONE}", "A").rcode() == 3)
            self.assertEqual(len(ask(other.port, f"n1999.{ZONE}", "TXT").answer), 1)
            self.assertIn("kind=AXFR", ours.log_text(10**6))
            self.assertIn("kind=IXFR", ours.log_text(10**6))

    def test_as_secondary(self):
        ours, other = self.pair({ZONE: None}, "primary")
        ours.zone_settings = {ZONE: {"primaries": [f"{ADDRESS}@{other.port} {KEY}"]}}
        self.take(ours, other)

    def take(self, ours, other):
        """Three versions go from the other to ours."""
        other.put_zone(zone_text(1, "a A 192.0.2.11"))
        with other:
            ours.write_config()
            self.start(ours)
            logs = (ours.log_text, other.log_tail)
            for number in (2, 3):
                other.put_zone(zone_text(number, f"b{number} A 192.0.2.12"))
                other.reload()
                self.wait_serial(ours.port, number, *logs)
                self.assertEqual(len(ask(ours.port, f"b{number}.{ZONE}", "A").answer), 1)
            self.assertEqual(ask(ours.port, f"a.{ZONE}", "A").rcode(), 3)
            self.assertEqual(len(ask(ours.port, f"n1999.{ZONE}", "TXT").answer), 1)
            self.assertIn("AXFR from", ours.log_text(10**6))
            self.assertIn("IXFR from", ours.log_text(10**6))


class WithBind(Interop, unittest.TestCase):
    other = Bind
    algorithm = "hmac-sha512"


class WithKnot(Interop, unittest.TestCase):
    other = Knot
    algorithm = "hmac-sha384"


class WithNsd(Interop, unittest.TestCase):
    other = Nsd


if __name__ == "__main__":
    unittest.main()
