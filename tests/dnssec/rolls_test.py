#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys that are rolled by themselves, with lifetimes of seconds: the zone and the chain from its
parent are validated all the while, by ldns-verify-zone and from the DS that the parent has."""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "control"))

import dns.dnssec
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from control_client import Control, wait_until
from harness import Server

CHILD = "roll.test"
ZONE = "$TTL 1\n@ SOA ns admin 1 7200 3600 1209600 1\n@ NS ns\nns A 192.0.2.53\nwww A 192.0.2.1\n"
PARENT = ("$TTL 1\n@ SOA ns admin {} 7200 3600 1209600 1\n@ NS ns\nns A 192.0.2.53\n"
          "roll NS ns.roll\n")
# What comes late because control is away or waits for a processor must not come together with
# what is to follow it.
POLICY = {"name": "p", "algorithm": "ed25519", "dnskey_ttl_s": 1, "ttl_max_s": 1, "ds_ttl_s": 1,
          "propagation_s": 3}
LIVE_S = 14
WAIT_S = 90
SKEW_S = 0.5  # half of what resolvers keep a record for


class Rolls(unittest.TestCase):
    def start(self, **policy):
        self.parent = Server({"test": PARENT.format(1)})
        self.parent.__enter__()
        self.addCleanup(self.parent.__exit__)
        self.serial, self.ds = 1, []
        tables = [("policy", {**POLICY, "parents": [f"{self.parent.address}@{self.parent.port}"],
                              **policy})]
        self.child = Server({CHILD: ZONE}, zone_settings={CHILD: {"policy": "p"}}, tables=tables)
        self.child.__enter__()
        self.addCleanup(self.child.__exit__)
        self.first = self.dnskeys()
        self.follow_cds()

    def answer(self, server, rdtype):
        reply = server.ask(CHILD, rdtype, want_dnssec=True, use_edns=0)
        sections = {rrset.rdtype: rrset for rrset in reply.answer}
        return (sections.get(dns.rdatatype.from_text(rdtype)),
                sections.get(dns.rdatatype.RRSIG))

    def dnskeys(self):
        return {rdata.to_text() for rdata in self.answer(self.child, "DNSKEY")[0]}

    def follow_cds(self):
        """The parent takes what the child asks for. True if that is something new."""
        cds = sorted(rdata.to_text() for rdata in self.answer(self.child, "CDS")[0] or [])
        if not cds or cds == self.ds:
            return False
        self.ds = cds
        self.serial += 1
        self.parent.zones = {"test": PARENT.format(self.serial) +
                             "".join(f"roll DS {text}\n" for text in cds)}
        self.parent.write_config()
        self.parent.run("reload", "--config", str(self.parent.config), check=True)
        return True

    def judge(self):
        """From the DS of the parent to the SOA, and all of the zone beside it."""
        begun = time.monotonic()
        ds = self.answer(self.parent, "DS")[0]
        keys, signatures = self.answer(self.child, "DNSKEY")
        soa = self.answer(self.child, "SOA")
        took_s = time.monotonic() - begun
        try:
            trusted = [key for key in keys for one in ds
                       if dns.dnssec.make_ds(keys.name, key, one.digest_type) == one]
            anchor = {keys.name: dns.rrset.from_rdata_list(keys.name, keys.ttl, trusted)}
            dns.dnssec.validate(keys, signatures, anchor)
            dns.dnssec.validate(*soa, {keys.name: keys})
        except (dns.dnssec.ValidationFailure, ValueError):  # the latter: no key for the DS
            # Asked one after the other, they tell of no moment once this takes long.
            if took_s <= SKEW_S:
                raise
        printed = self.child.run("zone", "print", CHILD, "--config", str(self.child.config),
                                 check=True).stdout
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(printed)
            file.flush()
            done = subprocess.run(["ldns-verify-zone", file.name], capture_output=True, text=True,
                                  timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + printed)

    def kill_control(self):
        os.kill(Control(self.child).status()["control"]["pid"], signal.SIGKILL)
        self.wait_for_control()

    def wait_for_control(self):
        """One that knows of the zone."""
        control = Control(self.child)
        wait_until("control", lambda: control.is_up() and control.zone(CHILD).get("serial"))

    def live(self, is_done, kill_at_s=()):
        """For LIVE_S, and until all is done."""
        kills = list(kill_at_s)
        begun = time.monotonic()
        while time.monotonic() - begun < LIVE_S or not is_done():
            self.assertLess(time.monotonic() - begun, WAIT_S, self.child.log_text())
            if kills and time.monotonic() - begun > kills[0]:
                kills.pop(0)
                self.kill_control()
            self.judge()
            if self.follow_cds():
                self.judge()
            time.sleep(0.2)

    def test_a_pair_is_rolled_whole_through_the_end_of_control(self):
        self.start(keys="ksk+zsk", zsk_lifetime_s=4, ksk_lifetime_s=5)
        self.live(lambda: not self.first & self.dnskeys(), kill_at_s=(3, 6.5))
        log = self.child.log_text(10**6)
        self.assertIn("its successor is published", log)
        self.assertIn("the parent has the DS of", log)

    def test_a_csk_goes_to_another_algorithm(self):
        self.start(keys="csk")
        self.child.tables = [("policy", {**dict(self.child.tables[0][1]), "roll_algorithm": True,
                                         "algorithm": "ecdsap256sha256"})]
        self.child.write_config()
        self.child.run("reload", "--config", str(self.child.config), check=True)
        self.live(lambda: {text.split()[2] for text in self.dnskeys()} == {"13"})


if __name__ == "__main__":
    unittest.main()
