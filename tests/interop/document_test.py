#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What docs/operating.md says of a second provider, as it stands there: each block of lines is
given to the server that it is for, on hosts with the page's addresses, and changes must arrive.

What is added is only what an installed server has in its files anyway: where it listens and where
its folders are.
"""
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control"), str(TESTS / "transfer")]

import dns.message
import dns.query
import dns.tsigkeyring
import document
import network
import providers
from certificates import Authority
from control_client import Control, wait_until
from harness import Server

OURS, THEIRS = "192.0.2.1", "192.0.2.2"
ZONE, CATALOG = "example.com", "catalog.example"
PRIMARY, SECONDARY = "Holdfast as primary", "Holdfast as secondary"
TLS = "Over TLS, Holdfast as "
MANY = "Many zones, Holdfast as "
SIGNERS = "With BIND, Knot or PowerDNS"  # run by tests/dnssec/signers_test.py


def zone_text(number):
    return (f"@ 300 SOA ns1 host {number} 3600 600 864000 300\n@ 300 NS ns1\n"
            f"ns1 300 A 192.0.2.1\nwww 300 A 10.0.0.{number}\n")


def address_of(server, zone=ZONE):
    """What the server at that address says of www."""
    reply = providers.ask(server, f"www.{zone}", "A", timeout=0.3, flags=0)
    return str(reply.answer[0][0]) if reply and reply.answer else None


class Holdfast(Server):
    """With the configuration of a section of the page."""

    def __init__(self, hub, folder, section, change=lambda text: text):
        self.hub = hub
        self.folder = pathlib.Path(folder) / "ours"
        (self.folder / "zones").mkdir(parents=True)
        for key in ("transfer-key", "hosted-key"):
            (self.folder / key).write_text(document.SECRET + "\n")
        self.text = change(document.block(section, "Holdfast", "/etc/holdfast/holdfast.toml",
                                          self.folder))
        super().__init__({})
        self.address, self.port = OURS, providers.PORT
        self.control = Control(self)

    def write_config(self):
        head = f'[server]\nlisten = ["{OURS}"]\nworkers = 1\nstate = "{self.state}"\n'
        is_said = "[server]\n" in self.text
        text = self.text.replace("[server]\n", head) if is_said else head + self.text
        self.config.write_text(text + '[metrics]\nlisten = ""\n')

    def serve_command(self):
        return self.hub.within("ours", super().serve_command())

    def put_zone(self, number, name=ZONE):
        (self.folder / "zones" / f"{name}.zone").write_text(zone_text(number))

    def reload(self):
        self.run("reload", "--config", str(self.config), check=True)

    def start(self):
        super().start()
        wait_until("ready", lambda: self.control.is_up() and self.control.status()["ready"])


class Theirs(providers.Provider):
    """Another server with the lines that a section has for it."""
    host, address = "theirs", THEIRS
    file = ""

    def __init__(self, hub, folder, section):
        self.section = section
        super().__init__(hub, folder)

    def lines(self, file=None):
        return document.block(self.section, type(self).__name__, file or self.file, self.directory)

    def put_zone(self, number):
        self.write(f"{ZONE}.zone", zone_text(number))

    def reload(self):
        self.process.send_signal(signal.SIGHUP)


class BIND(Theirs):
    name = "bind"
    program = "named"
    file = "named.conf"

    def command(self):
        lines = self.lines()
        own = re.search(r"^options \{\n(.*?)^\};\n", lines, re.MULTILINE | re.DOTALL)
        options = own.group(1) if own else ""
        rest = lines.replace(own.group(0), "") if own else lines
        # What is an hour at least unless said otherwise would be waited for here.
        options = options.replace("in-memory yes;", "in-memory yes min-update-interval 1;")
        return ["-4", "-g", "-n", "1", "-c", self.write("named.conf", f"""options {{
  listen-on {{ {THEIRS}; }};
  listen-on-v6 {{ none; }};
  directory "{self.directory}";
  pid-file "{self.path("pid")}";
  session-keyfile "{self.path("session.key")}";
  recursion no;
  dnssec-validation no;
{options}}};
controls {{}};
{rest}""")]


class Knot(Theirs):
    name = "knot"
    program = "knotd"
    file = "knot.conf"

    def command(self):
        return ["-c", self.write("knot.conf", f"""server:
  listen: {THEIRS}
  rundir: {self.directory}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: {self.directory}
