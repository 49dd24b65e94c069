#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One zone signed by us and by BIND at once (RFC 8901, model 2): BIND joins, both replace their
ZSK, BIND leaves. All the while whatever a resolver has from one server validates with what it has
from the other, control being killed at each step."""
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "control"))

import dns.dnssec
import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.update
from control_client import Control
from harness import Server, free_port
from parent_zone import Parent, records, wait_until

CHILD = "multi.test"
ZONE = """$TTL 1
@ SOA ns admin {serial} 7200 3600 1209600 1
@ NS {ns}
ns A 127.0.0.1
ns2 A 127.0.0.1
www A 192.0.2.1
"""
POLICY = {"name": "p", "algorithm": "ed25519", "keys": "ksk+zsk", "dnskey_ttl_s": 1,
          "ttl_max_s": 1, "ds_ttl_s": 1, "propagation_s": 0}
NAMED = """options {{ directory "{folder}"; listen-on port {port} {{ 127.0.0.1; }};
  listen-on-v6 {{ none; }}; recursion no; pid-file none; session-keyfile none; }};
key "k" {{ algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"; }};
controls {{ inet 127.0.0.1 port {control} allow {{ 127.0.0.1; }} keys {{ "k"; }}; }};
dnssec-policy fast {{
  keys {{ ksk lifetime unlimited algorithm 15; zsk lifetime unlimited algorithm 15; }};
  dnskey-ttl PT1S; publish-safety PT2S; retire-safety PT1S; zone-propagation-delay PT1S;
  max-zone-ttl PT1S; parent-ds-ttl PT1S; parent-propagation-delay PT1S; }};
zone "multi.test" {{ type primary; file "multi.zone"; dnssec-policy fast;
  allow-update {{ 127.0.0.1; }}; }};
"""
RNDC = """key "k" {{ algorithm hmac-sha256; secret "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"; }};
options {{ default-key "k"; default-server 127.0.0.1; default-port {control}; }};
"""
UNBOUND = """server:
  interface: 127.0.0.1@{port}
  directory: "{folder}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  local-zone: "test." nodefault
  trust-anchor: "{ds}"
  cache-max-negative-ttl: 1
remote-control:
  control-enable: no
stub-zone:
  name: "test"
  stub-addr: 127.0.0.1@{parent}
stub-zone:
  name: "multi.test"
{servers}"""


class Program:
    """A server of somebody else, in a folder of its own."""

    def __init__(self, command, files):
        self.folder = tempfile.TemporaryDirectory(prefix="holdfast-signers-")
        self.path = pathlib.Path(self.folder.name)
        self.port, self.control = free_port(), free_port()
        for name, text in files(self).items():
            (self.path / name).write_text(text)
        self.log = open(self.path / "log", "wb")
        self.process = subprocess.Popen(command(self), stdout=self.log, stderr=self.log,
                                        cwd=self.path)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)
        self.log.close()
        self.folder.cleanup()


def named():
    return Program(lambda of: ["named", "-g", "-c", str(of.path / "named.conf")],
                   lambda of: {"named.conf": NAMED.format(folder=of.path, port=of.port,
                                                          control=of.control),
                               "rndc.conf": RNDC.format(control=of.control),
                               "multi.zone": ZONE.format(serial=1, ns="ns")})


def unbound(ds, parent, servers):
    lines = "".join(f"  stub-addr: 127.0.0.1@{port}\n" for port in servers)
    return Program(lambda of: ["unbound", "-d", "-c", str(of.path / "unbound.conf")],
                   lambda of: {"unbound.conf": UNBOUND.format(
                       port=of.port, folder=of.path, ds=ds, parent=parent, servers=lines)})


class TwoSigners(unittest.TestCase):
    def setUp(self):
        self.parent = Parent("multi")
        self.parent.server.zone_settings = {"test": {"policy": "default"}}
        self.parent.server.write_config()
        self.parent.server.__enter__()
        self.addCleanup(self.parent.server.__exit__)
        self.bind = named()
        self.addCleanup(self.bind.stop)
        self.signer = f"bind 127.0.0.1@{self.bind.port} ns2.{CHILD}"
        self.ours = Server({CHILD: ZONE.format(serial=1, ns="ns")},
                           zone_settings={CHILD: {"policy": "p"}})
        self.set_policy([self.signer])
        self.ours.__enter__()
        self.addCleanup(self.ours.__exit__)
        self.phase, self.seen = "", []
        self.resolvers = []
        self.asked = 0
        self.parent.follow([self.ours.ask(CHILD, "CDS")])
        wait_until("BIND to sign", lambda: len(self.dnskeys(self.bind.port)) == 2)
        self.their_ksk = next(self.bind.path.glob("Kmulti*.key"))
        for file in self.bind.path.glob("Kmulti*.key"):
            if " 257 3 " in file.read_text():
                self.their_ksk = file

    def set_policy(self, signers, **more):
        self.ours.tables = [("policy", {**POLICY, "parents": [self.parent.address],
                                        "signers": signers, **more})]
        self.ours.write_config()

    def holdfast(self, *arguments):
        done = self.ours.run(*arguments, "--config", str(self.ours.config))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def ask(self, port, rdtype, name=CHILD):
        query = dns.message.make_query(name, rdtype, want_dnssec=True, flags=0)
        return dns.query.tcp(query, "127.0.0.1", port=port, timeout=3)

    def dnskeys(self, port):
        return records(self.ask(port, "DNSKEY"), "DNSKEY")

    def signed(self, port, rdtype, name=CHILD):
        reply = self.ask(port, rdtype, name)
        sections = {rrset.rdtype: rrset for rrset in reply.answer}
        return sections[dns.rdatatype.from_text(rdtype)], sections[dns.rdatatype.RRSIG]

    # --- what the operators do

    def their_own(self):
        """BIND's keys, from its files."""
        texts = [file.read_text().split("DNSKEY ")[1].split()
                 for file in self.bind.path.glob("Kmulti*.key")]
        return {" ".join(words[:3]) + " " + "".join(words[3:]) for words in texts}

    def bring_over(self):
        """Gives BIND our ZSKs, our CDS and our NS, as a provider's interface would."""
        own = self.their_own()
        def compact(text):
            words = text.split()
            return " ".join(words[:3]) + " " + "".join(words[3:])
        update = dns.update.Update(CHILD)
        def bring(rdtype, wanted):
            there = records(self.ask(self.bind.port, rdtype), rdtype)
            for text in wanted:
                if text not in there:
                    update.add("@", 1, rdtype, text)
            for text in there:
                if text not in wanted and compact(text) not in own and rdtype != "CDS":
                    update.delete("@", rdtype, text)
        bring("DNSKEY", [text for text in self.dnskeys(self.ours.port)
                         if text.startswith("256 ") and compact(text) not in own])
        bring("CDS", records(self.ask(self.ours.port, "CDS"), "CDS"))
        bring("NS", records(self.ask(self.ours.port, "NS"), "NS"))
        if update.update:
            reply = dns.query.tcp(update, "127.0.0.1", port=self.bind.port, timeout=5)
            self.assertEqual(reply.rcode(), dns.rcode.NOERROR)

    def rndc(self, *arguments):
        subprocess.run(["rndc", "-c", str(self.bind.path / "rndc.conf"), *arguments], check=True,
                       capture_output=True, timeout=20)

    def bind_signs(self):
        """The key by which it signs what has changed now; it looks at its keys before, which it
        does by itself once an hour or so."""
        self.rndc("loadkeys", CHILD)
        self.asked += 1
        update = dns.update.Update(CHILD)
        update.replace("tick", 1, "TXT", str(self.asked))
        dns.query.tcp(update, "127.0.0.1", port=self.bind.port, timeout=5)
        return self.signed(self.bind.port, "TXT", f"tick.{CHILD}")[1][0].key_tag

    def parent_follows(self, ports):
        self.parent.follow([self.ask(port, "CDS") for port in ports])
        ns = [records(self.ask(port, "NS"), "NS") for port in ports]
        if all(of == ns[0] for of in ns) and ns[0] and ns[0] != self.parent.ns:
            self.parent.ns = ns[0]
            self.parent.publish()

    # --- what resolvers see

    def judge(self, ports):
        """Whatever server DNSKEY came from, and whatever server the answer."""
        ds = [rrset for rrset in self.parent.server.ask(CHILD, "DS").answer][0]
        for of_keys in ports:
            keys, signatures = self.signed(of_keys, "DNSKEY")
            trusted = [key for key in keys for one in ds
                       if dns.dnssec.make_ds(keys.name, key, one.digest_type) == one]
            anchor = {keys.name: dns.rrset.from_rdata_list(keys.name, keys.ttl, trusted)}
            dns.dnssec.validate(keys, signatures, anchor)
            for of_data in ports:
                for rdtype, name in (("SOA", CHILD), ("A", f"www.{CHILD}")):
                    dns.dnssec.validate(*self.signed(of_data, rdtype, name), {keys.name: keys})

    def resolve(self):
        """By unbound, with its cache, names that exist and one that does not."""
        for resolver in self.resolvers:
            self.asked += 1
            for name, rcode in ((f"www.{CHILD}", dns.rcode.NOERROR),
                                (f"no{self.asked}.{CHILD}", dns.rcode.NXDOMAIN)):
                query = dns.message.make_query(name, "A", want_dnssec=True)
                reply = dns.query.udp(query, "127.0.0.1", port=resolver.port, timeout=2)
                self.assertEqual(reply.rcode(), rcode, reply.to_text())
                self.assertTrue(reply.flags & dns.flags.AD, reply.to_text())

    # --- the way

    def status(self):
        return json.loads(self.holdfast("key", "status", CHILD, "--json"))

    def state(self):
        return self.status()["signers"][0]

    def live_until(self, what, condition, brings_over=True):
        """Runs the operators and the judges until the condition holds; control is killed each time
        that the signer comes to another phase."""
        def turn():
            phase = self.state()["phase"]
            if phase != self.phase:
                self.phase = phase
                self.seen.append(phase)
                os.kill(Control(self.ours).status()["control"]["pid"], signal.SIGKILL)
                if phase == "leaving-ds":  # nobody asks BIND any more
                    self.restart_resolver([self.ours.port])
            both = [self.ours.port, self.bind.port]
            asked = both if f"ns2.{CHILD}." in self.parent.ns else [self.ours.port]
            self.judge(asked)
            self.resolve()
            if brings_over:
                self.bring_over()
            self.parent_follows(both if phase not in ("keys", "left", "leaving-ds")
                                else [self.ours.port])
            return condition()
        wait_until(what, turn, 60, lambda: f"{self.status()}\n{self.ours.log_text()}")

    def restart_resolver(self, ports):
        for resolver in self.resolvers:
            resolver.stop()
        ds = self.parent.server.run("key", "ds", "test", "--config",
                                    str(self.parent.server.config)).stdout.strip()
        self.resolvers = [unbound(ds, self.parent.server.port, ports)]
        self.addCleanup(lambda resolver=self.resolvers[0]: resolver.process.poll() is None
                        and resolver.stop())
        address = ("127.0.0.1", self.resolvers[0].port)
        wait_until("unbound", lambda: socket.create_connection(address, 1).close() is None)
        wait_until("an answer", lambda: self.resolve() is None)

    def test_bind_joins_both_roll_and_bind_leaves(self):
        self.restart_resolver([self.ours.port])
        # Nothing is believed before a key of its is known.
        wait_until("BIND to be asked", lambda: "no known key" in self.state()["waits_for"])
        self.holdfast("key", "import", CHILD, str(self.their_ksk), "--foreign", "bind")
        self.holdfast("reload")
        self.live_until("BIND to have joined", lambda: self.state()["phase"] == "joined")
        self.assertEqual(self.seen[:3], ["keys", "ds", "name-servers"])
        self.assertEqual(len(self.parent.ds), 2)

        self.restart_resolver([self.ours.port, self.bind.port])
        ours = self.dnskeys(self.ours.port)
        zsk = self.signed(self.ours.port, "SOA")[1][0].key_tag
        for lifetime_s in (1, 0):  # it has reached its age; the next is not to
            self.set_policy([self.signer], zsk_lifetime_s=lifetime_s)
            self.holdfast("reload")
        theirs = self.signed(self.bind.port, "SOA")[1][0].key_tag
        self.rndc("dnssec", "-rollover", "-key", str(theirs), CHILD)
        # Ours waits as long as BIND does not have it.
        begun = time.monotonic()
        self.live_until("time to pass", lambda: time.monotonic() - begun > 2, brings_over=False)
        self.assertEqual(self.signed(self.ours.port, "SOA")[1][0].key_tag, zsk)
        self.live_until("our ZSK to take over",
                        lambda: self.signed(self.ours.port, "SOA")[1][0].key_tag != zsk)
        self.live_until("BIND's ZSK to take over", lambda: self.bind_signs() != theirs)

        self.set_policy([])
        self.holdfast("reload")
        self.live_until("BIND to have left", lambda: self.state()["phase"] == "left")
        begun = self.seen.index("leaving-name-servers")
        self.assertEqual(self.seen[begun + 1], "leaving-ds")
        wait_until("its keys to go", lambda: len(self.dnskeys(self.ours.port)) <= 3)
        self.assertFalse(set(self.dnskeys(self.ours.port)) & self.their_own())
        self.assertEqual(len(self.parent.ds), 1)
        self.assertNotEqual(set(ours), set(self.dnskeys(self.ours.port)))
        self.holdfast("key", "forget", CHILD, "bind")
        self.assertEqual(self.status()["signers"], [])


class TwoOfUs(unittest.TestCase):
    def test_they_join_once_one_knows_a_key_of_the_other(self):
        """One has the delegation, whose DS vouches for it; the other comes."""
        parent = Parent("multi")
        self.addCleanup(parent.server.__exit__)
        first, second = (Server({CHILD: ZONE.format(serial=1, ns=ns)},
                                zone_settings={CHILD: {"policy": "p"}}) for ns in ("ns", "ns2"))
        for server, other in ((first, f"second 127.0.0.1@{second.port} ns2.{CHILD}"),
                              (second, f"first 127.0.0.1@{first.port} ns.{CHILD}")):
            self.addCleanup(server.__exit__)
            server.tables = [("policy", {**POLICY, "parents": [parent.address],
                                         "signers": [other]})]
            server.write_config()
        for server in (parent.server, first, second):
            server.start()
        parent.follow([first.ask(CHILD, "CDS")])
        key = next(file for file in (second.state / "keys").rglob("K*.key")
                   if " 257 3 " in file.read_text())
        for command in (("key", "import", CHILD, str(key), "--foreign", "second"), ("reload",)):
            done = first.run(*command, "--config", str(first.config))
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

        def state(server):
            done = server.run("key", "status", CHILD, "--json", "--config", str(server.config))
            return json.loads(done.stdout)["signers"][0]

        def both_joined():
            states = [state(server) for server in (first, second)]
            if states[0]["phase"] != "keys":
                parent.follow([server.ask(CHILD, "CDS") for server in (first, second)])
                ns = records(first.ask(CHILD, "NS"), "NS")
                if ns != parent.ns:
                    parent.ns = ns
                    parent.publish()
            return all(of["phase"] == "joined" and not of["waits_for"] for of in states)
        wait_until("both to have joined", both_joined, 60,
                   lambda: first.log_text() + second.log_text())
        for rdtype, count in (("DNSKEY", 4), ("CDS", 2), ("CDNSKEY", 2), ("NS", 2)):
            served = [records(server.ask(CHILD, rdtype, use_edns=0, tcp=True), rdtype)
                      for server in (first, second)]
            self.assertEqual(served[0], served[1])
            self.assertEqual(len(served[0]), count)


if __name__ == "__main__":
    unittest.main()
