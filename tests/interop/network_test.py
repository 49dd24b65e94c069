#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""One signed zone at four providers: this server, Knot, BIND and PowerDNS, each a host of its own.

The zone changes by updates and by its file, links are cut, this server is killed at moments that a
seed chooses; all the while a validating resolver that asks all four must be satisfied. In the end
no acknowledged change is lost, and all four have the same zone, to the last signature.
HOLDFAST_KILLS=200 makes as many rounds of that, HOLDFAST_SEED chooses the moments.
"""
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control")]

import dns.exception
import dns.flags
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import network
import providers
from control_client import Control, wait_until
from harness import Server
from providers import ADDRESSES, ALGORITHM, KEY, PORT, SECRET, ZONE

ROUNDS = int(os.environ.get("HOLDFAST_KILLS", "3"))
SEED = int(os.environ.get("HOLDFAST_SEED", "1"))
KEYS = [{"name": KEY, "algorithm": ALGORITHM, "secret": SECRET}]
KEYRING = dns.tsigkeyring.from_text({KEY: SECRET})
STEADY = 8  # names that are there from the beginning, and whose addresses change
PROVIDERS = ("ours", "knot", "bind", "powerdns")
# What a resolver's client waits for: with two of four servers away, some tries go to these.
RESOLVED_S = 20


def zone_text(refresh_s):
    return "\n".join([f"@ 60 SOA ns1 host 1 {refresh_s} 1 86400 60",
                      *(f"@ 60 NS ns{i}\nns{i} 60 A 192.0.2.{i}" for i in range(1, 5)),
                      *(f"k{i} 60 A 10.0.0.0" for i in range(STEADY)),
                      "*.wild 60 A 10.0.0.0", "deep.empty 60 TXT x"]) + "\n"


class Ours(Server):
    """This server as a host of the network."""

    def __init__(self, hub, content, settings):
        self.hub = hub
        super().__init__({ZONE: content}, zone_settings={ZONE: settings}, keys=KEYS)
        self.address, self.port = ADDRESSES["ours"], PORT
        self.settings["server"]["listen"] = [f"{self.address}@{PORT}"]
        self.write_config()
        self.control = Control(self)

    def serve_command(self):
        return self.hub.within("ours", super().serve_command())

    def kill_control(self):
        try:
            os.kill(self.control.status()["control"]["pid"], signal.SIGKILL)
        except (OSError, ValueError):
            self.begin_anew()  # it is not there yet after the kill before

    def wait_serving(self):
        wait_until("ready", lambda: self.control.is_up() and self.control.status()["ready"])


class Client(threading.Thread):
    """Asks the resolver, one question after another, and keeps what it should not have got."""

    def __init__(self, address, given):
        super().__init__(daemon=True)
        self.address, self.given = address, given
        self.numbers = random.Random(SEED)
        self.problems, self.asked, self.is_over = [], 0, False
        self.slowest_s = 0.0

    def run(self):
        while not self.is_over:
            name, rdtype, rcode, values = self.question()
            begun = time.monotonic()
            reply = providers.ask(self.address, f"{name}.{ZONE}", rdtype, timeout=RESOLVED_S,
                                  want_dnssec=True)
            self.slowest_s = max(self.slowest_s, time.monotonic() - begun)
            self.asked += 1
            found = [str(record) for rrset in (reply.answer if reply else [])
                     if rrset.rdtype == dns.rdatatype.A for record in rrset]
            is_good = (reply is not None and reply.flags & dns.flags.AD and
                       dns.rcode.to_text(reply.rcode()) == rcode and
                       (len(found) == 1 and found[0] in values if values else not found))
            if not is_good:
                self.problems.append(f"{name} {rdtype}, wanted {rcode}: {reply or 'nothing'}")

    def question(self):
        """Name, type, RCODE, and the addresses that the name has or has had."""
        index = self.numbers.randrange(1000)
        return (lambda: (f"k{index % STEADY}", "A", "NOERROR", self.given[f"k{index % STEADY}"]),
                lambda: (f"k{index % STEADY}", "AAAA", "NOERROR", None),
                lambda: (f"x{index}.wild", "A", "NOERROR", {"10.0.0.0"}),
                lambda: ("empty", "A", "NOERROR", None),
                lambda: (f"none{index}", "A", "NXDOMAIN", None))[self.numbers.randrange(5)]()


class Updates(threading.Thread):
    """Changes one steady name and adds another by each update, to the providers in turn."""

    def __init__(self, given):
        super().__init__(daemon=True)
        self.given = given
        self.sending = threading.Lock()
        self.targets = []  # addresses
        self.added = {}  # name: (address, whether it was acknowledged)
        self.possible = {}  # steady name: addresses it may have
        self.is_over = False
        self.acknowledged = 0

    def run(self):
        number = 0
        while not self.is_over:
            with self.sending:
                if self.targets:
                    number += 1
                    self.send(number, self.targets[number % len(self.targets)])
                    continue
            time.sleep(0.005)

    def send(self, number, target):
        steady, address = f"k{number % STEADY}", f"10.1.{number >> 8}.{number & 255}"
        message = dns.update.Update(ZONE, keyring=KEYRING, keyname=KEY, keyalgorithm=ALGORITHM)
        message.replace(steady, 60, "A", address)
        message.add(f"u{number}", 60, "A", address)
        self.given[steady].add(address)
        try:
            is_done = dns.query.tcp(message, target, timeout=2).rcode() == dns.rcode.NOERROR
        except (dns.exception.DNSException, OSError, EOFError):
            is_done = False
        self.added[f"u{number}"] = address, is_done
        if is_done:
            self.acknowledged += 1
            self.possible[steady] = {address}
        else:
            self.possible.setdefault(steady, {"10.0.0.0"}).add(address)
            time.sleep(0.02)


def records_of(address):
    """All records of the zone at that provider, as text, sorted; None if it does not give them."""
    try:
        messages = list(dns.query.xfr(address, ZONE, relativize=False, lifetime=30))
    except (dns.exception.DNSException, OSError, EOFError):
        return None
    return sorted({f"{rrset.name} {rrset.ttl} {dns.rdatatype.to_text(rrset.rdtype)} {record}"
                   for message in messages for rrset in message.answer for record in rrset})


class FourProviders(unittest.TestCase):
    hub = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="holdfast-network-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        if not FourProviders.hub:
            FourProviders.hub = network.Network()
            for name, address in ADDRESSES.items():
                self.hub.add(name, address)
        self.numbers = random.Random(SEED)
        self.given = {f"k{i}": {"10.0.0.0"} for i in range(STEADY)}
        self.running = []

    def run_all(self, primary, *others):
        """Starts all of them, the primary first, with the resolver and its client."""
        self.ours = next(one for one in (primary, *others) if isinstance(one, Ours))
        self.others = [one for one in (primary, *others) if one is not self.ours]
        for one in (primary, *others):
            self.addCleanup(one.__exit__)
            one.start()
            if one is primary:
                one.wait_serving()
        for one in (*others, self.ours):
            one.wait_serving()
        keys = providers.ask(primary.address, ZONE, "DNSKEY", flags=0).answer[0]
        resolver = providers.Resolver(self.hub, self.folder, f"{ZONE}. DNSKEY {keys[0]}",
                                      [ADDRESSES[name] for name in PROVIDERS])
        self.addCleanup(resolver.stop)
        resolver.start()
        resolver.wait_serving()
        self.client = Client(resolver.address, self.given)
        self.updates = Updates(self.given)
        self.client.start()
        self.updates.start()
        self.resolver = resolver

    def live(self, cuttable, targets, between=lambda number: None):
        """Rounds of updates in which one provider is cut off and ours is killed, by halves with all
        that it is. `targets(cut)` says who takes updates then."""
        for number in range(ROUNDS):
            cut = cuttable[number % len(cuttable)]
            self.updates.targets = targets(None)
            time.sleep(self.numbers.uniform(0.05, 0.3))
            wait_until("updates", lambda wanted=2 * number + 2: self.updates.acknowledged >= wanted)
            self.hub.cut(cut)
            self.updates.targets = targets(cut)
            time.sleep(self.numbers.uniform(0.0, 0.4))
            (self.ours.kill_control if number % 2 else self.ours.begin_anew)()
            time.sleep(self.numbers.uniform(0.2, 0.6))
            self.hub.join(cut)
            with self.updates.sending:
                self.updates.targets = []
            self.ours.wait_serving()
            between(number)
            self.wait_in_step()
        wait_until("answers", lambda: self.client.asked > 20 * ROUNDS)
        self.client.is_over = self.updates.is_over = True
        self.updates.join()
        self.client.join()
        self.judge()

    def wait_in_step(self):
        def is_in_step():
            return len({providers.serial(ADDRESSES[name]) for name in PROVIDERS}) == 1
        try:
            wait_until("all four in step", is_in_step)
        except AssertionError as error:
            serials = {name: providers.serial(ADDRESSES[name]) for name in PROVIDERS}
            raise AssertionError(f"{error}: {serials}\n{self.logs()}") from None

    def judge(self):
        records = records_of(self.ours.address)
        addresses = {}
        for record in records:
            name, _, rdtype, data = record.split(" ", 3)
            if rdtype == "A":
                addresses[name.removesuffix(f".{ZONE}.")] = data
        for name, (address, is_acknowledged) in self.updates.added.items():
            if is_acknowledged or name in addresses:
                self.assertEqual(addresses.get(name), address, f"{name}\n{self.logs()}")
        for name, possible in self.updates.possible.items():
            self.assertIn(addresses[name], possible, f"{name}\n{self.logs()}")
        for other in self.others:
            self.assertEqual(records_of(other.address), records, other.name)
        self.assertEqual(self.client.problems[:5], [], self.logs())
        self.verify(records)
        print(f"{self.id()}: {ROUNDS} kills, {self.updates.acknowledged} of "
              f"{len(self.updates.added)} updates acknowledged, {self.client.asked} questions, the "
              f"slowest {self.client.slowest_s:.2f} s")

    def verify(self, records):
        file = pathlib.Path(self.folder) / "zone"
        file.write_text("\n".join(f"{name} {ttl} IN {rest}" for name, ttl, rest in
                                  (record.split(" ", 2) for record in records)) + "\n")
        done = subprocess.run(["ldns-verify-zone", str(file)], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def logs(self):
        return "\n".join([self.ours.log_text(), self.resolver.log_tail(),
                          *(other.log_tail() for other in self.others)])

    # --- the arrangements

    def test_ours_signs_for_three(self):
        others = [ADDRESSES[name] for name in PROVIDERS if name != "ours"]
        # What NOTIFY misses, nothing brings.
        ours = Ours(self.hub, zone_text(refresh_s=3600), {
            "policy": "default", "update": [KEY],
            "transfer_to": [*(f"{other} {KEY}" for other in others), network.HUB],
            "notify": [f"{other} {KEY}" for other in others]})
        self.run_all(ours, *(kind(self.hub, self.folder, primary=ours.address) for kind in
                             (providers.Knot, providers.Bind, providers.PowerDns)))
        self.live(("knot", "bind", "powerdns"), lambda cut: [ours.address], self.edit_file)
        for name in (f"edited{number}.{ZONE}" for number in range(ROUNDS)):
            for other in others:
                self.assertEqual(len(providers.ask(other, name, "A", flags=0).answer), 1, name)

    def edit_file(self, number):
        """A change by the zone's file."""
        config = ["--config", str(self.ours.config)]
        self.ours.run("zone", "freeze", ZONE, *config, check=True)
        with open(self.ours.directory / f"{ZONE}.zone", "a") as file:
            file.write(f"edited{number}.{ZONE}. 60 A 10.0.0.1\n")
        self.ours.run("zone", "thaw", ZONE, *config, check=True)

    def test_knot_signs_and_ours_follows(self):
        knot = providers.Knot(self.hub, self.folder,
                              secondaries=[ADDRESSES[name] for name in PROVIDERS if name != "knot"])
        # Knot tells those that it has missed once a minute, and has no refresh of less than this.
        knot.write("zone", zone_text(refresh_s=2))
        ours = Ours(self.hub, None, {"primaries": [f"{knot.address} {KEY}"],
                                     "forward_updates": True, "transfer_to": [network.HUB]})
        self.run_all(knot, ours, *(kind(self.hub, self.folder, primary=knot.address) for kind in
                                   (providers.Bind, providers.PowerDns)))
        self.live(("knot", "bind", "powerdns"),
                  lambda cut: [] if cut == "knot" else [knot.address, ours.address])


if __name__ == "__main__":
    network.run_sealed(unittest.main)
