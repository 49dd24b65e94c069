#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A zone whose KSK is kept offline: what is asked of it is signed by us or by Knot's keymgr, and
what comes back is served, or refused with the reason."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from harness import Server
from parent_zone import records

ZONE = "$TTL 60\n@ SOA ns admin 1 7200 3600 1209600 1\n@ NS ns\nns A 192.0.2.53\n"
NAME = "off.test"
KNOT = """database:
  storage: {folder}
policy:
  - id: p
    algorithm: ed25519
    ksk-lifetime: 0
    dnskey-ttl: 3600
    zone-max-ttl: 3600
    offline-ksk: on
    manual: on
zone:
  - domain: off.test
    storage: {folder}
    dnssec-signing: on
    dnssec-policy: p
"""


class OfflineKsk(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="holdfast-offline-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.server = Server({NAME: ZONE}, zone_settings={NAME: {"policy": "p"}},
                             tables=[("policy", {"name": "p", "offline_ksk": True,
                                                 "algorithm": "ed25519"})])
        self.addCleanup(self.server.__exit__)
        self.holdfast("key", "generate", NAME, "--role", "zsk", "--algorithm", "ED25519")
        self.ksk = self.folder / "ksk"
        self.holdfast("key", "generate", NAME, "--role", "ksk", "--algorithm", "ED25519",
                      "--keys", self.ksk, configured=False)

    def holdfast(self, *arguments, configured=True, code=0):
        more = ["--config", str(self.server.config)] if configured else []
        done = self.server.run(*map(str, arguments), *more)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def request(self, *options):
        path = self.folder / "request"
        self.holdfast("key", "request", NAME, "-o", path, *options)
        return path

    def sign(self, request, keys=None):
        path = self.folder / "response"
        self.holdfast("key", "sign-request", NAME, request, "--keys", keys or self.ksk, "-o", path,
                      configured=False)
        return path

    def judge(self):
        printed = self.folder / "served"
        printed.write_text(self.holdfast("zone", "print", NAME))
        ds = self.folder / "ds"
        ds.write_text(self.holdfast("key", "ds", NAME, "--keys", self.ksk, configured=False))
        done = subprocess.run(["ldns-verify-zone", str(printed)], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + printed.read_text())
        self.holdfast("zone", "check", NAME, printed, "--dnssec", configured=False)

    def test_what_was_signed_ahead_is_served(self):
        request = self.request("--days", 60, "--zsk-days", 20, "--period-days", 10, "--ttl", 60)
        self.assertGreaterEqual(request.read_text().count(";; KeySigningRequest"), 9)
        response = self.sign(request)
        told = self.holdfast("key", "import-response", NAME, response)
        self.assertIn("signed until 20", told)
        self.assertIn(" DS ", told)
        self.server.start()
        self.judge()
        flags = sorted(text.split()[0] for text in
                       records(self.server.ask(NAME, "DNSKEY", use_edns=0), "DNSKEY"))
        self.assertEqual(flags, ["256", "257"])
        self.assertFalse([file for file in (self.server.state / "keys").rglob("*.key")
                          if " 257 3 " in file.read_text()])
        status = json.loads(self.holdfast("key", "status", NAME, "--json"))
        self.assertIn("signed_until", status)
        # A change of the zone needs nothing of the KSK.
        self.server.zones = {NAME: ZONE + "www A 192.0.2.1\n"}
        self.server.write_config()
        self.holdfast("reload")
        self.judge()
        # What is laid out is not laid out twice.
        self.assertEqual(self.request("--days", 60, "--zsk-days", 20, "--period-days", 10, "--ttl",
                                      60).read_text().count("DNSKEY 256"),
                         request.read_text().count("DNSKEY 256"))

    def test_what_would_make_it_bogus_is_refused(self):
        # Before the request: a key signs no period that began before it was made.
        other = self.folder / "other"
        self.holdfast("key", "generate", NAME, "--role", "ksk", "--algorithm", "ED25519", "--keys",
                      other, configured=False)
        request = self.request("--days", 30)
        response = self.sign(request)
        self.holdfast("key", "import-response", NAME, response)
        good = response.read_text()
        response.write_text(re.sub(r"(DNSKEY 257 3 15 )(.)", lambda found: found[1] +
                                   ("B" if found[2] == "A" else "A"), good))
        self.assertIn("is refused: ", self.holdfast("key", "import-response", NAME, response,
                                                    code=1))
        told = self.holdfast("key", "import-response", NAME, self.sign(request, other), code=1)
        self.assertIn("lead nowhere", told)
        self.holdfast("key", "generate", NAME, "--role", "zsk", "--algorithm", "ED25519")
        response.write_text(good)
        told = self.holdfast("key", "import-response", NAME, response, code=1)
        self.assertRegex(told, "ZSK [0-9]+, which is published at [0-9]+, is not in it")

    def test_knot_signs_our_request(self):
        request = self.request("--days", 40, "--period-days", 10)
        config = self.folder / "knot.conf"
        config.write_text(KNOT.format(folder=self.folder))
        def keymgr(*arguments):
            done = subprocess.run(["keymgr", "-c", str(config), NAME, *map(str, arguments)],
                                  capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            return done.stdout
        keymgr("generate", "ksk=yes", *(f"{time}=-1d" for time in
                                        ("created", "publish", "ready", "active")))
        response = self.folder / "skr"
        response.write_text(keymgr("sign-ksr", request))
        self.assertIn("signed until", self.holdfast("key", "import-response", NAME, response))
        self.server.start()
        self.ksk = self.server.state  # of no use: Knot has the KSK
        printed = self.folder / "served"
        printed.write_text(self.holdfast("zone", "print", NAME))
        done = subprocess.run(["ldns-verify-zone", str(printed)], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + printed.read_text())


if __name__ == "__main__":
    unittest.main()
