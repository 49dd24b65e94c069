# SPDX-License-Identifier: GPL-3.0-or-later
"""Knot, BIND and PowerDNS as providers of one zone, each a host of a sealed network, and a
validating resolver that asks all of them.
"""
import os
import shutil
import subprocess
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import network
import peers

ZONE = "net.example"
KEY = "transfer-key"
ALGORITHM = "hmac-sha256"
SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
ADDRESSES = {"ours": "192.0.2.1", "knot": "192.0.2.2", "bind": "192.0.2.3", "powerdns": "192.0.2.4",
             "resolver": "192.0.2.9"}
PORT = 53


def ask(address, name, rdtype, timeout=10, **keywords):
    """The reply of the host at `address`, or None."""
    query = dns.message.make_query(name, rdtype, **keywords)
    try:
        return dns.query.udp(query, address, timeout=timeout)
    except (dns.exception.DNSException, OSError):
        return None


def serial(address, flags=0):
    reply = ask(address, ZONE, "SOA", timeout=0.5, flags=flags)
    return reply.answer[0][0].serial if reply and reply.answer else None


class Provider(peers.Peer):
    """`primary` is the address of the one that signs the zone, `secondaries` the others'."""
    flags = 0  # in questions
    host, address, port = None, None, PORT

    def __init__(self, hub, directory, primary=None, secondaries=()):
        super().__init__(directory, {})
        self.hub, self.primary, self.secondaries = hub, primary, secondaries
        self.port = PORT
        self.host = self.host or self.name
        self.address = self.address or ADDRESSES[self.host]

    def start(self):
        program = shutil.which(self.program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")
        if program is None:
            raise RuntimeError(f"{self.program} is not installed: ./dev test installs it")
        # Profiles for the installed path could forbid the test's folder.
        copy = shutil.copy(program, self.path(os.path.basename(program)))
        with open(self.path("log"), "wb") as log:
            self.process = subprocess.Popen(
                self.hub.within(self.host, [copy, *self.command()]), stdout=log, stderr=log,
                cwd=self.directory)
        return self

    def wait_serving(self):
        deadline = time.monotonic() + peers.READY_SECONDS
        while serial(self.address, self.flags) is None:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} does not serve the zone:\n{self.log_tail()}")
            time.sleep(0.05)


class Knot(Provider):
    name = "knot"
    program = "knotd"

    def command(self):
        others = [self.primary] if self.primary else self.secondaries
        lines = ["server:", f"  listen: {self.address}@{PORT}", f"  rundir: {self.directory}"]
        lines += ["  udp-workers: 1", "  tcp-workers: 1", "  background-workers: 1"]
        lines += ["database:", f"  storage: {self.directory}"]
        lines += ["log:", "  - target: stderr", "    any: info"]
        lines += ["key:", f"  - id: {KEY}", f"    algorithm: {ALGORITHM}", f"    secret: {SECRET}"]
        lines += ["remote:"]
        for other in others:
            lines += [f"  - id: r{other}", f"    address: {other}", f"    key: {KEY}"]
        lines += ["acl:", "  - id: others", f"    address: [{', '.join(others)}]"]
        lines += [f"    key: {KEY}"]
        lines += ["    action: " + ("notify" if self.primary else "transfer")]
        lines += ["  - id: test", f"    address: {network.HUB}", "    action: transfer"]
        lines += ["  - id: update", f"    key: {KEY}", "    action: update"]
        lines += ["policy:", "  - id: csk", "    single-type-signing: on", "    nsec3: off"]
        lines += ["zone:", f"  - domain: {ZONE}", f"    file: {self.path('zone')}"]
        lines += [f"    storage: {self.directory}"]
        if self.primary:
            lines += [f"    master: r{self.primary}", "    acl: [others, test]"]
        else:
            lines += ["    acl: [others, test, update]", "    dnssec-signing: on"]
            lines += ["    dnssec-policy: csk", "    zonefile-sync: -1"]
            lines += ["    zonefile-load: difference-no-serial", "    journal-content: all"]
            lines += ["    notify: [" + ", ".join(f"r{other}" for other in others) + "]"]
        return ["-c", self.write("knot.conf", "\n".join(lines) + "\n")]


class Bind(Provider):
    name = "bind"
    program = "named"

    def command(self):
        lines = [f'key "{KEY}" {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};']
        lines += ["options {", f"  listen-on {{ {self.address}; }};"]
        lines += ["  listen-on-v6 { none; };", f'  directory "{self.directory}";']
        lines += [f'  pid-file "{self.path("pid")}";', "  recursion no;", "  allow-query { any; };"]
        lines += [f'  session-keyfile "{self.path("session.key")}";', "  dnssec-validation no;"]
        lines += ["  min-refresh-time 1; min-retry-time 1;"]
        lines += ["  empty-zones-enable no;", "};", "controls {};", f'zone "{ZONE}" {{']
        lines += ["  type secondary;", '  file "zone";', "  notify no;"]
        lines += [f"  primaries {{ {self.primary} key {KEY}; }};"]
        lines += [f"  allow-transfer {{ {network.HUB}; }};", "};"]
        return ["-4", "-g", "-n", "1", "-c", self.write("named.conf", "\n".join(lines) + "\n")]


class PowerDns(Provider):
    name = "powerdns"
    program = "pdns_server"

    def command(self):
        self.write("pdns.conf", f"""launch=lmdb
lmdb-filename={self.path("pdns.lmdb")}
local-address={self.address}
allow-axfr-ips={network.HUB}
secondary=yes
xfr-cycle-interval=1
zone-cache-refresh-interval=0
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
security-poll-suffix=
daemon=no
guardian=no
socket-dir={self.directory}
""")
        self.util("import-tsig-key", KEY, ALGORITHM, SECRET)
        self.util("create-secondary-zone", ZONE, self.primary)
        self.util("activate-tsig-key", ZONE, KEY, "secondary")
        return [f"--config-dir={self.directory}"]

    def util(self, *arguments):
        program = shutil.which("pdnsutil", path="/usr/bin:/usr/sbin")
        subprocess.run([program, f"--config-dir={self.directory}", *arguments],
                       capture_output=True, check=True, timeout=60)


class Resolver(Provider):
    """Keeps nothing, so that each question asks some of the providers, and each is validated."""
    name = "resolver"
    program = "unbound"
    flags = dns.flags.RD

    def __init__(self, hub, directory, anchor, upstreams):
        super().__init__(hub, directory)
        self.anchor, self.upstreams = anchor, upstreams

    def command(self):
        lines = ["server:", f"  interface: {self.address}", "  do-daemonize: no", '  chroot: ""']
        lines += ['  username: ""', f'  directory: "{self.directory}"', "  use-syslog: no"]
        lines += [f'  pidfile: "{self.path("pid")}"', "  num-threads: 1", "  do-ip6: no"]
        lines += [f"  access-control: {network.HUB}/32 allow", "  val-log-level: 2"]
        lines += ['  module-config: "validator iterator"', f'  trust-anchor: "{self.anchor}"']
        lines += ["  cache-max-ttl: 0", "  cache-max-negative-ttl: 0", "  qname-minimisation: no"]
        lines += ["  infra-host-ttl: 1", '  target-fetch-policy: "0 0 0 0 0"']
        lines += ["stub-zone:", f'  name: "{ZONE}"', "  stub-no-cache: yes"]
        lines += [f"  stub-addr: {upstream}" for upstream in self.upstreams]
        return ["-c", self.write("unbound.conf", "\n".join(lines) + "\n")]
