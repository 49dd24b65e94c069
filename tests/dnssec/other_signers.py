# SPDX-License-Identifier: GPL-3.0-or-later
"""BIND, Knot and PowerDNS from Debian as signers of one zone, with keys of their own; and unbound.

Their lines of configuration are those that docs/operating.md gives, with shorter times. What their
operators do there is done by `bring` and `go_on`.
"""
import pathlib
import shlex
import shutil
import subprocess
import sys
import tempfile
import time

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "interop")]

import dns.message
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import document
from harness import free_port
from parent_zone import records

CHILD = "multi.test"
NAMES = {"bind": "ns2", "knot": "ns3", "powerdns": "ns4"}  # ours is ns
ZONE = "\n".join(["$TTL 1", "@ SOA ns admin {serial} 7200 3600 1209600 1", "@ NS {ns}",
                  "ns A 127.0.0.1", *(f"{name} A 127.0.0.1" for name in NAMES.values()),
                  "www A 192.0.2.1"]) + "\n"
SECTION = "With BIND, Knot or PowerDNS"
KEY = "signer-key"
KEYRING = dns.tsigkeyring.from_text({KEY: document.SECRET})
# How long a key is known before it signs, so that all have it by then on any machine; and how long
# what was signed before may live in caches.
SAFETY_S, TTL_S = 5, 1


def ask(port, rdtype, name=CHILD):
    query = dns.message.make_query(name, rdtype, want_dnssec=True, flags=0)
    return dns.query.tcp(query, "127.0.0.1", port=port, timeout=20)


def served(port, rdtype):
    return records(ask(port, rdtype), rdtype)


def signature_tag(port, rdtype, name=CHILD):
    """The key that has signed it."""
    return next(rrset[0].key_tag for rrset in ask(port, rdtype, name).answer
                if rrset.rdtype == dns.rdatatype.RRSIG)


class Program:
    """A server of somebody else, in a folder of its own."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="holdfast-signers-")
        self.path = pathlib.Path(self.folder.name)
        self.port, self.control = free_port(), free_port()

    def write(self, name, text):
        (self.path / name).write_text(text)
        return str(self.path / name)

    def find(self, program):
        return shutil.which(program, path="/usr/bin:/usr/sbin:/bin:/sbin")

    def run(self, program, *arguments):
        done = subprocess.run([self.find(program), *arguments], capture_output=True, text=True,
                              timeout=60, cwd=self.path, check=False)
        if done.returncode != 0:
            raise AssertionError(f"{program} {arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def start(self):
        program, *arguments = self.command()
        with open(self.path / "log", "wb") as log:
            self.process = subprocess.Popen([self.find(program), *arguments], stdout=log,
                                            stderr=log, cwd=self.path)
        return self

    def stop(self):
        self.process.terminate()
        self.process.wait(60)
        self.folder.cleanup()

    def log_tail(self):
        return (self.path / "log").read_text(errors="replace")[-3000:]


class Signer(Program):
    """`brought` are the records of others that its operator has put in."""
    name = ""

    def __init__(self):
        super().__init__()
        self.name_server = f"{NAMES[self.name]}.{CHILD}."
        self.brought = {"DNSKEY": set(), "CDS": set()}
        self.write(f"{CHILD}.zone", ZONE.format(serial=1, ns="ns"))

    def lines(self, file):
        text = document.block(SECTION, type(self).__name__, file, self.path)
        return text.replace("example.com", CHILD).replace("192.0.2.1", "127.0.0.1")

    def own_keys(self):
        return set(served(self.port, "DNSKEY")) - self.brought["DNSKEY"]

    def known_key(self):
        """A file with its KSK, as the page says it is had."""
        return self.write("known.key", self.known_key_text())

    def bring(self, ours):
        """Gives it the ZSKs, CDS and NS that ours has."""
        update = dns.update.Update(CHILD, keyring=KEYRING, keyname=KEY, keyalgorithm="hmac-sha256")
        own = self.own_keys()
        zsks = {text for text in served(ours, "DNSKEY") if text.startswith("256 ")}
        for rdtype, wanted in (("DNSKEY", zsks - own), ("CDS", set(served(ours, "CDS")))):
            there, brought = set(served(self.port, rdtype)), self.brought[rdtype]
            for text in wanted - there:
                update.add("@", TTL_S, rdtype, text)
                brought.add(text)
            for text in (brought & there) - wanted:
                update.delete("@", rdtype, text)
        there, wanted = set(served(self.port, "NS")), set(served(ours, "NS"))
        for text in wanted - there:
            update.add("@", TTL_S, "NS", text)
        for text in there - wanted:
            update.delete("@", "NS", text)
        if update.update:
            self.send(update)

    def send(self, update):
        reply = dns.query.tcp(update, "127.0.0.1", port=self.port, timeout=60)
        if reply.rcode() != dns.rcode.NOERROR:
            raise AssertionError(f"{self.name}: {reply}\n{update}\n{self.log_tail()}")

    def roll(self):
        """Has it replace its ZSK."""

    def go_on(self, ports):
        """What is to be done for that later; `ports` are those of all servers."""

    def signs_with(self):
        return signature_tag(self.port, "SOA")


class BIND(Signer):
    name = "bind"

    def command(self):
        times = (f"  dnskey-ttl {TTL_S}; publish-safety {SAFETY_S}; retire-safety {TTL_S};\n"
                 f"  zone-propagation-delay {TTL_S}; max-zone-ttl {TTL_S}; parent-ds-ttl {TTL_S};\n"
                 f"  parent-propagation-delay {TTL_S};\n")
        rndc = f'key "rndc" {{ algorithm hmac-sha256; secret "{document.SECRET}"; }};\n'
        self.write("rndc.conf", f"""{rndc}options {{ default-key "rndc"; default-server 127.0.0.1;
  default-port {self.control}; }};
