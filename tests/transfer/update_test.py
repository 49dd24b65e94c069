#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dynamic updates (RFC 2136) of the running server: by nsupdate, knsupdate and dnspython, of signed
and unsigned zones, through reloads, restarts and the death of the management process.
"""
import concurrent.futures
import os
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control")]

import dns.message
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
from control_client import Control, ends, wait_until
from harness import Server

ZONE = "u.example"
KEYS = [{"name": name, "algorithm": "hmac-sha256",
         "secret": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="} for name in ("all", "acme")]
RULES = ["all", f"acme under:_acme-challenge.{ZONE} TXT"]
# Moments at which control is killed in the tests of that; more by HOLDFAST_KILLS=200, which takes
# minutes, as control is started again after a pause; others by HOLDFAST_SEED.
KILLS = int(os.environ.get("HOLDFAST_KILLS", "6"))
SEED = int(os.environ.get("HOLDFAST_SEED", "5"))


def wait_anew(control, old_pid=0):
    """The pid of a control that is ready, another one than `old_pid`."""
    found = []

    def is_there():
        try:
            status = control.status()
        except (OSError, ValueError):
            return False
        pid = status["control"]["pid"]
        if not status["ready"] or pid == old_pid:
            return False
        found.append(pid)
        return True

    wait_until("control", is_there)
    return found[0]


def zone_text(*lines):
    return "\n".join(["@ 3600 SOA ns1 host 1 3600 600 86400 300", "@ 3600 NS ns1",
                      "ns1 3600 A 192.0.2.1", *lines]) + "\n"


class Updates(unittest.TestCase):
    policy = None

    def setUp(self):
        settings = {"update": RULES, "transfer_to": ["127.0.0.1"]}
        if self.policy:
            settings["policy"] = self.policy
        self.server = Server({ZONE: zone_text("www 3600 A 192.0.2.2", "*.w 300 A 192.0.2.3")},
                             zone_settings={ZONE: settings}, keys=KEYS)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.control = Control(self.server)
        self.wait_ready()

    def wait_ready(self):
        wait_until("ready", lambda: self.control.is_up() and self.control.status()["ready"])

    def run_command(self, *arguments, good=True):
        done = self.server.run(*arguments, "--config", str(self.server.config))
        self.assertEqual(done.returncode == 0, good, done.stdout + done.stderr)
        return done.stdout if good else done.stderr

    def message(self, key="all", zone=ZONE):
        keyring = dns.tsigkeyring.from_text({k["name"]: k["secret"] for k in KEYS})
        return dns.update.Update(zone, keyring=keyring if key else None, keyname=key,
                                 keyalgorithm="hmac-sha256")

    def send(self, message, tcp=False, timeout=60):
        send = dns.query.tcp if tcp else dns.query.udp
        return send(message, self.server.address, port=self.server.port, timeout=timeout).rcode()

    def add(self, name, *data, ttl=300, key="all", tcp=False):
        message = self.message(key)
        message.add(name, ttl, *data)
        return self.send(message, tcp)

    def addresses(self, name):
        answer = self.server.ask(f"{name}.{ZONE}", "A").answer
        return sorted(record.address for record in answer[0]) if answer else []

    def serial(self):
        return self.server.ask(ZONE, "SOA").answer[0][0].serial

    def zone_lines(self):
        """What is served, without what the signer makes."""
        made = {"RRSIG", "NSEC", "NSEC3", "NSEC3PARAM", "DNSKEY", "CDS", "CDNSKEY", "SOA"}
        return sorted(line for line in self.run_command("zone", "print", ZONE).splitlines()
                      if line and line.split()[3] not in made)

    def verify(self):
        """By the tools of others, if the zone is signed."""
        if not self.policy:
            return
        with tempfile.NamedTemporaryFile("w", suffix=".zone") as file:
            file.write(self.run_command("zone", "print", ZONE))
            file.flush()
            for tool in (["ldns-verify-zone", file.name], ["kzonecheck", "-d", "on", "-o", ZONE,
                                                           file.name]):
                done = subprocess.run(tool, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, f"{tool}: {done.stdout}{done.stderr}")

    # --- by the tools of others

    def nsupdate(self, *lines, program="nsupdate", key="all"):
        secret = KEYS[0]["secret"]
        text = "\n".join([f"server {self.server.address} {self.server.port}", f"zone {ZONE}.",
                          f"key hmac-sha256:{key} {secret}", *lines, "send"]) + "\n"
        return subprocess.run([program], input=text, capture_output=True, text=True, timeout=60)

    def test_nsupdate_and_knsupdate(self):
        for program, name in (("nsupdate", "a"), ("knsupdate", "b")):
            done = self.nsupdate(f"update add {name}.{ZONE}. 60 A 192.0.2.9",
                                 f"update add {name}.{ZONE}. 60 A 192.0.2.10", program=program)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(self.addresses(name), ["192.0.2.10", "192.0.2.9"])
            done = self.nsupdate(f"prereq yxrrset {name}.{ZONE}. A",
                                 f"update delete {name}.{ZONE}. A 192.0.2.9", program=program)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(self.addresses(name), ["192.0.2.10"])
            done = self.nsupdate(f"prereq nxdomain {name}.{ZONE}.",
                                 f"update delete {name}.{ZONE}.", program=program)
            self.assertIn("YXDOMAIN", done.stdout + done.stderr)
            self.assertEqual(self.addresses(name), ["192.0.2.10"])
        self.verify()

    # --- answers

    def test_rcodes(self):
        self.assertEqual(self.add("n", "A", "192.0.2.5", key=None), dns.rcode.REFUSED)
        self.assertEqual(self.add("n", "A", "192.0.2.5", key="acme"), dns.rcode.REFUSED)
        self.assertEqual(self.add("_acme-challenge", "TXT", "token", key="acme"), 0)
        self.assertEqual(self.send(self.message(zone="other.example")), dns.rcode.NOTAUTH)
        outside = self.message()
        outside.origin = dns.name.root
        outside.add("x.elsewhere.", 300, "A", "192.0.2.5")
        self.assertEqual(self.send(outside), dns.rcode.NOTZONE)
        self.assertEqual(self.add("n", "NSEC", "a. A"), dns.rcode.REFUSED)
        self.assertEqual(self.add("n", "A", "192.0.2.5", tcp=True), 0)
        self.assertEqual(self.addresses("n"), ["192.0.2.5"])
        # A DNAME over names that are there cannot be.
        self.assertEqual(self.add("w", "DNAME", "else.example."), dns.rcode.REFUSED)
        wrong = dns.update.Update(ZONE, keyring=dns.tsigkeyring.from_text(
            {"all": "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="}), keyname="all",
            keyalgorithm="hmac-sha256")
        with self.assertRaises(dns.tsig.PeerBadSignature):
            self.send(wrong)

    def test_each_update_is_a_version_that_secondaries_follow(self):
        before = self.serial()
        self.add("x", "A", "192.0.2.7")
        self.add("x", "A", "192.0.2.7")  # nothing new
        self.assertEqual(self.serial(), before + 1)
        messages = dns.query.xfr(self.server.address, ZONE, "IXFR", port=self.server.port,
                                 serial=before, relativize=False, lifetime=60)
        records = [record for message in messages for rrset in message.answer for record in rrset]
        self.assertLess(len(records), 18)
        self.assertIn("192.0.2.7", [str(record) for record in records])
        history = self.run_command("zone", "history", ZONE)
        self.assertIn("UPDATE from 127.0.0.1", history)
        changed = self.run_command("zone", "diff", ZONE).splitlines()
        self.assertEqual([line.split()[3] for line in changed], ["SOA", "SOA", "A"])
        self.assertRegex(changed[2], rf"^\+x\.{ZONE}\.\s+300\s+IN\s+A\s+192\.0\.2\.7$")
        whole = self.run_command("zone", "diff", ZONE, "--all").splitlines()
        made = {line.split()[3] for line in whole} - {"SOA", "A"}
        self.assertEqual(made, {"RRSIG", "NSEC"} if self.policy else set())
        # Back, and on from there.
        self.assertIn(f"serial {before + 1} to {before + 2}",
                      self.run_command("zone", "rollback", ZONE, str(before)))
        self.assertEqual(self.addresses("x"), [])
        self.add("y", "A", "192.0.2.8")
        self.assertEqual((self.serial(), self.addresses("y")), (before + 3, ["192.0.2.8"]))
        self.assertIn("rollback to serial", self.run_command("zone", "history", ZONE))
        self.verify()

    # --- files

    def test_the_file_is_read_when_it_is_thawed(self):
        self.add("x", "A", "192.0.2.7")
        self.assertIn("takes updates", self.run_command("reload", ZONE, good=False))
        file = self.server.directory / f"{ZONE}.zone"
        file.write_text(zone_text("lost A 192.0.2.99"))
        self.run_command("reload")
        self.assertEqual(self.addresses("x"), ["192.0.2.7"])
        self.assertEqual(self.addresses("lost"), [])
        self.run_command("zone", "freeze", ZONE)
        self.assertIn(f"x.{ZONE}.", file.read_text())
        self.assertNotIn("RRSIG", file.read_text())
        self.assertEqual(self.add("y", "A", "192.0.2.8"), dns.rcode.REFUSED)
        good = file.read_text()
        file.write_text(good + "broken\n")
        self.run_command("zone", "thaw", ZONE, good=False)
        self.assertEqual(self.add("y", "A", "192.0.2.8"), dns.rcode.REFUSED)
        file.write_text(good + f"edited.{ZONE}. 300 A 192.0.2.66\n")
        serial = self.serial()
        self.run_command("zone", "thaw", ZONE)
        self.assertEqual(self.addresses("edited"), ["192.0.2.66"])
        self.assertEqual(self.addresses("x"), ["192.0.2.7"])
        if self.policy:
            self.assertGreater(self.serial(), serial)
        self.assertEqual(self.add("y", "A", "192.0.2.8"), 0)
        self.verify()

    def test_updates_outlive_a_restart_and_the_loss_of_zone_memory(self):
        self.add("x", "A", "192.0.2.7")
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.wait_ready()
        self.assertEqual(self.addresses("x"), ["192.0.2.7"])
        self.add("y", "A", "192.0.2.8")
        self.assertEqual(self.server.stop(), 0)
        (self.server.state / "zones.mem").unlink()
        self.server.start()
        self.wait_ready()
        self.assertEqual(self.addresses("x"), ["192.0.2.7"])
        self.assertEqual(self.addresses("y"), ["192.0.2.8"])
        self.assertEqual(self.add("z", "A", "192.0.2.9"), 0)
        self.verify()

    # --- many at once, and deaths

    def test_one_that_cannot_be_does_not_hinder_those_that_come_with_it(self):
        before = self.serial()
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            sent = [pool.submit(self.add, f"m{index}", "A", "192.0.2.7", tcp=bool(index % 2))
                    if index % 8 else pool.submit(self.add, "w", "DNAME", "else.example.")
                    for index in range(96)]
            rcodes = [future.result() for future in sent]
        for index, rcode in enumerate(rcodes):
            wanted = dns.rcode.NOERROR if index % 8 else dns.rcode.REFUSED
            self.assertEqual(dns.rcode.to_text(rcode), dns.rcode.to_text(wanted), index)
            if index % 8:
                self.assertEqual(self.addresses(f"m{index}"), ["192.0.2.7"])
        self.assertEqual(self.serial(), before + 84)
        self.verify()

    def test_acknowledged_updates_outlive_control(self):
        numbers = random.Random(SEED)
        kept, number = {}, 0
        pid = wait_anew(self.control)
        for _ in ends(KILLS):
            kill_at = time.monotonic() + numbers.uniform(0.0, 0.15)
            killed = False
            while not killed or number % 5:
                name, address = f"k{number % 40}", f"192.0.2.{1 + number % 250}"
                message = self.message()
                message.replace(name, 60, "A", address)
                if not killed and time.monotonic() >= kill_at:
                    os.kill(pid, signal.SIGKILL)
                    killed = True
                try:
                    if self.send(message, timeout=10) == 0:
                        kept[name] = {address}
                    else:
                        kept.setdefault(name, set()).add(address)
                except dns.exception.Timeout:
                    kept.setdefault(name, set()).add(address)  # perhaps
                number += 1
            pid = wait_anew(self.control, pid)
            for name, possible in kept.items():
                found = self.addresses(name)
                self.assertEqual(len(found), 1, f"{name}: {found} of {possible}")
                self.assertIn(found[0], possible, name)
        self.verify()


class SignedUpdates(Updates):
    policy = "default"


class LateAnswers(unittest.TestCase):
    def test_an_answer_to_an_earlier_notify_is_none_to_a_later_one(self):
        keyring = dns.tsigkeyring.from_text({k["name"]: k["secret"] for k in KEYS})
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
            sink.bind(("127.0.0.1", 0))
            sink.settimeout(60)
            server = Server({ZONE: zone_text()}, keys=KEYS, zone_settings={ZONE: {
                "update": ["all"], "notify": [f"127.0.0.1@{sink.getsockname()[1]} all"]}})
            with server:
                control = Control(server)
                pid = wait_anew(control)
                serial = 1
                for number in range(8):
                    for index in range(2):  # both within a tick of those who tell
                        message = dns.update.Update(ZONE, keyring=keyring, keyname="all",
                                                    keyalgorithm="hmac-sha256")
                        message.add(f"n{number}-{index}", 60, "A", "192.0.2.7")
                        dns.query.udp(message, "127.0.0.1", port=server.port, timeout=60)
                        serial += 1
                    told = 0
                    while told != serial:
                        wire, sender = sink.recvfrom(4096)
                        notice = dns.message.from_wire(wire, keyring=keyring)
                        told = notice.answer[0][0].serial
                        sink.sendto(dns.message.make_response(notice).to_wire(), sender)
                self.assertEqual(wait_anew(control), pid)


class Chain(unittest.TestCase):
    """A signed zone that is updated here and served there: nothing is lost whoever dies."""

    def start(self, server):
        server.__enter__()
        self.addCleanup(server.__exit__)
        control = Control(server)
        wait_until("ready", lambda: control.is_up() and control.status()["ready"])
        return control

    def zone_of(self, server):
        done = server.run("zone", "print", ZONE, "--config", str(server.config))
        return sorted(done.stdout.splitlines()) if done.returncode == 0 else None

    def test_a_secondary_follows_through_deaths_of_control_on_both_sides(self):
        secondary = Server({ZONE: None}, keys=KEYS)
        primary = Server({ZONE: zone_text("www 3600 A 192.0.2.2")}, keys=KEYS, zone_settings={
            ZONE: {"update": ["all"], "policy": "default", "transfer_to": ["127.0.0.1 all"],
                   "notify": [f"127.0.0.1@{secondary.port} all"]}})
        secondary.zone_settings = {ZONE: {"primaries": [f"127.0.0.1@{primary.port} all"],
                                          "forward_updates": True}}
        secondary.write_config()
        controls = {primary: self.start(primary), secondary: self.start(secondary)}
        keyring = dns.tsigkeyring.from_text({k["name"]: k["secret"] for k in KEYS})
        numbers = random.Random(SEED)
        for number in ends(KILLS):
            for index in range(4):
                message = dns.update.Update(ZONE, keyring=keyring, keyname="all",
                                            keyalgorithm="hmac-sha256")
                message.replace(f"n{number}-{index}", 60, "A", "192.0.2.7")
                # By turns through the secondary, which passes it on as it came.
                port = (primary, secondary)[index % 2].port
                answer = dns.query.tcp(message, "127.0.0.1", port=port, timeout=60)
                self.assertEqual(answer.rcode(), 0)
            victim = (secondary, primary)[number % 2]
            time.sleep(numbers.uniform(0, 0.05))
            pid = wait_anew(controls[victim])
            os.kill(pid, signal.SIGKILL)
            wait_anew(controls[victim], pid)
        wait_until("the same zone", lambda: self.zone_of(secondary) == self.zone_of(primary))
        served = "\n".join(self.zone_of(secondary))
        for number in range(KILLS):
            for index in range(4):
                self.assertIn(f"n{number}-{index}.{ZONE}.", served)


if __name__ == "__main__":
    unittest.main()
