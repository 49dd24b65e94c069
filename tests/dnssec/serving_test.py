#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones that the server signs: judged by unbound, delv and ldns-verify-zone, through changes of
files, refreshes by time, restarts and the end of processes at any moment."""
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import harness  # noqa: E402

ZONE = """$ORIGIN signed.test.
$TTL 300
@ SOA ns admin {serial} 7200 3600 1209600 60
@ NS ns
ns A 192.0.2.53
www A {address}
*.wild TXT "wildcard"
deep.empty A 192.0.2.10
sub NS ns.sub
ns.sub A 192.0.2.54
alias CNAME www
"""
WAIT_S = 60


def zone_text(serial=10, address="192.0.2.1"):
    return ZONE.format(serial=serial, address=address)


class SignedServer(harness.Server):
    """With [[policy]] and `policy` lines, which the harness does not know."""

    def __init__(self, policy="", zones=None):
        self.policy = policy
        super().__init__(zones or {"signed.test": zone_text()})

    def write_config(self):
        super().write_config()
        text = self.config.read_text()
        text = text.replace("[[zone]]\n", "[[zone]]\npolicy = \"p\"\n")
        self.config.write_text(f"[[policy]]\nname = \"p\"\n{self.policy}\n{text}")

    def holdfast(self, *arguments):
        return self.run(*arguments, "--config", str(self.config))

    def serial(self):
        return self.ask("signed.test", "SOA").answer[0][0].serial

    def served(self, zone="signed.test"):
        """What is served, in a file."""
        path = self.directory / "served"
        path.write_text(self.holdfast("zone", "print", zone).stdout)
        return path

    def wait(self, holds):
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            try:
                if holds():
                    return
            except (dns.exception.Timeout, OSError, IndexError):
                pass
            time.sleep(0.05)
        raise AssertionError(f"not within {WAIT_S} s:\n" + self.log_text())


class PolicyServer(SignedServer):
    """With {zone: policy} and {policy: settings}."""

    def __init__(self, zones, policies):
        harness.Server.__init__(
            self, {zone: zone_text().replace("signed.test", zone) for zone in zones},
            zone_settings={zone: {"policy": policy} for zone, policy in zones.items()},
            tables=[("policy", {"name": f"{name}", **settings})
                    for name, settings in policies.items()])

    write_config = harness.Server.write_config


class Unbound:
    """A validating resolver that trusts the zones' DS, {zone: ds}, and asks our server."""

    def __init__(self, server, anchors):
        self.folder = tempfile.TemporaryDirectory(prefix="holdfast-unbound-")
        self.port = harness.free_port()
        trusted = "".join(f'  trust-anchor: "{ds}"\n' for ds in anchors.values())
        stubs = "".join(f'stub-zone:\n  name: "{zone}"\n  stub-addr: 127.0.0.1@{server.port}\n'
                        for zone in anchors)
        config = pathlib.Path(self.folder.name) / "unbound.conf"
        config.write_text(f"""server:
  interface: 127.0.0.1@{self.port}
  directory: "{self.folder.name}"
  chroot: ""
  username: ""
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  module-config: "validator iterator"
  local-zone: "test." nodefault
{trusted}  cache-max-ttl: 0
  cache-max-negative-ttl: 0
remote-control:
  control-enable: no
{stubs}""")
        self.process = subprocess.Popen(["unbound", "-d", "-c", str(config)],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.process.terminate()
        self.process.wait(60)
        self.folder.cleanup()

    def ask(self, name, rdtype):
        query = dns.message.make_query(name, rdtype, want_dnssec=True)
        deadline = time.monotonic() + WAIT_S
        while True:
            try:
                return dns.query.udp(query, "127.0.0.1", port=self.port, timeout=3)
            except (dns.exception.Timeout, OSError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)


class Judged(unittest.TestCase):
    def assert_good(self, server, zone="signed.test"):
        """By ldns, by BIND, and by ourselves."""
        served = server.served(zone)
        for judge in (["ldns-verify-zone", str(served)],
                      ["dnssec-verify", "-z", "-o", zone, str(served)],
                      [harness.program(), "zone", "check", "--dnssec", zone, str(served)]):
            done = subprocess.run(judge, capture_output=True, text=True, timeout=60, check=False)
            self.assertEqual(done.returncode, 0, f"{judge}\n{done.stdout}{done.stderr}\n"
                                                 f"{served.read_text()}")

    def ds(self, server, zone="signed.test"):
        done = server.holdfast("key", "ds", zone)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def check_with(self, resolver, zone, opts_out=False):
        for name, rdtype, rcode in (
                ("", "SOA", "NOERROR"), ("", "DNSKEY", "NOERROR"), ("", "CDS", "NOERROR"),
                ("www.", "A", "NOERROR"), ("www.", "AAAA", "NOERROR"), ("alias.", "A", "NOERROR"),
                ("x.wild.", "TXT", "NOERROR"), ("empty.", "A", "NOERROR"),
                ("x.wild.", "A", "NOERROR"), ("nosuch.", "A", "NXDOMAIN"),
                ("a.b.c.", "A", "NXDOMAIN")):
            reply = resolver.ask(name + zone, rdtype)
            self.assertEqual(dns.rcode.to_text(reply.rcode()), rcode, f"{name}{zone} {rdtype}")
            # RFC 5155 §6: opt-out proves nothing of names that do not exist.
            if opts_out and name not in ("", "www.", "alias."):
                continue
            self.assertTrue(reply.flags & dns.flags.AD, f"{name}{zone} {rdtype} is not validated")

    def check_with_delv(self, server, zone):
        owner, _, _, _, tag, algorithm, digest_type, *digest = self.ds(server, zone).split()
        anchor = server.directory / "anchor"
        anchor.write_text(f"trust-anchors {{ {owner} static-ds {tag} {algorithm} {digest_type} "
                          f"\"{''.join(digest)}\"; }};\n")
        done = subprocess.run(["delv", "@127.0.0.1", "-p", str(server.port), "-a", str(anchor),
                               f"+root={zone}", f"www.{zone}", "A"],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertIn("; fully validated", done.stdout, done.stderr)


class Policies(Judged):
    """One zone for each policy, served at once."""
    POLICIES = {
        "csk": {}, "pair": {"keys": "ksk+zsk", "denial": "nsec3"}, "digest": {"zonemd": True},
        "optout": {"algorithm": "ed25519", "denial": "nsec3-opt-out"},
        **{algorithm: {"algorithm": algorithm} for algorithm in (
            "rsasha256", "rsasha512", "ecdsap384sha384", "ed25519", "ed448")}}

    def test_each_is_validated(self):
        zones = {f"{name}.test": name for name in self.POLICIES}
        with PolicyServer(zones, self.POLICIES) as server:
            anchors = {zone: self.ds(server, zone) for zone in zones}
            with Unbound(server, anchors) as resolver:
                for zone, name in zones.items():
                    with self.subTest(name):
                        self.assert_good(server, zone)
                        self.check_with(resolver, zone, opts_out=name == "optout")
                        self.check_with_delv(server, zone)
            self.check_denial(server)

    def check_denial(self, server):
        """RFC 9276: no iterations, no salt. RFC 5155 §6: with opt-out a delegation without a DS has
        no NSEC3, and those of others say so."""
        def nsec3(zone):
            return [line.split()[5] for line in server.served(zone).read_text().splitlines()
                    if line.split()[3] == "NSEC3"]
        for zone in ("pair.test", "optout.test"):
            parameters = server.ask(zone, "NSEC3PARAM").answer[0][0]
            self.assertEqual(parameters.to_text(), "1 0 0 -")
        self.assertEqual(len(nsec3("optout.test")), len(nsec3("pair.test")) - 1)
        self.assertEqual((set(nsec3("pair.test")), set(nsec3("optout.test"))), ({"0"}, {"1"}))


class Serving(Judged):
    def check_with_resolver(self, server):
        with Unbound(server, {"signed.test": self.ds(server)}) as resolver:
            self.check_with(resolver, "signed.test")

    def test_a_change_of_the_file_signs_what_has_changed(self):
        with SignedServer() as server:
            before = server.served().read_text()
            server.zones["signed.test"] = zone_text(address="192.0.2.7")  # the serial as it was
            server.write_config()
            done = server.holdfast("reload")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(server.serial(), 11)
            after = server.served().read_text()
            self.assertEqual(sum(1 for line in after.splitlines()
                                 if "RRSIG" in line and line not in before.splitlines()), 2)
            self.assert_good(server)
            server.zones["signed.test"] = zone_text(serial=40)
            server.write_config()
            server.holdfast("reload")
            self.assertEqual(server.serial(), 40)
            # Nothing has changed: nothing changes, after a start either.
            last = server.served().read_text()
            server.holdfast("reload", "signed.test")
            self.assertEqual(server.served().read_text(), last)
            server.stop()
            server.start()
            self.assertEqual(server.served().read_text(), last)

    def test_a_bad_file_leaves_what_is_served(self):
        with SignedServer() as server:
            last = server.served().read_text()
            server.zones["signed.test"] = zone_text() + "www CNAME ns\n"
            server.write_config()
            self.assertEqual(server.holdfast("reload").returncode, 1)
            self.assertEqual(server.served().read_text(), last)

    def test_a_policy_that_is_missing_or_impossible_is_told(self):
        with SignedServer() as server:
            good = server.config.read_text()
            for policy, told in (('policy = "q"', 'zone.policy is "q"; expected the name'),
                                 ('policy = "p"', "signature_validity_s is 7200; expected more")):
                text = good.replace('policy = "p"', policy)
                if "7200" in told:
                    text = text.replace('name = "p"', 'name = "p"\nsignature_validity_s = 7200')
                server.config.write_text(text)
                done = server.holdfast("reload")
                self.assertEqual(done.returncode, 1)
                self.assertIn(told, done.stdout + done.stderr)
            self.assert_good(server)

    def test_keys_that_are_brought_along_are_used(self):
        with SignedServer() as server:
            server.holdfast("key", "generate", "signed.test", "--role", "zsk")
            server.holdfast("reload")
            served = server.served().read_text()
            self.assertEqual(served.count(" DNSKEY 256 "), 1)
            self.assertEqual(served.count(" DNSKEY 257 "), 1)
            self.assert_good(server)
            self.check_with_resolver(server)

    def test_keys_are_rolled_while_they_serve(self):
        with SignedServer("dnskey_ttl_s = 1") as server:
            first = self.ds(server).split()[4]
            done = server.holdfast("key", "roll", "signed.test", "--ttl", "1")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(server.holdfast("reload", "signed.test").returncode, 0)
            self.assertEqual(server.served().read_text().count(" DNSKEY 257 "), 2)
            self.assert_good(server)
            early = server.holdfast("key", "submitted", "signed.test")
            self.assertEqual(early.returncode, 1)
            self.assertIn("not in all caches", early.stderr)
            # As if the old key were older than a second, and the hour for secondaries over.
            new, old = (server.state / "keys" / "signed.test" / (line.split(":")[0] + ".private")
                        for line in done.stdout.splitlines())
            for path, time_line in ((old, "Created: 20190101000000"),
                                    (new, "SyncPublish: 20200101000000")):
                name = time_line.split(":")[0]
                path.write_text("\n".join([*(line for line in path.read_text().splitlines()
                                             if not line.startswith(name)), time_line]) + "\n")
            done = server.holdfast("key", "submitted", "signed.test", "--ttl", "1")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertRegex(done.stdout, rf"\+0*{first}: .*inactive 20\d+, remove 20\d+")
            self.assertEqual(server.holdfast("reload", "signed.test").returncode, 0)
            self.assert_good(server)

    def test_signatures_are_refreshed_by_time_and_over_restarts(self):
        short = ("signature_validity_s = 3600\nsignature_refresh_s = 3597\n"
                 "signature_jitter_s = 0\n")
        with SignedServer(short) as server:
            # It is signed anew after three seconds, which may be over.
            self.assertGreaterEqual(server.serial(), 10)
            self.assertIn("signatures-end-early", server.log_text())  # before the SOA's expire
            server.wait(lambda: server.serial() >= 12)
            self.assert_good(server)
            server.stop()
            server.start()
            serial = server.serial()
            self.assertGreaterEqual(serial, 12)
            server.wait(lambda: server.serial() > serial)
            self.assert_good(server)

    def test_the_end_of_control_at_any_moment_does_no_harm(self):
        source = random.Random(5)
        with SignedServer("signature_validity_s = 3600\nsignature_refresh_s = 3598\n"
                          "signature_jitter_s = 0\n") as server:
            keys = sorted((server.state / "keys" / "signed.test").iterdir())
            last = server.serial()
            for round_number in range(12):
                server.zones["signed.test"] = zone_text(address=f"192.0.2.{round_number + 100}")
                server.write_config()
                reloading = subprocess.Popen([harness.program(), "reload", "--config",
                                              str(server.config)], stdout=subprocess.DEVNULL,
                                             stderr=subprocess.DEVNULL)
                time.sleep(source.random() * 0.03)
                os.kill(self.control_of(server), signal.SIGKILL)
                reloading.wait(120)
                server.wait(lambda: server.holdfast("reload").returncode == 0)
                self.assertEqual(server.ask("www.signed.test", "A").answer[0][0].address,
                                 f"192.0.2.{round_number + 100}")
                self.assertGreater(server.serial(), last)
                last = server.serial()
                self.assert_good(server)
            self.assertEqual(sorted((server.state / "keys" / "signed.test").iterdir()), keys)

    @staticmethod
    def control_of(server):
        for _ in range(1200):
            children = harness.children(server.pid)  # one worker, started first, and control
            if len(children) == 2:
                return children[1]
            time.sleep(0.05)
        raise AssertionError("no control process")


if __name__ == "__main__":
    unittest.main()
