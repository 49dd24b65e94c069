#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A roll of keys, and the first CDS, wait for what the secondaries really serve. One of them gets
nothing unless it is told to: whatever a resolver has from one server validates with what it has
from the other, control being killed on the way; and each step comes once both are so far."""
import json
import os
import pathlib
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "control"))

import dns.dnssec
import dns.rdatatype
import dns.rrset
from control_client import Control
from harness import Server
from parent_zone import Parent, records, wait_until

CHILD = "child.test"
ZONE = ("$TTL 1\n@ SOA ns admin 1 7200 3600 1209600 1\n@ NS ns\nns A 127.0.0.1\n"
        "www A 192.0.2.1\n")
# Long enough for what is cached to matter, and no time in which all are taken to have a change.
TTL_S = 5
POLICY = {"name": "p", "keys": "ksk+zsk", "algorithm": "ed25519", "dnskey_ttl_s": TTL_S,
          "ttl_max_s": TTL_S, "ds_ttl_s": 1, "propagation_s": 0}
LONG_S = 7  # more than any of these


class Network(unittest.TestCase):
    def start(self, **zone_settings):
        self.parent = Parent("child")
        self.here = Server({CHILD: ZONE}, zone_settings={CHILD: {
            "transfer_to": ["127.0.0.1"], **zone_settings}})
        self.there = Server({CHILD: None}, zone_settings={CHILD: {
            "primaries": [f"127.0.0.1@{self.here.port}"]}})
        for server in (self.parent.server, self.here, self.there):
            self.addCleanup(server.__exit__)
        self.set_policy()
        for server in (self.parent.server, self.here, self.there):
            server.start()
        wait_until("the secondary to have the zone", lambda: self.answer(self.there, "SOA"))

    def set_policy(self, **more):
        self.here.tables = [("policy", {
            **POLICY, "parents": [self.parent.address],
            "secondaries": [f"127.0.0.1@{self.there.port}"], **more})]
        self.here.write_config()

    def holdfast(self, server, *arguments):
        done = server.run(*arguments, "--config", str(server.config))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def bring_over(self):
        self.holdfast(self.there, "zone", "refresh", CHILD)

    def answer(self, server, rdtype):
        reply = server.ask(CHILD, rdtype, want_dnssec=True, use_edns=0, tcp=True)
        sections = {rrset.rdtype: rrset for rrset in reply.answer}
        wanted = dns.rdatatype.from_text(rdtype)
        if wanted not in sections:
            return None
        return sections[wanted], sections.get(dns.rdatatype.RRSIG, ())

    def judge(self):
        """DNSKEY from either by the parent's DS, data from either by DNSKEY from either."""
        if not self.parent.ds:
            return
        servers = (self.here, self.there)
        begun = time.monotonic()
        ds = next(iter(self.parent.server.ask(CHILD, "DS").answer))
        data = [self.answer(server, "SOA") for server in servers]
        key_sets = [self.answer(server, "DNSKEY") for server in servers]
        took_s = time.monotonic() - begun
        try:
            self.validate(ds, data, key_sets)
        except (dns.dnssec.ValidationFailure, ValueError):  # the latter: no key for the DS
            # Asked one after the other, they tell of no moment once this takes long.
            if took_s <= TTL_S / 2:
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

    def live_for(self, seconds):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.judge()
            # A parent that looks at one server alone.
            self.parent.follow([self.here.ask(CHILD, "CDS")])
            time.sleep(0.1)

    def live_until(self, what, condition):
        def turn():
            self.live_for(0.1)
            return condition()
        wait_until(what, turn, text=lambda: self.here.log_text() + self.waits_for())

    def kill_control(self):
        control = Control(self.here)
        os.kill(control.status()["control"]["pid"], signal.SIGKILL)
        wait_until("control and its zone", lambda: control.is_up() and
                   control.zone(CHILD).get("serial"))

    def waits_for(self):
        return json.loads(self.holdfast(self.here, "key", "status", CHILD, "--json"))["waits_for"]

    def signed_with(self):
        return self.answer(self.here, "SOA")[1][0].key_tag

    def keys(self):
        return records(self.here.ask(CHILD, "DNSKEY", tcp=True), "DNSKEY")


class Rolls(Network):
    def setUp(self):
        self.start(policy="p")
        self.live_until("the first CDS", lambda: self.parent.ds)

    def begin_roll(self, key):
        """A key has reached its age; the next is not to."""
        self.set_policy(**{key: 1})
        self.holdfast(self.here, "reload")
        self.live_until("the successor", lambda: len(self.keys()) == 3)
        self.set_policy()
        self.holdfast(self.here, "reload")

    def test_a_zsk_waits_for_a_secondary_that_is_behind(self):
        zsk = self.signed_with()
        self.begin_roll("zsk_lifetime_s")
        self.live_for(LONG_S)
        self.kill_control()
        self.live_for(LONG_S)
        self.assertEqual(self.signed_with(), zsk, self.here.log_text())
        self.live_until("what it waits for", lambda: (
            f"127.0.0.1@{self.there.port} to serve key" in self.waits_for()))
        self.live_until("a line that it waits",
                        lambda: "roll-waits" in self.here.log_text(10**6))

        self.bring_over()
        self.live_until("the successor to sign", lambda: self.signed_with() != zsk)
        self.live_for(LONG_S)
        self.kill_control()
        self.live_for(LONG_S)
        self.assertEqual(len(self.keys()), 3, self.here.log_text())  # there it signs still
        self.live_until("what it waits for", lambda: (
            f"to have no signatures by key {zsk}" in self.waits_for()))

        self.bring_over()
        self.live_until("the old one to go", lambda: len(self.keys()) == 2)
        self.live_until("nothing to be waited for", lambda: self.waits_for() == "")

    def test_the_parent_is_not_told_of_a_ksk_that_a_secondary_does_not_have(self):
        ds = list(self.parent.ds)
        self.begin_roll("ksk_lifetime_s")
        self.live_for(LONG_S)
        self.kill_control()
        self.live_for(LONG_S)
        self.assertEqual(self.parent.ds, ds, self.here.log_text())

        self.bring_over()
        self.live_until("the parent to have the new one", lambda: self.parent.ds != ds)
        self.live_until("the old one to go", lambda: len(self.keys()) == 2)


class FirstCds(Network):
    def test_a_parent_is_not_told_of_a_zone_that_a_secondary_serves_unsigned(self):
        self.start()
        self.here.zone_settings[CHILD]["policy"] = "p"
        self.set_policy()
        self.holdfast(self.here, "reload")
        wait_until("signatures", lambda: len(self.keys()) == 2)
        self.live_for(LONG_S)
        self.kill_control()
        self.live_for(LONG_S)
        self.assertEqual(self.parent.ds, [], self.here.log_text())
        self.assertFalse(self.here.ask(CHILD, "CDNSKEY").answer)
        self.live_until("what it waits for", lambda: (
            f"127.0.0.1@{self.there.port} to serve key" in self.waits_for()))
        self.live_until("a line that it waits",
                        lambda: "roll-waits" in self.here.log_text(10**6))

        self.bring_over()
        self.live_until("the parent to have it", lambda: self.parent.ds)
        self.live_until("nothing to be waited for", lambda: self.waits_for() == "")


if __name__ == "__main__":
    unittest.main()
