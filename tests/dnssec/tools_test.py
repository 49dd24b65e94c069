#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""`holdfast zone sign`, `zone check --dnssec` and `key` beside the tools of BIND, ldns and Knot."""
import json
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.environ.get("HOLDFAST", str(ROOT / "build" / "release" / "holdfast"))
ALGORITHMS = ["RSASHA256", "RSASHA512", "ECDSAP256SHA256", "ECDSAP384SHA384", "ED25519", "ED448"]

ZONE = """$ORIGIN tools.test.
$TTL 3600
@ SOA ns admin 10 7200 3600 1209600 600
@ NS ns
@ NS ns.elsewhere.example.
@ MX 10 Mail
ns A 192.0.2.53
mail AAAA 2001:db8::25
www A 192.0.2.1
www A 192.0.2.2
www TXT "one" "two"
alias CNAME WWW
*.wild A 192.0.2.9
deep.empty.non.terminal A 192.0.2.10
sub NS ns.sub
ns.sub A 192.0.2.53
below.sub TXT "hidden"
secure NS ns.secure
secure DS 60485 13 2 2BB183AF5F22588179A53B0A98631FAD1A292118CBBF88F2BBD6C2A1AEB5A1EF
ns.secure A 192.0.2.54
only.insecure.below NS ns.elsewhere.example.
tree DNAME other.test.
_sip._tcp SRV 1 2 5060 Ns
naptr NAPTR 10 10 "u" "E2U+sip" "!^.*$!sip:x@tools.test!" .
svc HTTPS 1 . alpn=h2
caa CAA 0 issue "ca.example"
rare TYPE65280 \\# 4 C0000201
"""