""")
        own = f"""{rndc}options {{ directory "{self.path}";
  listen-on port {self.port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }};
  recursion no; pid-file none; session-keyfile none; }};
controls {{ inet 127.0.0.1 port {self.control} allow {{ 127.0.0.1; }} keys {{ "rndc"; }}; }};
"""
        lines = self.lines("named.conf").replace('dnssec-policy "shared" {\n',
                                                 f'dnssec-policy "shared" {{\n{times}')
        return ["named", "-g", "-n", "1", "-c", self.write("named.conf", own + lines)]

    def rndc(self, *arguments):
        self.run("rndc", "-c", str(self.path / "rndc.conf"), *arguments)

    def known_key_text(self):
        return next(text for text in (file.read_text() for file in self.path.glob("K*.key"))
                    if " 257 3 " in text)

    def roll(self):
        self.rndc("dnssec", "-rollover", "-key", str(self.signs_with()), CHILD)

    def signs_with(self):
        """It looks at its keys once an hour or so, and signs with new ones what changes."""
        self.rndc("loadkeys", CHILD)
        update = dns.update.Update(CHILD, keyring=KEYRING, keyname=KEY, keyalgorithm="hmac-sha256")
        update.replace("tick", TTL_S, "TXT", str(time.monotonic()))
        self.send(update)
        return signature_tag(self.port, "TXT", f"tick.{CHILD}")


class Knot(Signer):
    name = "knot"

    def command(self):
        times = (f"    dnskey-ttl: {TTL_S}\n    zone-max-ttl: {TTL_S}\n"
                 f"    propagation-delay: {SAFETY_S}\n")
        lines = self.lines("knot.conf").replace("  - id: shared\n", f"  - id: shared\n{times}")
        self.config = self.write("knot.conf", f"""server:
  listen: 127.0.0.1@{self.port}
  rundir: {self.path}
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
control:
  listen: {self.path}/knot.sock
database:
  storage: {self.path}
log:
  - target: stderr
    any: info
template:
  - id: default
    storage: {self.path}
{lines}""")
        return ["knotd", "-c", self.config]

    def known_key_text(self):
        return self.run("keymgr", "-c", self.config, CHILD, "dnskey")

    def roll(self):
        self.run("knotc", "-s", f"{self.path}/knot.sock", "zone-key-rollover", CHILD, "zsk")


class PowerDNS(Signer):
    """Its keys are replaced by hand."""
    name = "powerdns"

    def command(self):
        self.write("pdns.conf", f"""launch=lmdb
lmdb-filename={self.path}/pdns.lmdb
local-address=127.0.0.1
local-port={self.port}
security-poll-suffix=
daemon=no
guardian=no
socket-dir={self.path}
zone-cache-refresh-interval=0
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
dnssec-key-cache-ttl=0
zone-metadata-cache-ttl=0
{self.lines("pdns.conf")}""")
        for line in self.lines("commands").splitlines():
            words = shlex.split(line, comments=True)
            if words:
                self.util(*words[1:])
        self.steps, self.since = [], 0
        return ["pdns_server", f"--config-dir={self.path}"]

    def util(self, *arguments):
        return self.run("pdnsutil", f"--config-dir={self.path}", *arguments)

    def known_key_text(self):
        return self.util("export-zone-dnskey", CHILD, "1")

    def roll(self):
        """The next one is known to all for a while, then signs; then the old one goes."""
        before = self.own_keys()
        old, new = "2", self.util("add-zone-key", CHILD, "zsk", "inactive", "published",
                                  "ecdsa256").strip()
        added = next(iter(self.own_keys() - before))
        self.steps = [
            (lambda ports: all(added in served(port, "DNSKEY") for port in ports),
             [("activate-zone-key", CHILD, new), ("deactivate-zone-key", CHILD, old)]),
            (lambda ports: True, [("remove-zone-key", CHILD, old)])]

    def go_on(self, ports):
        if not self.steps or not self.steps[0][0](ports):
            self.since = 0
            return
        self.since = self.since or time.monotonic()
        if time.monotonic() - self.since > 2 * TTL_S:
            for command in self.steps.pop(0)[1]:
                self.util(*command)
            self.since = 0


class Unbound(Program):
    """Validates what the servers at these ports say of the zone, and keeps it for its TTL."""

    def __init__(self, ds, parent, ports):
        super().__init__()
        self.ds, self.parent, self.ports = ds, parent, ports

    def command(self):
        servers = "".join(f"  stub-addr: 127.0.0.1@{port}\n" for port in self.ports)
        return ["unbound", "-d", "-c", self.write("unbound.conf", f"""server:
  interface: 127.0.0.1@{self.port}
  directory: "{self.path}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  local-zone: "test." nodefault
  trust-anchor: "{self.ds}"
  cache-max-negative-ttl: 1
remote-control:
  control-enable: no
stub-zone:
  name: "test"
  stub-addr: 127.0.0.1@{self.parent}
stub-zone:
  name: "{CHILD}"
{servers}""")]
