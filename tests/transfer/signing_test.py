#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones that come unsigned from their primaries and are signed here, under serials of their own:
through differences, restarts, expiry, another policy, and the end of processes at any moment."""
import os
import pathlib
import random
import signal
import subprocess
import sys
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control")]

import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.update
from control_client import Control, wait_until
from harness import Server
from primary import Primary, records, response, soa, whole, zone_lines

ZONE = "in.example"
# Moments at which control is killed in the test of that; more by HOLDFAST_KILLS=200.
KILLS = int(os.environ.get("HOLDFAST_KILLS", "6"))
WELL_KNOWN = "a A 192.0.2.11"


class Versions:
    """What an unsigned primary has: version n holds the names b2 to bn. It gives differences."""

    def __init__(self, serial=1, step=1, extra=(), **timers):
        self.serial = self.first = serial
        self.step = step
        self.extra = list(extra)  # of the whole zone alone
        self.timers = timers

    def soa(self, serial):
        return soa(serial, **self.timers)

    def name(self, serial):
        return f"b{serial} A 192.0.2.12"

    def lines(self):
        names = [self.name(n) for n in range(self.first + self.step, self.serial + 1, self.step)]
        return zone_lines(self.serial, WELL_KNOWN, *names, *self.extra, **self.timers)

    def __call__(self, query):
        if query.question[0].rdtype == dns.rdatatype.SOA and query.opcode() == dns.opcode.UPDATE:
            return [response(query, [])]
        if not query.authority:
            return whole(query, self.lines())
        at = query.authority[0][0].serial
        lines = [self.soa(self.serial)]
        if at != self.serial:
            for old in range(at, self.serial, self.step):
                new = old + self.step
                lines += [self.soa(old), self.soa(new), self.name(new)]
            lines += [self.soa(self.serial)]
        return [response(query, records(ZONE, lines))]


class Signing(unittest.TestCase):
    policy = {}
    settings = {}

    def setUp(self):
        self.primary = Primary()
        self.primary.__enter__()
        self.addCleanup(self.primary.__exit__)
        self.versions = self.primary.answer = self.first_versions()
        self.server = Server(
            {ZONE: None}, tables=[("policy", {"name": "p", **self.policy})],
            zone_settings={ZONE: {"primaries": [self.primary.address], "policy": "p",
                                  "transfer_to": ["127.0.0.1"], **self.settings}})
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.control = Control(self.server)
        wait_until("signed", self.is_signed)
        self.wait_idle()

    def first_versions(self):
        return Versions()

    def run_command(self, *arguments, good=True):
        done = self.server.run(*arguments, "--config", str(self.server.config))
        self.assertEqual(done.returncode == 0, good, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def serial(self):
        answer = self.server.ask(ZONE, "SOA").answer
        return answer[0][0].serial if answer else None

    def is_signed(self):
        answer = self.server.ask(ZONE, "SOA", want_dnssec=True).answer
        return any(rrset.rdtype == dns.rdatatype.RRSIG for rrset in answer)

    def has(self, name):
        return bool(self.server.ask(f"{name}.{ZONE}", "A").answer)

    def wait_idle(self):
        wait_until("idle", lambda: self.control.is_up() and
                   not self.control.zone(ZONE).get("secondary", {"asking": True})["asking"])

    def theirs(self):
        return self.control.zone(ZONE)["secondary"]["primary_serial"]

    def change(self, by=1):
        """Another version at the primary, and that it is served here."""
        self.versions.serial += by * self.versions.step
        self.run_command("zone", "refresh", ZONE)
        wait_until(f"b{self.versions.serial}: {self.server.log_text()}",
                   lambda: self.has(f"b{self.versions.serial}"))
        self.wait_idle()
        self.assertEqual(self.theirs(), self.versions.serial)

    def restart(self, between=lambda: None):
        """And that the primary has been asked anew."""
        self.assertEqual(self.server.stop(), 0)
        between()
        before = len(self.primary.requests)
        self.server.start()
        wait_until("the primary is asked", lambda: len(self.primary.requests) > before)
        self.wait_idle()

    def served(self):
        return self.run_command("zone", "print", ZONE)

    def signature_count(self):
        return sum(line.split()[2:4].count("RRSIG") for line in self.served().splitlines())

    def assert_good(self):
        path = self.server.directory / "served"
        path.write_text(self.served())
        done = subprocess.run(["ldns-verify-zone", str(path)], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, f"{done.stdout}{done.stderr}{path.read_text()}")

    def ixfr(self, serial):
        """The answer of ours to an IXFR from there: records in order."""
        query = dns.message.make_query(ZONE, "IXFR", flags=0)
        query.authority = records(ZONE, [soa(serial)])
        reply = dns.query.tcp(query, self.server.address, port=self.server.port, timeout=60,
                              one_rr_per_rrset=True)
        return [(rrset.name.to_text(), dns.rdatatype.to_text(rrset.rdtype), rdata)
                for rrset in reply.answer for rdata in rrset]


class Served(Signing):
    def test_serials_of_both_sides_through_changes_and_restarts(self):
        self.assertEqual((self.serial(), self.theirs()), (1, 1))
        self.assert_good()
        # Ours rises by another key; the primary's does not.
        self.run_command("key", "generate", ZONE, "--role", "zsk")
        self.assertIn("signed again, serial 1 to 2", self.run_command("reload", ZONE))
        self.assertEqual((self.serial(), self.theirs()), (2, 1))
        self.assertIn("nothing is to be signed", self.run_command("reload", ZONE))
        self.assert_good()
        self.assertIn("theirs      serial 1", self.run_command("zone", "status", ZONE))
        # The primary's differences are asked for by its own serial, after a restart as well.
        self.change()
        self.assertEqual(self.primary.requests[-1], ("IXFR", 1))
        self.assertEqual(self.serial(), 3)
        self.restart()
        self.assertEqual(self.primary.requests[-1], ("IXFR", 2))
        self.assertEqual((self.serial(), self.theirs()), (3, 2))
        self.change(by=2)
        self.assertEqual(self.serial(), 4)
        self.assert_good()
        # A serial that is ahead of ours is taken over.
        self.versions.serial = 100
        self.primary.answer = lambda query: (
            [response(query, [], dns.rcode.REFUSED)] if query.authority else self.versions(query))
        self.run_command("zone", "refresh", ZONE)
        wait_until("serial 100", lambda: self.serial() == 100)
        self.assertEqual(self.primary.requests[-2:], [("IXFR", 4), ("AXFR", None)])
        self.assert_good()

    def test_a_change_costs_what_has_changed_and_goes_out_as_a_difference(self):
        self.change()
        answer = self.ixfr(1)
        self.assertEqual([kind for _, kind, _ in answer].count("SOA"), 4)
        added = [at for at, (_, kind, _) in enumerate(answer) if kind == "SOA"][2]
        made = answer[added:-1]
        # The SOA, b2, and the NSEC of b2 and of its neighbour.
        self.assertEqual(sorted(kind for _, kind, _ in made),
                         sorted(["SOA", "A", "NSEC", "NSEC"] + ["RRSIG"] * 4))
        self.assertNotIn("DNSKEY", [kind for _, kind, _ in answer])
        self.assert_good()
        # So does a whole zone with one change.
        signatures = self.signature_count()
        self.versions.serial = 3
        self.run_command("zone", "retransfer", ZONE)
        wait_until("b3", lambda: self.has("b3"))
        made = [record for record in self.ixfr(2) if record[1] == "RRSIG"]
        self.assertLess(len(made), 10)
        self.assertEqual(self.signature_count(), signatures + 2)
        self.assert_good()

    def test_signing_begins_and_ends_with_a_reload(self):
        settings = self.server.zone_settings[ZONE]
        del settings["policy"]
        self.server.write_config()
        self.assertIn("is served as it comes", self.run_command("reload"))
        wait_until("unsigned", lambda: not self.is_signed())
        self.assertEqual(self.primary.requests[-1], ("AXFR", None))
        self.assertNotIn("RRSIG", self.served())
        self.change()
        self.assertEqual(self.primary.requests[-1], ("IXFR", 1))
        settings["policy"] = "p"
        self.server.write_config()
        self.assertIn("is signed from now on", self.run_command("reload"))
        wait_until("signed", self.is_signed)
        self.assertEqual(self.serial(), 3)
        before = len(self.primary.requests)
        self.change()
        # The reload may have asked already when this change was asked for.
        self.assertIn(("IXFR", 2), self.primary.requests[before:])
        self.assertNotIn("AXFR", [kind for kind, _ in self.primary.requests[before:]])
        self.assert_good()
        # And with a start.
        del settings["policy"]
        self.server.write_config()
        self.restart()
        wait_until("unsigned", lambda: not self.is_signed())
        self.assertEqual(self.serial(), 3)
        settings["policy"] = "p"
        self.server.write_config()
        self.restart()
        wait_until("signed", self.is_signed)
        self.assert_good()

    def test_another_policy_signs_anew(self):
        self.server.tables = [("policy", {"name": "p", "denial": "nsec3"})]
        self.server.write_config()
        self.run_command("reload")
        wait_until("NSEC3", lambda: "NSEC3PARAM" in self.served())
        self.assert_good()
        self.change()
        self.assertEqual(self.primary.requests[-1], ("IXFR", 1))
        self.assert_good()

    def test_what_was_noted_is_lost(self):
        self.change()
        self.restart((self.server.state / "primary-serials").unlink)
        self.assertEqual(self.primary.requests[-1], ("AXFR", None))
        self.assertEqual(self.theirs(), 2)
        self.change()
        self.assertEqual(self.primary.requests[-1], ("IXFR", 2))
        # All of zone memory: what the journal has is the same version.
        self.restart((self.server.state / "zones.mem").unlink)
        self.assertEqual(self.primary.requests[-1], ("IXFR", 3))
        self.assert_good()


class SignedBefore(Signing):
    """The primary's zone is signed already: those records give way to ours."""

    def first_versions(self):
        rrsig = "13 2 300 20370101000000 20200101000000 1 in.example. AAAA"
        return Versions(extra=["@ DNSKEY 256 3 13 AAAA", "@ CDS 1 13 2 " + "00" * 32,
                               f"a RRSIG A {rrsig}", "a NSEC ns1 A RRSIG NSEC"])

    def test_theirs_give_way(self):
        served = self.served()
        self.assertNotIn("20370101000000", served)
        keys = [line for line in served.splitlines() if " DNSKEY 25" in line]
        self.assertEqual(len(keys), 1, served)
        self.assertNotIn("DNSKEY 256", served)
        self.assert_good()
        lines = [soa(2), soa(1), "a NSEC ns1 A RRSIG NSEC", "@ DNSKEY 256 3 13 AAAA", soa(2),
                 "@ DNSKEY 256 3 13 BBBB", "b2 A 192.0.2.12", soa(2)]
        self.primary.answer = lambda query: [response(query, records(ZONE, lines))]
        self.run_command("zone", "refresh", ZONE)
        wait_until("b2", lambda: self.has("b2"))
        self.assertEqual(self.primary.requests[-1], ("IXFR", 1))
        self.assert_good()