class Tools(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.keys = self.folder / "keys"
        self.keys.mkdir()
        self.file = self.folder / "tools.test.zone"
        self.file.write_text(ZONE)
        self.signed = self.folder / "signed"

    def run_tool(self, *command, code=0):
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              timeout=120, cwd=self.folder, check=False)
        self.assertEqual(done.returncode, code, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def holdfast(self, *arguments, code=0):
        return self.run_tool(PROGRAM, *arguments, code=code)

    def generate(self, algorithm, role="csk"):
        return self.holdfast("key", "generate", "tools.test", "--keys", self.keys, "--algorithm",
                             algorithm, "--role", role).strip()

    def sign(self, *options):
        return self.holdfast("zone", "sign", "tools.test", self.file, "--keys", self.keys, "-o",
                             self.signed, *options)

    def judge(self):
        """By everyone else, and by ourselves."""
        self.run_tool("dnssec-verify", "-z", "-o", "tools.test", self.signed)
        self.run_tool("ldns-verify-zone", self.signed)
        self.run_tool("kzonecheck", "-o", "tools.test", "--dnssec", "on", self.signed)
        self.holdfast("zone", "check", "tools.test", self.signed, "--dnssec")

    def test_each_algorithm(self):
        for algorithm in ALGORITHMS:
            with self.subTest(algorithm):
                for file in self.keys.iterdir():
                    file.unlink()
                self.generate(algorithm)
                self.sign()
                self.judge()

    def test_each_proof_of_denial(self):
        self.generate("ECDSAP256SHA256", "ksk")
        self.generate("ECDSAP256SHA256", "zsk")
        for options in [["--denial", "nsec3"], ["--denial", "nsec3", "--opt-out"], ["--zonemd"],
                        ["--denial", "nsec3", "--zonemd"]]:
            with self.subTest(options):
                self.sign(*options)
                self.judge()
                if "--zonemd" in options:
                    self.run_tool("ldns-verify-zone", "-ZZ", self.signed)

    def test_two_algorithms_at_a_time(self):
        self.generate("ECDSAP256SHA256")
        self.generate("ED25519", "ksk")
        self.generate("ED25519", "zsk")
        self.sign()
        self.judge()

    def test_a_change_keeps_what_still_holds(self):
        self.generate("ED25519")
        self.sign()
        again = self.sign("--previous", self.signed)
        self.assertIn(" 0 signatures made", again)
        self.file.write_text(ZONE.replace("192.0.2.1\n", "192.0.2.7\n", 1))
        self.assertIn(" 1 signatures made", self.sign("--previous", self.signed))
        self.judge()

    def test_keys_of_bind_are_taken_and_given_back(self):
        for algorithm in ALGORITHMS:
            with self.subTest(algorithm):
                theirs = self.folder / f"bind-{algorithm}"
                theirs.mkdir()
                bits = ["-b", "2048"] if algorithm.startswith("RSA") else []
                stem = self.run_tool("dnssec-keygen", "-q", "-K", theirs, "-f", "KSK", "-a",
                                     algorithm, *bits, "tools.test").strip()
                ours = self.folder / f"ours-{algorithm}"
                self.assertEqual(self.holdfast("key", "import", "tools.test", theirs /
                                               f"{stem}.private", "--keys", ours).strip(), stem)
                ds = self.run_tool("dnssec-dsfromkey", "-2", theirs / f"{stem}.key").split()[3:]
                self.assertEqual(self.holdfast("key", "ds", "tools.test", "--keys",
                                               ours).split()[4:], ds)
                given = self.folder / f"given-{algorithm}"
                self.holdfast("key", "export", "tools.test", given, "--keys", ours)
                # BIND signs with what came back.
                self.run_tool("dnssec-signzone", "-z", "-S", "-K", given, "-o", "tools.test", "-f",
                              self.folder / "by-bind", self.file)
                self.holdfast("zone", "check", "tools.test", self.folder / "by-bind", "--dnssec")

    def test_what_others_sign_is_verified(self):
        keys = [self.run_tool("dnssec-keygen", "-q", "-K", self.keys, *flags, "-a",
                              "ECDSAP256SHA256", "tools.test").strip()
                for flags in ([], ["-f", "KSK"])]
        by_bind = self.folder / "by-bind"
        for options in ([], ["-3", "-"], ["-3", "AABB", "-H", "5", "-A"]):
            self.run_tool("dnssec-signzone", "-S", "-K", self.keys, *options, "-o", "tools.test",
                          "-f", by_bind, self.file)
            self.holdfast("zone", "check", "tools.test", by_bind, "--dnssec")
        by_ldns = self.folder / "by-ldns"
        self.run_tool("ldns-signzone", "-n", "-o", "tools.test", "-f", by_ldns, self.file,
                      *[self.keys / key for key in keys])
        self.holdfast("zone", "check", "tools.test", by_ldns, "--dnssec")
        text = by_bind.read_text()
        broken = re.sub(r"192\.0\.2\.9\b", "192.0.2.8", text)
        self.assertNotEqual(broken, text)
        by_bind.write_text(broken)
        told = self.holdfast("zone", "check", "tools.test", by_bind, "--dnssec", code=1)
        self.assertRegex(told, r"\*\.wild\.tools\.test\. A: the signature by key \d+ does not fit")

    def test_keys_are_listed(self):
        stems = {self.generate("ED25519", "ksk"), self.generate("ED25519", "zsk")}
        listed = json.loads(self.holdfast("key", "list", "tools.test", "--json", "--keys",
                                          self.keys))
        self.assertEqual({pathlib.Path(key["file"]).stem for key in listed}, stems)
        self.assertEqual({key["role"] for key in listed}, {"ksk", "zsk"})
        self.assertEqual({key["state"] for key in listed}, {"active"})
        self.assertIn("KEY", self.holdfast("key", "list", "tools.test", "--keys", self.keys))

    def test_what_cannot_be_done_is_told(self):
        self.assertIn("no key of tools.test.", self.holdfast(
            "zone", "sign", "tools.test", self.file, "--keys", self.keys, code=1))
        self.assertIn("expected one of RSASHA256,", self.holdfast(
            "key", "generate", "tools.test", "--keys", self.keys, "--algorithm", "7", code=1))
        stem = self.generate("ED25519")
        self.assertIn("is a key of tools.test., not of other.test.", self.holdfast(
            "key", "import", "other.test", self.keys / f"{stem}.key", "--keys", self.keys, code=1))
        unsigned = self.holdfast("zone", "check", "tools.test", self.file, "--dnssec", code=1)
        self.assertIn("DNSKEY: is missing", unsigned)


if __name__ == "__main__":
    unittest.main()
