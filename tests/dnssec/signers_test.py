#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One zone signed by us, BIND, Knot and PowerDNS at once (RFC 8901, model 2): they join, all
replace their ZSKs, they leave. All the while whatever a resolver has from one server validates with
what it has from another, control being killed at each step."""
import json
import os
import pathlib
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "control"))

import dns.dnssec
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import other_signers
from control_client import Control
from harness import Server
from other_signers import CHILD, ZONE, ask, served, signature_tag
from parent_zone import Parent, records, wait_until

# Without the second of propagation a TTL counted in whole seconds may be over at once.
POLICY = {"name": "p", "keys": "ksk+zsk", "dnskey_ttl_s": 1, "ttl_max_s": 1, "ds_ttl_s": 1,
          "propagation_s": 1}
SKEW_S = 0.5  # half of what resolvers keep a record for
# Phases in which its servers are asked by resolvers, or may be.
ASKED = ("ds", "name-servers", "joined", "leaving-name-servers")


class FourSigners(unittest.TestCase):
    def setUp(self):
        self.parent = Parent("multi")
        self.parent.server.zone_settings = {"test": {"policy": "default"}}
        self.parent.server.write_config()
        self.parent.server.__enter__()
        self.addCleanup(self.parent.server.__exit__)
        self.others = [kind() for kind in (other_signers.BIND, other_signers.Knot,
                                           other_signers.PowerDNS)]
        for other in self.others:
            other.start()
            self.addCleanup(other.stop)
        self.signers = [f"{other.name} 127.0.0.1@{other.port} {other.name_server}"
                        for other in self.others]
        self.ours = Server({CHILD: ZONE.format(serial=1, ns="ns")},
                           zone_settings={CHILD: {"policy": "p"}})
        self.set_policy(self.signers)
        self.ours.__enter__()
        self.addCleanup(self.ours.__exit__)
        self.seen, self.phases = [], {}
        self.tags = {}  # of all keys that were served
        self.resolver = None
        self.asked = 0
        self.parent.follow([self.ours.ask(CHILD, "CDS")])
        for other in self.others:
            wait_until(f"{other.name} to sign", lambda: len(served(other.port, "DNSKEY")) == 2,
                       text=other.log_tail)

    def set_policy(self, signers, **more):
        self.ours.tables = [("policy", {**POLICY, "parents": [self.parent.address],
                                        "signers": signers, **more})]
        self.ours.write_config()

    def holdfast(self, *arguments):
        wait_until("control", self.control_pid)
        done = self.ours.run(*arguments, "--config", str(self.ours.config))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def ports(self, others):
        return [self.ours.port, *(other.port for other in others)]

    def parent_follows(self, ports):
        self.parent.follow([ask(port, "CDS") for port in ports])
        ns = [served(port, "NS") for port in ports]
        if all(of == ns[0] for of in ns) and ns[0] and ns[0] != self.parent.ns:
            self.parent.ns = ns[0]
            self.parent.publish()

    # --- what resolvers see

    def judge(self, ports):
        """Whatever server DNSKEY came from, and whatever server the answer."""
        def signed(port, rdtype, name=CHILD):
            sections = {rrset.rdtype: rrset for rrset in ask(port, rdtype, name).answer}
            return sections[dns.rdatatype.from_text(rdtype)], sections[dns.rdatatype.RRSIG]
        begun = time.monotonic()
        ds = [rrset for rrset in self.parent.server.ask(CHILD, "DS").answer][0]
        data = [signed(port, rdtype, name) for port in ports
                for rdtype, name in (("SOA", CHILD), ("A", f"www.{CHILD}"))]
        key_sets = [signed(port, "DNSKEY") for port in ports]
        took_s = time.monotonic() - begun
        self.tags.update((key.to_text(), dns.dnssec.key_id(key))
                         for keys, _ in key_sets for key in keys)
        try:
            self.validate(ds, data, key_sets)
        except (dns.dnssec.ValidationFailure, ValueError):  # the latter: no key for the DS
            # Asked one after the other, they tell of no moment once this takes long.
            if took_s <= SKEW_S:
                raise

    @staticmethod
    def validate(ds, data, key_sets):
        for keys, signatures in key_sets:
            trusted = [key for key in keys for one in ds
                       if dns.dnssec.make_ds(keys.name, key, one.digest_type) == one]
            anchor = {keys.name: dns.rrset.from_rdata_list(keys.name, keys.ttl, trusted)}
            dns.dnssec.validate(keys, signatures, anchor)
            for rrset, its_signatures in data:
                dns.dnssec.validate(rrset, its_signatures, {keys.name: keys})

    def resolve(self):
        """By unbound, with its cache, names that exist and one that does not."""
        self.asked += 1
        for name, rcode in ((f"www.{CHILD}", dns.rcode.NOERROR),
                            (f"no{self.asked}.{CHILD}", dns.rcode.NXDOMAIN)):
            query = dns.message.make_query(name, "A", want_dnssec=True)
            reply = dns.query.udp(query, "127.0.0.1", port=self.resolver.port, timeout=20)
            self.assertEqual(reply.rcode(), rcode, reply.to_text())
            self.assertTrue(reply.flags & dns.flags.AD, reply.to_text())

    def restart_resolver(self, ports):
        if self.resolver:
            self.resolver.stop()
        ds = self.parent.server.run("key", "ds", "test", "--config",
                                    str(self.parent.server.config)).stdout.strip()
        self.resolver = other_signers.Unbound(ds, self.parent.server.port, ports).start()
        address = ("127.0.0.1", self.resolver.port)
        wait_until("unbound", lambda: socket.create_connection(address, 1).close() is None)
        wait_until("an answer", lambda: self.resolve() is None)

    # --- the way

    def status(self):
        return json.loads(self.holdfast("key", "status", CHILD, "--json"))

    def control_pid(self):
        try:
            return Control(self.ours).status()["control"]["pid"]
        except (OSError, ValueError):  # it was killed a moment ago
            return None

    def note_phases(self):
        """Control is killed each time that a signer is the first to come to a phase."""
        self.phases = {signer["name"]: signer["phase"] for signer in self.status()["signers"]}
        for phase in self.phases.values():
            if phase in self.seen:
                continue
            self.seen.append(phase)
            os.kill(wait_until("control", self.control_pid), signal.SIGKILL)
            if phase == "leaving-ds":  # nobody asks the others any more
                self.restart_resolver([self.ours.port])

    def live_until(self, what, condition, brings_over=True):
        """Runs the operators and the judges until the condition holds."""
        def turn():
            self.note_phases()
            self.judge(self.ports(other for other in self.others
                                  if other.name_server in self.parent.ns))
            self.resolve()
            for other in self.others:
                if brings_over:
                    other.bring(self.ours.port)
                other.go_on(self.ports(self.others))
            self.parent_follows(self.ports(other for other in self.others
                                           if self.phases[other.name] in ASKED))
            return condition()
        wait_until(what, turn, 180, lambda: "\n".join([
            str(self.status()), self.ours.log_text(), *(of.log_tail() for of in self.others)]))

    def are_all(self, phase):
        return set(self.phases.values()) == {phase}

    def test_they_join_and_roll_and_leave(self):
        try:
            self.join_and_roll_and_leave()
        except AssertionError:
            # Each makes its keys by chance, and none but ours minds those of the others.
            if len(set(self.tags.values())) < len(self.tags):
                self.skipTest("two of the keys have one tag")
            raise

    def join_and_roll_and_leave(self):
        self.restart_resolver([self.ours.port])
        self.addCleanup(lambda: self.resolver.stop())
        # Nothing is believed before a key of theirs is known.
        wait_until("them to be asked", lambda: all(
            "no known key" in signer["waits_for"] for signer in self.status()["signers"]))
        for other in self.others:
            self.holdfast("key", "import", CHILD, other.known_key(), "--foreign", other.name)
        self.holdfast("reload")
        self.live_until("all to have joined", lambda: self.are_all("joined"))
        self.assertEqual(self.seen[:3], ["keys", "ds", "name-servers"])
        self.assertEqual(len(self.parent.ds), 4)

        self.restart_resolver(self.ports(self.others))
        ours = served(self.ours.port, "DNSKEY")
        zsk = signature_tag(self.ours.port, "SOA")
        for lifetime_s in (1, 0):  # it has reached its age; the next is not to
            self.set_policy(self.signers, zsk_lifetime_s=lifetime_s)
            self.holdfast("reload")
        # Ours waits as long as the others do not have it.
        begun = time.monotonic()
        self.live_until("time to pass", lambda: time.monotonic() - begun > 2, brings_over=False)
        self.assertEqual(signature_tag(self.ours.port, "SOA"), zsk)
        theirs = {other: other.signs_with() for other in self.others}
        for other in self.others:
            other.roll()
        self.live_until("our ZSK to take over",
                        lambda: signature_tag(self.ours.port, "SOA") != zsk)
        self.live_until("theirs to take over", lambda: all(
            other.signs_with() != tag for other, tag in theirs.items()))

        self.set_policy([])
        self.holdfast("reload")
        self.live_until("all to have left", lambda: self.are_all("left"))
        begun = self.seen.index("leaving-name-servers")
        self.assertEqual(self.seen[begun + 1], "leaving-ds")
        wait_until("their keys to go", lambda: len(served(self.ours.port, "DNSKEY")) <= 3)
        for other in self.others:
            self.assertFalse(set(served(self.ours.port, "DNSKEY")) & other.own_keys())
            self.holdfast("key", "forget", CHILD, other.name)
        self.assertEqual(len(self.parent.ds), 1)
        self.assertNotEqual(set(ours), set(served(self.ours.port, "DNSKEY")))
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
        wait_until("both to have joined", both_joined, 120,
                   lambda: first.log_text() + second.log_text())
        for rdtype, count in (("DNSKEY", 4), ("CDS", 2), ("CDNSKEY", 2), ("NS", 2)):
            served = [records(server.ask(CHILD, rdtype, use_edns=0, tcp=True), rdtype)
                      for server in (first, second)]
            self.assertEqual(served[0], served[1])
            self.assertEqual(len(served[0]), count)


if __name__ == "__main__":
    unittest.main()