log:
  - target: stderr
    any: info
template:
  - id: default
    storage: {self.directory}
{self.lines()}""")]


class NSD(Theirs):
    name = "nsd"
    program = "nsd"
    file = "nsd.conf"

    def command(self):
        return ["-d", "-c", self.write("nsd.conf", f"""server:
  ip-address: {THEIRS}
  username: ""
  zonesdir: "{self.directory}"
  database: ""
  pidfile: "{self.path("pid")}"
  xfrdfile: "{self.path("xfrd.state")}"
  zonelistfile: "{self.path("zone.list")}"
  cookie-secret-file: "{self.path("cookies")}"
  server-count: 1
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
{self.lines()}""")]


class PowerDNS(Theirs):
    name = "powerdns"
    program = "pdns_server"
    file = "pdns.conf"

    def command(self):
        self.write("pdns.conf", f"""launch=lmdb
lmdb-filename={self.path("pdns.lmdb")}
local-address={THEIRS}
security-poll-suffix=
socket-dir={self.directory}
zone-cache-refresh-interval=1
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
{self.lines()}""")
        for line in self.lines("commands").splitlines():
            self.util(*shlex.split(line, comments=True)[1:])
        return ["--daemon=no", "--guardian=no", f"--config-dir={self.directory}"]

    def util(self, *arguments):
        if not arguments:
            return
        program = shutil.which("pdnsutil", path="/usr/bin:/usr/sbin")
        subprocess.run([program, f"--config-dir={self.directory}", *arguments], check=True,
                       capture_output=True, timeout=60, cwd=self.directory)

    def reload(self):
        self.util("load-zone", ZONE, f"{ZONE}.zone")


class Page(unittest.TestCase):
    """Subclasses have `kind`, and a test for each section in which that has lines."""
    hub = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="holdfast-document-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        if not Page.hub:
            Page.hub = network.Network()
            self.hub.add("ours", OURS)
            self.hub.add("theirs", THEIRS)

    def begin(self, server, *waits_for):
        self.addCleanup(server.__exit__)
        server.start()
        if waits_for:
            self.wait(server.address, *waits_for)

    def wait(self, address, wanted, zone=ZONE):
        try:
            wait_until(f"{zone} at {address}", lambda: address_of(address, zone) == wanted)
        except AssertionError as error:
            logs = [self.ours.log_text(), self.theirs.log_tail()]
            raise AssertionError("\n".join([str(error), *logs])) from None

    def certify(self):
        authority = Authority(self.folder, "ca")
        for server, folder in (("ours", self.ours.folder), ("theirs", self.theirs.directory)):
            issued = authority.issue(f"ns.{server}.example")
            for file, name in ((issued.certificate, "chain.pem"), (issued.key, "key.pem"),
                               (authority.certificate, "ca.pem")):
                shutil.copy(file, os.path.join(folder, name))

    def make(self, section, **change):
        self.ours = Holdfast(self.hub, self.folder, section, **change)
        self.theirs = self.kind(self.hub, self.folder, section)

    def give(self):
        """From ours to theirs."""
        self.ours.put_zone(1)
        self.begin(self.ours, "10.0.0.1")
        self.begin(self.theirs, "10.0.0.1")
        self.ours.put_zone(2)
        self.ours.reload()
        self.wait(THEIRS, "10.0.0.2")

    def take(self):
        """From theirs to ours."""
        self.theirs.put_zone(1)
        self.begin(self.theirs, "10.0.0.1")
        self.begin(self.ours, "10.0.0.1")
        self.theirs.put_zone(2)
        self.theirs.reload()
        self.wait(OURS, "10.0.0.2")


class Plain(Page):
    def test_primary(self):
        self.make(PRIMARY)
        self.give()

    def test_secondary(self):
        self.make(SECONDARY)
        self.take()


class Tls(Plain):
    def test_primary_over_tls(self):
        self.make(TLS + "primary")
        self.certify()
        self.give()

    def test_secondary_over_tls(self):
        self.make(TLS + "secondary", change=self.without_alpn)
        self.certify()
        self.take()

    def without_alpn(self, text):
        wanted = re.search("^needs_alpn = false +# for NSD .*\n", text, re.MULTILINE)
        self.assertIsNotNone(wanted)
        return text if self.kind is NSD else text.replace(wanted.group(0), "")


class Many(Plain):
    def test_many_as_primary(self):
        self.make(MANY + "primary", change=self.for_members)
        self.ours.put_zone(1)
        self.begin(self.ours, "10.0.0.1")
        self.begin(self.theirs, "10.0.0.1")
        self.ours.put_zone(2, "second.example")
        self.ours.reload()
        self.wait(THEIRS, "10.0.0.2", "second.example")

    def for_members(self, text):
        head, members = text.split("[[zones]]")
        if self.kind is PowerDNS:
            members = members.replace('transfer_to = [', 'transfer_to = ["192.0.2.2", ')
        return f"{head}[[zones]]{members}"


class ManyFollowed(Many):
    def test_many_as_secondary(self):
        self.make(MANY + "secondary")
        self.theirs.put_zone(1)
        self.begin(self.theirs, "10.0.0.1")
        self.begin(self.ours)
        self.wait(OURS, "10.0.0.1")


class WithBind(Tls, Many):
    kind = BIND


class WithKnot(ManyFollowed):
    kind = Knot


class WithNsd(Tls):
    kind = NSD


class WithPowerDns(ManyFollowed):
    kind = PowerDNS


class Hosted(Page):
    """A provider that only asks and listens, at the addresses of the page."""

    def test_hosted(self):
        told, keyring = {}, dns.tsigkeyring.from_text({"hosted-key": document.SECRET})
        for host in ("203.0.113.5", "203.0.113.77"):
            network.ip("address", "add", f"{host}/32", "dev", "hub")
            told[host] = self.listen(host, keyring)
        subprocess.run(self.hub.within("ours", ["ip", "route", "add", "203.0.113.0/24", "dev",
                                                "eth0"]), check=True)
        self.ours = Holdfast(self.hub, self.folder, "Hosted providers")
        self.ours.put_zone(1)
        self.begin(self.ours, "10.0.0.1")
        self.ours.put_zone(2)
        self.ours.reload()
        wait_until("both are told", lambda: all(2 in serials for serials in told.values()))
        for host, key in (("203.0.113.5", keyring), ("203.0.113.77", None)):
            messages = dns.query.xfr(OURS, ZONE, source=host, keyring=key, relativize=False)
            self.assertEqual(next(iter(messages)).answer[0][0].serial, 2)
        with self.assertRaises(dns.query.TransferError):  # its key is missing
            list(dns.query.xfr(OURS, ZONE, source="203.0.113.5", relativize=False))

    def listen(self, host, keyring):
        """The serials of NOTIFY messages that come to the host."""
        serials = []
        inbox = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        inbox.bind((host, providers.PORT))
        self.addCleanup(inbox.close)

        def run():
            while True:
                wire, _ = inbox.recvfrom(4096)
                serials.append(dns.message.from_wire(wire, keyring=keyring)
                               .answer[0][0].serial)
        threading.Thread(target=run, daemon=True).start()
        return serials


class Whole(unittest.TestCase):
    def test_no_block_is_left_out(self):
        kinds = {kind.__name__: kind for kind in (BIND, Knot, NSD, PowerDNS)}
        tests = {"BIND": WithBind, "Knot": WithKnot, "NSD": WithNsd, "PowerDNS": WithPowerDns}
        run_by = {PRIMARY: "test_primary", SECONDARY: "test_secondary",
                  TLS + "primary": "test_primary_over_tls",
                  TLS + "secondary": "test_secondary_over_tls",
                  MANY + "primary": "test_many_as_primary",
                  MANY + "secondary": "test_many_as_secondary"}
        for section, blocks in document.SECTIONS.items():
            if section == SIGNERS:
                continue
            for server, file in blocks:
                if server == "Holdfast":
                    self.assertIn(section, {*run_by, "Hosted providers"})
                    continue
                self.assertIn(file, (kinds[server].file, "commands"))
                self.assertTrue(hasattr(tests[server], run_by[section]), f"{server}: {section}")


if __name__ == "__main__":
    network.run_sealed(unittest.main)
