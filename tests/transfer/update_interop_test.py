#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The same random dynamic updates to this server, BIND and Knot: the same answers as BIND's, and
the same zone everywhere. And a zone that Knot signs and updates, followed here by IXFR.
"""
import os
import pathlib
import random
import sys
import tempfile
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control"), str(TESTS / "interop")]

import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import peers
from control_client import Control, wait_until
from harness import Server
from other_servers import ADDRESS, ALGORITHM, KEY, SECRET

ZONE = "u.example"
UPDATES = int(os.environ.get("HOLDFAST_UPDATES", "250"))
TEXT = "\n".join([f"$ORIGIN {ZONE}.", "$TTL 300", "@ SOA ns1 host 1 3600 600 864000 300",
                  "@ NS ns1", "ns1 A 192.0.2.1", "www A 192.0.2.2", "mail MX 10 ns1"]) + "\n"
NAMES = ["@", "a", "b", "c", "x.a", "y.x.a", "*.b", "sub", "ns.sub", "www", "mail"]
DATA = {
    "A": ["192.0.2.1", "192.0.2.2", "192.0.2.3"],
    "AAAA": ["2001:db8::1", "2001:db8::2"],
    "TXT": ['"one"', '"two"'],
    "MX": ["10 mail", "20 Mail", "10 a"],
    "CNAME": ["www", "a"],
    "NS": ["ns1", "ns.other.example."],  # BIND wants those of the apex to have addresses
}


class Bind(peers.Bind):
    def command(self):
        file = self.write("u.zone", TEXT)
        config = self.write("named.conf", f"""
key "{KEY}" {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};
options {{ listen-on port {self.port} {{ {ADDRESS}; }}; listen-on-v6 {{ none; }};
  directory "{self.directory}"; pid-file "{self.path("pid")}"; recursion no;
  session-keyfile "{self.path("session.key")}"; dnssec-validation no; empty-zones-enable no; }};
controls {{}};
zone "{ZONE}" {{ type primary; file "{file}"; allow-update {{ key {KEY}; }};
  allow-transfer {{ any; }}; check-names ignore; check-integrity no; notify no; }};
""")
        return ["-4", "-g", "-n", "1", "-c", config]


class Knot(peers.Knot):
    sections = zone_lines = ""

    def command(self):
        file = self.write("u.zone", TEXT)
        config = self.write("knot.conf", f"""server:
  listen: {ADDRESS}@{self.port}
  rundir: {self.directory}
database:
  storage: {self.directory}
log:
  - target: stderr
    any: warning
key:
  - id: {KEY}
    algorithm: {ALGORITHM}
    secret: {SECRET}
acl:
  - id: update
    key: {KEY}
    action: update
  - id: transfer
    address: {ADDRESS}
    action: transfer
{self.sections}zone:
  - domain: {ZONE}
    file: {file}
    zonefile-sync: -1
    semantic-checks: off
    acl: [update, transfer]
{self.zone_lines}""")
        return ["-c", config]


def random_update(numbers):
    message = dns.update.Update(ZONE, keyring=dns.tsigkeyring.from_text({KEY: SECRET}),
                                keyname=KEY, keyalgorithm=ALGORITHM)
    for _ in range(numbers.choice([0, 0, 1, 2])):
        name, kind = numbers.choice(NAMES), numbers.choice(list(DATA))
        form = numbers.randrange(5)
        if form == 0:
            message.present(name)
        elif form == 1:
            message.absent(name)
        elif form == 2:
            message.present(name, kind)
        elif form == 3:
            message.absent(name, kind)
        else:
            message.present(name, kind, numbers.choice(DATA[kind]))
    for _ in range(numbers.randint(1, 4)):
        name, kind = numbers.choice(NAMES), numbers.choice(list(DATA))
        form = numbers.randrange(8)
        if form < 5:
            message.add(name, 300, kind, numbers.choice(DATA[kind]))
        elif form == 5:
            message.delete(name, kind, numbers.choice(DATA[kind]))
        elif form == 6:
            message.delete(name, kind)
        else:
            message.delete(name)
    return message


def zone_of(port):
    """All records but the SOA, in one order."""
    messages = dns.query.xfr(ADDRESS, ZONE, "AXFR", port=port, relativize=False, lifetime=60)
    return sorted({f"{rrset.name.to_text().lower()} {rrset.ttl} {rrset.rdtype} "
                   f"{record.to_text().lower()}"
                   for message in messages for rrset in message.answer for record in rrset
                   if rrset.rdtype != dns.rdatatype.SOA})


class SameUpdates(unittest.TestCase):
    def test_the_same_zone_everywhere(self):
        numbers = random.Random(11)
        with tempfile.TemporaryDirectory() as folder:
            ours = Server({ZONE: TEXT}, keys=[{"name": KEY, "algorithm": ALGORITHM,
                                               "secret": SECRET}],
                          zone_settings={ZONE: {"update": [KEY], "transfer_to": [ADDRESS]}})
            with ours, Bind(folder, {ZONE: None}) as bind, Knot(folder, {ZONE: None}) as knot:
                control = Control(ours)
                wait_until("ready", lambda: control.is_up() and control.status()["ready"])
                for number in range(UPDATES):
                    message = random_update(numbers)
                    # Knot makes its answer wait for others that may come.
                    rcodes = {port: dns.query.tcp(message, ADDRESS, port=port, timeout=60).rcode()
                              for port in (ours.port, bind.port, knot.port)}
                    self.assertEqual(dns.rcode.to_text(rcodes[ours.port]),
                                     dns.rcode.to_text(rcodes[bind.port]), f"{number}: {message}")
                    if number % 10 == 0 or number == UPDATES - 1:
                        wanted = zone_of(bind.port)
                        self.assertEqual(zone_of(ours.port), wanted, f"{number}: {message}")
                        self.assertEqual(zone_of(knot.port), wanted, f"{number}: {message}")


class SignedElsewhere(unittest.TestCase):
    def follow(self, denial):
        numbers = random.Random(12)
        with tempfile.TemporaryDirectory() as folder:
            knot = Knot(folder, {ZONE: None})
            ours = Server({ZONE: None}, zone_settings={ZONE: {
                "primaries": [f"{ADDRESS}@{knot.port}"], "transfer_to": [ADDRESS]}})
            knot.zone_lines = """    dnssec-signing: on
    dnssec-policy: csk
    notify: ours
"""
            knot.sections = f"""policy:
  - id: csk
    single-type-signing: on
    nsec3: {denial}
remote:
  - id: ours
    address: {ADDRESS}@{ours.port}
"""
            with knot, ours:
                control = Control(ours)
                wait_until("ready", lambda: control.is_up() and control.status()["ready"])
                for _ in range(4):
                    for _ in range(8):
                        dns.query.tcp(random_update(numbers), ADDRESS, port=knot.port, timeout=60)
                    wait_until("the same zone", lambda: zone_of(ours.port) == zone_of(knot.port))
                history = ours.run("zone", "history", ZONE, "--config", str(ours.config)).stdout
                self.assertGreater(history.count("IXFR from"), 2, history)
                self.assertNotIn("could not be had", ours.log_text())

    def test_with_nsec(self):
        self.follow("off")

    def test_with_nsec3(self):
        self.follow("on")


if __name__ == "__main__":
    unittest.main()
