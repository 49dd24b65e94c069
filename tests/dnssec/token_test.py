#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys in a token, with SoftHSM by PKCS#11: made there and never seen here, signed with in the
server and by command, rolled, taken over; and a token that is away while its zone is served."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import dns.rdatatype  # noqa: E402
import harness  # noqa: E402

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "4711"
TOKEN = "our keys"
ALGORITHMS = ("RSASHA256", "RSASHA512", "ECDSAP256SHA256", "ECDSAP384SHA384", "ED25519", "ED448")
ZONE = """$TTL 300
@ SOA ns admin 10 7200 3600 1209600 60
@ NS ns
ns A 192.0.2.53
www A {address}
*.wild TXT "wildcard"
sub NS ns.sub
ns.sub A 192.0.2.54
"""


class Token(unittest.TestCase):
    """A token of the test's own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="holdfast-token-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.tokens = self.folder / "tokens"
        self.tokens.mkdir()
        config = self.folder / "softhsm2.conf"
        config.write_text(f"directories.tokendir = {self.tokens}\nobjectstore.backend = file\n"
                          "log.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = str(config)
        self.pin_file = self.folder / "pin"
        self.pin_file.write_text(PIN + "\n")
        subprocess.run(["softhsm2-util", "--init-token", "--free", "--label", TOKEN, "--so-pin",
                        "123456", "--pin", PIN], check=True, capture_output=True, timeout=30)
        self.uri = (f"pkcs11:token={TOKEN.replace(' ', '%20')}?module-path={MODULE}"
                    f"&pin-source=file:{self.pin_file}")

    def run_command(self, *arguments, good=True):
        done = subprocess.run([harness.program(), *arguments], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode == 0, good, f"{arguments}\n{done.stdout}{done.stderr}")
        return done.stdout if good else done.stderr

    def assert_good(self, path):
        done = subprocess.run(["ldns-verify-zone", str(path)], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + path.read_text())


class ByCommand(Token):
    def test_each_algorithm_signs_and_no_secret_is_seen(self):
        zone = self.folder / "zone"
        zone.write_text(ZONE.format(address="192.0.2.1"))
        for algorithm in ALGORITHMS:
            with self.subTest(algorithm):
                keys = self.folder / algorithm
                stem = self.run_command("key", "generate", "t.test", "--keys", str(keys), "--token",
                                        self.uri, "--algorithm", algorithm).strip()
                text = (keys / f"{stem}.private").read_text()
                self.assertIn("Label: ", text)
                for secret in ("PrivateKey:", "PrivateExponent:", "Prime1:", PIN):
                    self.assertNotIn(secret, text)
                signed = self.folder / "signed"
                self.run_command("zone", "sign", "t.test", str(zone), "--keys", str(keys), "-o",
                                 str(signed))
                self.run_command("zone", "check", "t.test", str(signed), "--dnssec")
                # ldns of Debian knows no Ed448.
                if algorithm != "ED448":
                    self.assert_good(signed)

    def test_a_key_of_the_token_is_taken_over(self):
        made, taken = self.folder / "made", self.folder / "taken"
        stem = self.run_command("key", "generate", "t.test", "--keys", str(made), "--token",
                                self.uri).strip()
        key = self.uri.replace("?", ";object=t.test.?")
        self.assertEqual(self.run_command("key", "import", "t.test", key, "--keys",
                                          str(taken)).strip(), stem)
        self.assertEqual((made / f"{stem}.key").read_text().splitlines()[-1],
                         (taken / f"{stem}.key").read_text().splitlines()[-1])
        self.assertIn(f"token {TOKEN}", self.run_command("key", "list", "t.test", "--keys",
                                                         str(taken)))
        # From files to files; a second of the same label makes it unclear which is meant.
        copy = self.folder / "copy"
        self.run_command("key", "import", "t.test", str(made / f"{stem}.private"), "--keys",
                         str(copy))
        self.run_command("key", "generate", "t.test", "--keys", str(copy), "--role", "zsk")
        self.assertEqual(self.run_command("key", "list", "t.test", "--keys",
                                          str(copy)).count("token "), 2)
        self.assertIn("more than one key", self.run_command(
            "key", "import", "t.test", key, "--keys", str(taken), good=False))
        self.assertIn("has no such key", self.run_command(
            "key", "import", "t.test", key.replace("t.test.", "u.test."), good=False,
            *["--keys", str(taken)]))

    def test_what_is_wrong_is_told(self):
        def complaint(uri):
            return self.run_command("key", "generate", "t.test", "--keys",
                                    str(self.folder / "none"), "--token", uri, good=False)
        self.assertIn("token \"theirs\" is not there",
                      complaint(self.uri.replace(TOKEN.replace(" ", "%20"), "theirs")))
        self.assertIn("cannot open shared object", complaint(self.uri.replace(MODULE, "/no.so")))
        self.assertIn("is no PKCS#11 library",
                      complaint(self.uri.replace(MODULE, "/lib/x86_64-linux-gnu/libz.so.1")
                                if os.path.exists("/lib/x86_64-linux-gnu/libz.so.1")
                                else self.uri.replace(MODULE, "libc.so.6")))
        self.pin_file.write_text("1111\n")
        self.assertIn("the PIN is wrong", complaint(self.uri))
        self.pin_file.unlink()
        self.assertIn("No such file", complaint(self.uri))
        self.assertFalse((self.folder / "none").exists())


class Served(Token):
    def setUp(self):
        super().setUp()
        self.server = harness.Server(
            {"t.test": ZONE.format(address="192.0.2.1")},
            zone_settings={"t.test": {"policy": "p"}},
            tables=[("policy", {"name": "p", "keys": "ksk+zsk", "token": self.uri})])
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)

    def holdfast(self, *arguments, good=True):
        return self.run_command(*arguments, "--config", str(self.server.config), good=good)

    def put(self, address):
        self.server.zones["t.test"] = ZONE.format(address=address)
        self.server.write_config()

    def address(self):
        answer = self.server.ask("www.t.test", "A", want_dnssec=True).answer
        self.assertIn(dns.rdatatype.RRSIG, [rrset.rdtype for rrset in answer])
        return answer[0][0].address

    def assert_served_good(self):
        path = self.folder / "served"
        path.write_text(self.holdfast("zone", "print", "t.test"))
        self.assert_good(path)

    def test_it_signs_and_outlives_the_tokens_absence(self):
        self.assert_served_good()
        self.assertEqual(self.holdfast("key", "list", "t.test").count(f"token {TOKEN}"), 2)
        away = self.folder / "away"
        self.tokens.rename(away)
        self.put("192.0.2.2")
        self.assertIn("token", self.holdfast("reload", good=False))
        self.assertEqual(self.address(), "192.0.2.1")
        # All that asks no token goes on: what is served, keys, and a start.
        self.assertEqual(len(self.holdfast("key", "ds", "t.test").splitlines()), 1)
        self.assertEqual(self.server.stop(), 0)
        self.server.start()
        self.assertEqual(self.address(), "192.0.2.1")
        self.assertIn("cannot be set up", self.holdfast("zone", "status", "t.test"))
        self.assertIn("cannot be set up", self.holdfast("reload", good=False))
        away.rename(self.tokens)
        self.holdfast("reload")
        self.assertEqual(self.address(), "192.0.2.2")
        self.assert_served_good()
        # A rollover makes the new key where the old one is.
        self.holdfast("key", "roll", "t.test", "--role", "zsk", "--ttl", "1")
        self.holdfast("reload", "t.test")
        self.assertEqual(self.holdfast("key", "list", "t.test").count(f"token {TOKEN}"), 3)
        self.assert_served_good()

    def test_a_refused_pin_is_sent_once(self):
        self.server.stop()
        self.pin_file.write_text("1111\n")
        self.put("192.0.2.2")
        self.server.start()
        self.assertEqual(self.address(), "192.0.2.1")
        self.assertIn("the PIN is wrong", self.holdfast("zone", "status", "t.test"))
        self.assertIn("another one is waited for", self.holdfast("reload", good=False))
        self.pin_file.write_text(PIN)
        self.holdfast("reload")
        self.assertEqual(self.address(), "192.0.2.2")


if __name__ == "__main__":
    unittest.main()
