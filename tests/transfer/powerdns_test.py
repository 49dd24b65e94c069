#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""PowerDNS from Debian with one zone, as its primary or its secondary, with TSIG and NOTIFY, and as
producer and consumer of catalogs. It sends no IXFR.

The lines of configuration are those that docs/operating.md gives.
"""
import pathlib
import shutil
import subprocess
import unittest

from interop_test import KEYS, ZONE, Interop, ask, serial, zone_text
import peers
from catalog_interop_test import CATALOG, ZONE as MEMBER, rcode
from control_client import wait_until
from harness import Server
from other_servers import ADDRESS, ALGORITHM, KEY, SECRET


class PowerDns(peers.Peer):
    name = "powerdns"
    program = "pdns_server"

    def __init__(self, directory):
        super().__init__(directory, {})
        self.write("pdns.conf", f"""launch=lmdb
lmdb-filename={self.path("pdns.lmdb")}
local-address={ADDRESS}
local-port={self.port}
primary=yes
secondary=yes
xfr-cycle-interval=1
zone-cache-refresh-interval=1
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
security-poll-suffix=
daemon=no
guardian=no
socket-dir={self.directory}
""")
        self.util("import-tsig-key", KEY, ALGORITHM, SECRET)

    def command(self):
        return [f"--config-dir={self.directory}"]

    def util(self, *arguments):
        program = shutil.which("pdnsutil", path="/usr/bin:/usr/sbin")
        done = subprocess.run([program, f"--config-dir={self.directory}", *arguments],
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise AssertionError(f"pdnsutil {' '.join(arguments)}: {done.stdout}{done.stderr}")

    def load(self, zone, text):
        file = pathlib.Path(self.write("zone", text))
        self.util("load-zone", zone, str(file))

    def make_primary(self, zone, text, other_port):
        self.load(zone, text)
        self.util("set-kind", zone, "primary")
        self.util("set-meta", zone, "TSIG-ALLOW-AXFR", KEY)
        self.util("set-meta", zone, "ALSO-NOTIFY", f"{ADDRESS}:{other_port}")

    def make_secondary(self, zone, other_port):
        self.util("create-secondary-zone", zone, f"{ADDRESS}:{other_port}")
        self.util("activate-tsig-key", zone, KEY, "secondary")


class WithPowerDns(unittest.TestCase):
    setUp = Interop.setUp
    start = Interop.start
    wait_serial = Interop.wait_serial

    def wait(self, port, zone, wanted, *logs):
        try:
            wait_until(f"{zone} {wanted}", lambda: rcode(port, zone) == wanted)
        except AssertionError as error:
            raise AssertionError(f"{error}\n" + "\n".join(log() for log in logs)) from None

    def test_as_primary(self):
        ours = Server({ZONE: zone_text(1, "a A 192.0.2.11")}, keys=KEYS)
        other = PowerDns(self.folder)
        other.make_secondary(ZONE, ours.port)
        ours.zone_settings = {ZONE: {"transfer_to": [f"{ADDRESS} {KEY}"],
                                     "notify": [f"{ADDRESS}@{other.port} {KEY}"]}}
        ours.write_config()
        self.start(ours)
        logs = (ours.log_text, other.log_tail)
        with other:
            wait_until("up", lambda: rcode(other.port, ZONE))
            self.wait_serial(other.port, 1, *logs)
            ours.zones[ZONE] = zone_text(2, "b A 192.0.2.12")
            ours.write_config()
            ours.run("reload", "--config", str(ours.config), check=True)
            self.wait_serial(other.port, 2, *logs)
            self.assertEqual(len(ask(other.port, f"b.{ZONE}", "A").answer), 1)
            self.assertEqual(len(ask(other.port, f"n1999.{ZONE}", "TXT").answer), 1)

    def test_as_secondary(self):
        ours = Server({ZONE: None}, keys=KEYS)
        other = PowerDns(self.folder)
        other.make_primary(ZONE, zone_text(1, "a A 192.0.2.11"), ours.port)
        ours.zone_settings = {ZONE: {"primaries": [f"{ADDRESS}@{other.port} {KEY}"]}}
        ours.write_config()
        logs = (ours.log_text, other.log_tail)
        with other:
            wait_until("up", lambda: rcode(other.port, ZONE) == "NOERROR")
            self.start(ours)
            self.wait_serial(ours.port, 1, *logs)
            other.load(ZONE, zone_text(2, "b A 192.0.2.12"))
            self.wait_serial(ours.port, 2, *logs)
            self.assertEqual(len(ask(ours.port, f"b.{ZONE}", "A").answer), 1)

    def test_it_follows_our_catalog(self):
        ours = Server({f"{name}.test": MEMBER for name in "abc"}, keys=KEYS)
        other = PowerDns(self.folder)
        other.make_secondary(CATALOG, ours.port)
        other.util("set-kind", CATALOG, "consumer")
        ours.tables = [("published_catalog", {
            "name": CATALOG, "transfer_to": [f"{ADDRESS} {KEY}", ADDRESS],
            "notify": [f"{ADDRESS}@{other.port} {KEY}"]})]
        member = {"transfer_to": [ADDRESS], "catalog": CATALOG}
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

    def test_ours_follows_its_catalog(self):
        ours = Server({CATALOG: None}, keys=KEYS)
        other = PowerDns(self.folder)
        empty = "@ 0 SOA invalid. invalid. 1 3600 600 86400 0\n@ 0 NS invalid.\n"
        other.make_primary(CATALOG, empty, ours.port)
        other.util("set-kind", CATALOG, "producer")
        for zone in ("a.test", "b.test"):
            other.make_primary(zone, MEMBER, ours.port)
            other.util("set-catalog", zone, CATALOG)
        remote = f"{ADDRESS}@{other.port} {KEY}"
        ours.zone_settings = {CATALOG: {"primaries": [remote]}}
        ours.tables = [("catalog", {"name": CATALOG, "primaries": [remote]})]
        ours.write_config()
        logs = (ours.log_text, other.log_tail)
        with other:
            wait_until("up", lambda: rcode(other.port, "a.test") == "NOERROR")
            self.start(ours)
            self.wait(ours.port, "a.test", "NOERROR", *logs)
            self.wait(ours.port, "b.test", "NOERROR", *logs)
            other.util("set-catalog", "b.test", "")
            self.wait(ours.port, "b.test", "REFUSED", *logs)


if __name__ == "__main__":
    unittest.main()
