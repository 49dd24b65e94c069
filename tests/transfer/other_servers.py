# SPDX-License-Identifier: GPL-3.0-or-later
"""BIND, Knot and NSD from Debian with one zone, as its primary or its secondary, with TSIG.

The lines of configuration are those that docs/operating.md gives.
"""
import pathlib
import signal
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "interop"))

import peers

ADDRESS = peers.ADDRESS
KEY = "transfer-key"
ALGORITHM = "hmac-sha256"
SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


class Other:
    """Mixed into a Peer: `role` is "primary" or "secondary", `other_port` ours. A primary has the
    zone's text in `zone_file`."""
    zone = "t.example"
    algorithm = ALGORITHM

    def __init__(self, directory, role, other_port):
        super().__init__(directory, {self.zone: None})
        self.role = role
        self.other_port = other_port
        self.zone_file = self.path("t.example.zone")

    def put_zone(self, text):
        pathlib.Path(self.zone_file).write_text(text)

    def reload(self):
        self.process.send_signal(signal.SIGHUP)


class Bind(Other, peers.Bind):
    def command(self):
        lines = [f'key "{KEY}" {{ algorithm {self.algorithm}; secret "{SECRET}"; }};']
        lines += ["options {", f"  listen-on port {self.port} {{ {ADDRESS}; }};"]
        lines += ["  listen-on-v6 { none; };", f'  directory "{self.directory}";']
        lines += [f'  pid-file "{self.path("pid")}";', "  recursion no;", "  allow-query { any; };"]
        lines += [f'  session-keyfile "{self.path("session.key")}";', "  dnssec-validation no;"]
        lines += ["  empty-zones-enable no;", "};", "controls {};", f'zone "{self.zone}" {{']
        if self.role == "primary":
            lines += ["  type primary;", f'  file "{self.zone_file}";']
            lines += ["  ixfr-from-differences yes;", "  notify explicit;"]
            lines += [f"  allow-transfer {{ key {KEY}; }};"]
            lines += [f"  also-notify {{ {ADDRESS} port {self.other_port} key {KEY}; }};"]
        else:
            lines += ["  type secondary;", f'  file "{self.zone_file}";', "  notify no;"]
            lines += [f"  primaries {{ {ADDRESS} port {self.other_port} key {KEY}; }};"]
        lines += ["};"]
        config = self.write("named.conf", "\n".join(lines) + "\n")
        return ["-4", "-g", "-n", "1", "-c", config]


class Knot(Other, peers.Knot):
    def command(self):
        lines = ["server:", f"  listen: {ADDRESS}@{self.port}", f"  rundir: {self.directory}"]
        lines += ["  udp-workers: 1", "  tcp-workers: 1", "  background-workers: 1"]
        lines += ["database:", f"  storage: {self.directory}"]
        lines += ["log:", "  - target: stderr", "    any: info"]
        lines += ["key:", f"  - id: {KEY}", f"    algorithm: {self.algorithm}"]
        lines += [f"    secret: {SECRET}"]
        lines += ["remote:", "  - id: other", f"    address: {ADDRESS}@{self.other_port}"]
        lines += [f"    key: {KEY}", "acl:", "  - id: other", f"    address: {ADDRESS}"]
        lines += [f"    key: {KEY}"]
        lines += ["    action: " + ("transfer" if self.role == "primary" else "notify")]
        lines += ["zone:", f"  - domain: {self.zone}", f"    file: {self.zone_file}"]
        lines += ["    acl: other"]
        if self.role == "primary":
            lines += ["    notify: other", "    zonefile-load: difference", "    zonefile-sync: -1"]
        else:
            lines += ["    master: other"]
        config = self.write("knot.conf", "\n".join(lines) + "\n")
        return ["-c", config]


class Nsd(Other, peers.Nsd):
    def command(self):
        lines = ["server:", f"  ip-address: {ADDRESS}@{self.port}", '  username: ""']
        lines += [f'  zonesdir: "{self.directory}"', '  database: ""', "  server-count: 1"]
        lines += [f'  pidfile: "{self.path("pid")}"', f'  xfrdfile: "{self.path("xfrd.state")}"']
        lines += [f'  zonelistfile: "{self.path("zone.list")}"', "  xfrd-reload-timeout: 0"]
        lines += [f'  cookie-secret-file: "{self.path("cookies")}"']
        lines += ["remote-control:", "  control-enable: no"]
        lines += ["key:", f'  name: "{KEY}"', f"  algorithm: {self.algorithm}"]
        lines += [f'  secret: "{SECRET}"']
        lines += ["zone:", f'  name: "{self.zone}"', f'  zonefile: "{self.zone_file}"']
        if self.role == "primary":
            lines += [f"  notify: {ADDRESS}@{self.other_port} {KEY}"]
            lines += [f"  provide-xfr: {ADDRESS} {KEY}", "  store-ixfr: yes", "  create-ixfr: yes"]
        else:
            lines += [f"  request-xfr: {ADDRESS}@{self.other_port} {KEY}"]
            lines += [f"  allow-notify: {ADDRESS} {KEY}"]
        config = self.write("nsd.conf", "\n".join(lines) + "\n")
        return ["-d", "-c", config]