class ByTime(Signing):
    """Signatures are made anew by the timer, whether the primary is there or not."""
    policy = {"signature_validity_s": 3600, "signature_refresh_s": 3598, "signature_jitter_s": 0}
    settings = {"forward_updates": True}

    def test_without_the_primary(self):
        self.primary.answer = lambda query: [None]
        before = self.served()
        wait_until("anew", lambda: self.serial() >= 2)
        self.assertNotEqual(self.served(), before)
        self.assert_good()
        self.assertEqual(self.theirs(), 1)
        self.primary.answer = self.versions
        self.change()
        self.assertEqual(self.primary.requests[-1], ("IXFR", 1))
        self.assert_good()
        # Updates are the primary's.
        update = dns.update.Update(ZONE)
        update.add("x", 60, "A", "192.0.2.99")
        self.assertEqual(self.server.send(update, tcp=True).rcode(), dns.rcode.NOERROR)
        self.assertEqual(self.primary.requests[-1][0], "SOA")


class Expiry(Signing):
    def first_versions(self):
        return Versions(refresh=1, retry=1, expire=10)  # longer than any machine stands still

    def test_it_expires_and_comes_back_with_a_higher_serial(self):
        self.run_command("key", "generate", ZONE, "--role", "zsk")
        self.run_command("reload", ZONE)
        self.assertEqual(self.serial(), 2)
        self.primary.answer = lambda query: [None]
        wait_until("SERVFAIL", lambda: self.server.ask(ZONE, "SOA").rcode() == dns.rcode.SERVFAIL)
        self.versions.serial = 2
        self.primary.answer = self.versions
        self.run_command("zone", "refresh", ZONE)
        wait_until("served again", lambda: self.has("b2"))
        self.assertEqual(self.serial(), 3)
        self.assertTrue(self.is_signed())
        self.assert_good()


