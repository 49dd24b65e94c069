#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Catalog zones (RFC 9432) between this server and Knot and BIND from Debian, both ways. BIND makes
none itself: as a producer it serves one that is written by hand. Debian's NSD 4.6 knows none.

The lines of configuration are those that docs/operating.md gives.
"""
import pathlib
import signal
import tempfile
import unittest

from interop_test import KEYS, ask  # and where to find what follows
import dns.exception
import dns.rcode
import peers
from control_client import Control, wait_until
from harness import Server
from other_servers import ADDRESS, ALGORITHM, KEY, SECRET

CATALOG = "cat.test"
ZONE = "@ 3600 SOA ns1 host 1 3600 600 864000 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\n"


def rcode(port, zone):
    try:
        reply = ask(port, zone, "SOA", tries=1)
    except (dns.exception.Timeout, OSError):
        return None  # it has not come up yet
    return dns.rcode.to_text(reply.rcode()) if not reply.answer else "NOERROR"


class Other:
    """`role` is "producer" or "consumer"; a producer has `members`."""

    def __init__(self, directory, role, other_port):
        super().__init__(directory, {})
        self.role, self.other_port, self.members = role, other_port, []
        self.serial = 1
        pathlib.Path(self.path("zone")).write_text(ZONE)

    def apply(self):
        self.command()
        self.process.send_signal(signal.SIGHUP)


class Knot(Other, peers.Knot):
    def command(self):
        lines = ["server:", f"  listen: {ADDRESS}@{self.port}", f"  rundir: {self.directory}"]
        lines += ["  udp-workers: 1", "  tcp-workers: 1", "  background-workers: 1"]
        lines += ["database:", f"  storage: {self.directory}"]
        lines += ["log:", "  - target: stderr", "    any: info"]
        lines += ["key:", f"  - id: {KEY}", f"    algorithm: {ALGORITHM}", f"    secret: {SECRET}"]
        lines += ["remote:", "  - id: other", f"    address: {ADDRESS}@{self.other_port}"]
        lines += [f"    key: {KEY}", "acl:", "  - id: other", f"    address: {ADDRESS}"]
        lines += [f"    key: {KEY}", "    action: [transfer, notify]"]
        lines += ["template:", "  - id: default", f"    storage: {self.directory}"]
        lines += ["  - id: member", "    master: other", "    acl: other"]
        lines += [f"    storage: {self.directory}"]
        lines += ["zone:", f"  - domain: {CATALOG}", "    acl: other"]
        if self.role == "producer":
            lines += ["    catalog-role: generate", "    notify: other"]
            for member in self.members:
                lines += [f"  - domain: {member}", f"    file: {self.path('zone')}"]
                lines += ["    zonefile-sync: -1", "    acl: other", "    catalog-role: member"]
                lines += [f"    catalog-zone: {CATALOG}", "    catalog-group: g"]
        else:
            lines += ["    master: other", "    catalog-role: interpret"]
            lines += ["    catalog-template: member"]
        return ["-c", self.write("knot.conf", "\n".join(lines) + "\n")]


class Bind(Other, peers.Bind):
    def command(self):
        lines = [f'key "{KEY}" {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};']
        lines += ["options {", f"  listen-on port {self.port} {{ {ADDRESS}; }};"]
        lines += ["  listen-on-v6 { none; };", f'  directory "{self.directory}";']
        lines += [f'  pid-file "{self.path("pid")}";', "  recursion no;", "  allow-query { any; };"]
        lines += [f'  session-keyfile "{self.path("session.key")}";', "  dnssec-validation no;"]
        lines += ["  empty-zones-enable no;", "  notify explicit;"]
        lines += [f"  allow-transfer {{ key {KEY}; }};"]
        if self.role == "consumer":
            lines += [f'  catalog-zones {{ zone "{CATALOG}"']
            lines += [f"    default-primaries {{ {ADDRESS} port {self.other_port} key {KEY}; }}"]
            lines += ["    in-memory yes min-update-interval 1; };"]
        lines += ["};", "controls {};", f'zone "{CATALOG}" {{']
        if self.role == "consumer":
            lines += ["  type secondary;", '  file "catalog";']
            lines += [f"  primaries {{ {ADDRESS} port {self.other_port} key {KEY}; }};", "};"]
        else:
            lines += ["  type primary;", '  file "catalog";']
            lines += [f"  also-notify {{ {ADDRESS} port {self.other_port} key {KEY}; }};", "};"]
            for member in self.members:
                lines += [f'zone "{member}" {{ type primary; file "zone"; }};']
            self.write_catalog()
        return ["-4", "-g", "-n", "1", "-c", self.write("named.conf", "\n".join(lines) + "\n")]

    def write_catalog(self):
        self.serial += 1
        lines = [f"@ 0 SOA invalid. invalid. {self.serial} 3600 600 2147483646 0"]
        lines += ["@ 0 NS invalid.", 'version 0 TXT "2"']
        for i, member in enumerate(self.members):
            lines += [f"{member.replace('.', '-')}.zones 0 PTR {member}."]
            lines += [f"group.{member.replace('.', '-')}.zones 0 TXT \"g{i}\""]
        self.write("catalog", "\n".join(lines) + "\n")


class Interop:
    other = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def start(self, server):
        server.__enter__()
        self.addCleanup(server.__exit__)
        control = Control(server)
        wait_until("ready", lambda: control.is_up() and control.status()["ready"])

    def wait(self, port, zone, wanted, *logs):
        try:
            wait_until(f"{zone} {wanted}", lambda: rcode(port, zone) == wanted)
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(log() for log in logs)) from None

    def test_they_follow_ours(self):
        ours = Server({f"{name}.test": ZONE for name in "abc"}, keys=KEYS)
        other = self.other(self.folder, "consumer", ours.port)
        ours.tables = [("published_catalog", {
            "name": CATALOG, "transfer_to": [f"{ADDRESS} {KEY}"],
            "notify": [f"{ADDRESS}@{other.port} {KEY}"]})]
        member = {"transfer_to": [f"{ADDRESS} {KEY}"], "catalog": CATALOG, "catalog_group": "g"}
        ours.zone_settings = {"a.test": member, "b.test": member}
        ours.write_config()
        self.start(ours)
        logs = (ours.log_text, other.log_tail)
        with other:
            self.wait(other.port, "a.test", "NOERROR", *logs)
            self.wait(other.port, "b.test", "NOERROR", *logs)
            ours.zone_settings = {"a.test": member, "c.test": member}
            ours.write_config()
            ours.run("reload", "--config", str(ours.config), check=True)
            self.wait(other.port, "c.test", "NOERROR", *logs)
            self.wait(other.port, "b.test", "REFUSED", *logs)

    def test_ours_follows_theirs(self):
        ours = Server({CATALOG: None}, keys=KEYS)
        other = self.other(self.folder, "producer", ours.port)
        remote = f"{ADDRESS}@{other.port} {KEY}"
        ours.zone_settings = {CATALOG: {"primaries": [remote]}}
        ours.tables = [("catalog", {"name": CATALOG, "primaries": [remote]})]
        ours.write_config()
        other.members = ["a.test", "b.test"]
        logs = (ours.log_text, other.log_tail)
        with other:
            self.start(ours)
            self.wait(ours.port, "a.test", "NOERROR", *logs)
            self.wait(ours.port, "b.test", "NOERROR", *logs)
            other.members = ["a.test", "c.test"]
            other.apply()
            self.wait(ours.port, "c.test", "NOERROR", *logs)
            self.wait(ours.port, "b.test", "REFUSED", *logs)


class WithKnot(Interop, unittest.TestCase):
    other = Knot


class WithBind(Interop, unittest.TestCase):
    other = Bind


if __name__ == "__main__":
    unittest.main()
