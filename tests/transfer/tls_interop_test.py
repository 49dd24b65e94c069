#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One zone in step over TLS (RFC 9103) with BIND and NSD from Debian, both ways, strict and mutual
where they can, and AXFR by kdig. Debian's Knot 3.2 has no transfers over TLS.

The lines of configuration are those that docs/operating.md gives.
"""
import subprocess
import unittest

from interop_test import KEYS, ZONE, Interop, zone_text  # and where to find what follows
from certificates import Authority
from harness import Server, free_port
from other_servers import ADDRESS, ALGORITHM, KEY, SECRET, Bind, Nsd


class TlsBind(Bind):
    def command(self):
        lines = [f'key "{KEY}" {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};']
        lines += ["tls own {", f'  cert-file "{self.own.certificate}";']
        lines += [f'  key-file "{self.own.key}";', f'  ca-file "{self.ca}";']
        lines += ["  protocols { TLSv1.3; };", "};"]
        lines += ["tls holdfast {", f'  cert-file "{self.own.certificate}";']
        lines += [f'  key-file "{self.own.key}";', f'  ca-file "{self.ca}";']
        lines += ['  remote-hostname "ns.ours.test";', "  protocols { TLSv1.3; };", "};"]
        lines += ["options {", f"  listen-on port {self.port} {{ {ADDRESS}; }};"]
        lines += [f"  listen-on port {self.tls_port} tls own {{ {ADDRESS}; }};"]
        lines += ["  listen-on-v6 { none; };", f'  directory "{self.directory}";']
        lines += [f'  pid-file "{self.path("pid")}";', "  recursion no;", "  allow-query { any; };"]
        lines += [f'  session-keyfile "{self.path("session.key")}";', "  dnssec-validation no;"]
        lines += ["  empty-zones-enable no;", "};", "controls {};", f'zone "{self.zone}" {{']
        if self.role == "primary":
            lines += ["  type primary;", f'  file "{self.zone_file}";']
            lines += ["  ixfr-from-differences yes;", "  notify explicit;"]
            lines += [f"  allow-transfer port {self.tls_port} transport tls {{ key {KEY}; }};"]
            lines += [f"  also-notify {{ {ADDRESS} port {self.other_port} key {KEY}; }};"]
        else:
            lines += ["  type secondary;", f'  file "{self.zone_file}";', "  notify no;"]
            lines += [f"  primaries {{ {ADDRESS} port {self.ours_tls} key {KEY} tls holdfast; }};"]
        lines += ["};"]
        return ["-4", "-g", "-n", "1", "-c", self.write("named.conf", "\n".join(lines) + "\n")]


class TlsNsd(Nsd):
    def command(self):
        lines = ["server:", f"  ip-address: {ADDRESS}@{self.port}", '  username: ""']
        lines += [f"  ip-address: {ADDRESS}@{self.tls_port}", f"  tls-port: {self.tls_port}"]
        lines += [f'  tls-service-key: "{self.own.key}"']
        lines += [f'  tls-service-pem: "{self.own.certificate}"', f'  tls-cert-bundle: "{self.ca}"']
        lines += [f'  zonesdir: "{self.directory}"', '  database: ""', "  server-count: 1"]
        lines += [f'  pidfile: "{self.path("pid")}"', f'  xfrdfile: "{self.path("xfrd.state")}"']
        lines += [f'  zonelistfile: "{self.path("zone.list")}"', "  xfrd-reload-timeout: 0"]
        lines += [f'  cookie-secret-file: "{self.path("cookies")}"']
        lines += ["remote-control:", "  control-enable: no"]
        lines += ["key:", f'  name: "{KEY}"', f"  algorithm: {ALGORITHM}", f'  secret: "{SECRET}"']
        lines += ["tls-auth:", '  name: "holdfast"', '  auth-domain-name: "ns.ours.test"']
        lines += [f'  client-cert: "{self.own.certificate}"', f'  client-key: "{self.own.key}"']
        lines += ["zone:", f'  name: "{self.zone}"', f'  zonefile: "{self.zone_file}"']
        if self.role == "primary":
            lines += [f"  notify: {ADDRESS}@{self.other_port} {KEY}"]
            lines += [f"  provide-xfr: {ADDRESS} {KEY}", "  store-ixfr: yes", "  create-ixfr: yes"]
        else:
            lines += [f"  request-xfr: {ADDRESS}@{self.ours_tls} {KEY} holdfast"]
            lines += [f"  allow-notify: {ADDRESS} {KEY}"]
        return ["-d", "-c", self.write("nsd.conf", "\n".join(lines) + "\n")]


class TlsInterop(Interop):
    needs_alpn = True

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder, "ca")
        self.ours = self.authority.issue("ns.ours.test")
        self.theirs = self.authority.issue("ns.theirs.test")
        self.ours_tls, self.theirs_tls = free_port(), free_port()

    def make(self, zones):
        return Server(
            zones, {"server": {"listen_tls": [f"{ADDRESS}@{self.ours_tls}"]},
                    "tls": {"certificate": self.ours.certificate, "key": self.ours.key}},
            keys=KEYS, tls_peers=[{"name": "theirs", "hostname": "ns.theirs.test",
                                   "ca": self.authority.certificate,
                                   "needs_alpn": self.needs_alpn}])

    def make_other(self, role, port):
        other = self.other(self.folder, role, port)
        other.own, other.ca = self.theirs, self.authority.certificate
        other.ours_tls, other.tls_port = self.ours_tls, self.theirs_tls
        return other

    def test_as_primary(self):
        ours = self.make({ZONE: zone_text(1, "a A 192.0.2.11")})
        other = self.make_other("secondary", ours.port)
        ours.zone_settings = {ZONE: {"transfer_to": [f"{ADDRESS} {KEY} tls=theirs"],
                                     "notify": [f"{ADDRESS}@{other.port} {KEY}"]}}
        self.give(ours, other)

    def test_as_secondary(self):
        ours = self.make({ZONE: None})
        other = self.make_other("primary", ours.port)
        ours.zone_settings = {ZONE: {"primaries": [f"{ADDRESS}@{self.theirs_tls} {KEY} "
                                                   "tls=theirs"]}}
        self.take(ours, other)


class WithBind(TlsInterop, unittest.TestCase):
    other = TlsBind


class WithNsd(TlsInterop, unittest.TestCase):
    other = TlsNsd
    needs_alpn = False  # NSD 4.6 takes no notice of it


class WithKdig(TlsInterop, unittest.TestCase):
    test_as_secondary = None

    def test_as_primary(self):
        ours = self.make({ZONE: zone_text(5, "a A 192.0.2.11")})
        ours.zone_settings = {ZONE: {"transfer_to": [f"{ADDRESS} {KEY} tls=theirs"]}}
        ours.write_config()
        self.start(ours)
        whole = ["kdig", f"@{ADDRESS}", "-p", str(self.ours_tls), ZONE, "AXFR",
                 f"+tls-ca={self.authority.certificate}", "+tls-hostname=ns.ours.test",
                 f"+tls-certfile={self.theirs.certificate}", f"+tls-keyfile={self.theirs.key}",
                 "-y", f"{ALGORITHM}:{KEY}:{SECRET}"]
        done = subprocess.run(whole, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.stdout.count("\tTXT\t"), 2000, done.stdout[-500:] + done.stderr)
        pinned = [*whole[:6], f"+tls-pin={self.ours.pin}", *whole[-2:]]
        done = subprocess.run(pinned, capture_output=True, text=True, timeout=60, check=False)
        self.assertIn("REFUSED", done.stdout + done.stderr)  # it has not proved who it is


if __name__ == "__main__":
    unittest.main()