class Deaths(Signing):
    """Control ends at any moment, with the primary's and our own changes on their way."""
    policy = {"signature_validity_s": 3600, "signature_refresh_s": 3598, "signature_jitter_s": 0}

    def first_versions(self):
        return Versions(serial=1000)

    def control_pid(self):
        try:
            status = self.control.status()
        except (OSError, ValueError):
            return None
        return status["control"]["pid"] if status["ready"] else None

    def test_nothing_is_lost_and_serials_rise(self):
        source = random.Random(7)
        last = self.serial()
        for _ in range(KILLS):
            pid = wait_until("control", self.control_pid)
            self.versions.serial += 1
            notice = dns.message.make_query(ZONE, "SOA", flags=0)
            notice.set_opcode(dns.opcode.NOTIFY)
            self.assertEqual(self.server.send(notice).rcode(), dns.rcode.NOERROR)
            time.sleep(source.random() * 0.03)
            os.kill(pid, signal.SIGKILL)
            self.assertTrue(self.is_signed())
            wait_until("the last change", lambda: self.has(f"b{self.versions.serial}"))
            self.assertGreater(self.serial(), last)
            last = self.serial()
            wait_until("control", lambda pid=pid: self.control_pid() not in (None, pid))
            self.assert_good()
        # What was noted was never wrong: nothing had to be transferred whole.
        self.assertEqual([kind for kind, _ in self.primary.requests].count("AXFR"), 1,
                         self.primary.requests)


if __name__ == "__main__":
    unittest.main()
