# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 8906 §8 and the cases of genreport (ednscomp), asked by dig.

A case tells dig's arguments and what must be seen. What genreport wants of every answer, `check`
wants of every case: no reserved bit, EDNS version 0, OPT if and only if one was sent, flags of
QUERY under no other opcode.
"""
import re
import subprocess
import unittest

import sample

COOKIE = "+cookie=0102030405060708"
PLAIN = "+noedns +noad +norec"
EDNS = "+edns=0 +nocookie +noad +norec"
EDNS1 = "+edns=1 +noednsneg +nocookie +noad +norec"
SUBNET = "+subnet=0.0.0.0/0"

# name: (arguments, wanted status, type asked, further checks by name)
CASES = {
    "dns": (PLAIN, "NOERROR", "SOA", ""),
    "aa": (PLAIN + " +aaflag", "NOERROR", "SOA", ""),
    "ad": ("+noedns +ad +norec", "NOERROR", "SOA", ""),
    "cd": (PLAIN + " +cd", "NOERROR", "SOA", "cd"),
    "ra": (PLAIN + " +raflag", "NOERROR", "SOA", ""),
    "rd": ("+noedns +noad +rec", "NOERROR", "SOA", "rd"),
    "tc": (PLAIN + " +tcflag", "NOERROR", "SOA", ""),
    "zflag": (PLAIN + " +zflag", "NOERROR", "SOA", ""),
    "opcode": (PLAIN + " +header-only +opcode=15", "NOTIMP", None, "empty"),
    "opcodeflg": ("+noedns +header-only +opcode=15 +tcflag +rec +raflag +cd +ad +aaflag +zflag",
                  "NOTIMP", None, "empty"),
    "type666": (PLAIN, "NOERROR", "TYPE666", "nodata"),
    "type1000": (PLAIN, "NOERROR", "TYPE1000", "nodata"),
    "tcp": (PLAIN + " +tcp", "NOERROR", "SOA", ""),
    "edns": (EDNS, "NOERROR", "SOA", ""),
    "edns1": (EDNS1, "BADVERS", "SOA", ""),
    "edns@512": (EDNS + " +dnssec +ignore +bufsize=512", "NOERROR", "DNSKEY", "tc do"),
    "ednsopt": (EDNS + " +ednsopt=100", "NOERROR", "SOA", ""),
    "edns1opt": (EDNS1 + " +ednsopt=100", "BADVERS", "SOA", ""),
    "do": (EDNS + " +dnssec", "NOERROR", "SOA", "do"),
    "docd": (EDNS + " +dnssec +cd", "NOERROR", "SOA", "do cd"),
    "edns1do": (EDNS1 + " +dnssec", "BADVERS", "SOA", "do"),
    "ednsflags": (EDNS + " +ednsflags=0x0080", "NOERROR", "SOA", ""),
    "optlist": (f"+edns=0 +noad +norec +nsid {SUBNET} +expire {COOKIE}", "NOERROR", "SOA",
                "nsid expire cookie"),
    "ednsnsid": (EDNS + " +nsid", "NOERROR", "SOA", "nsid"),
    "ednscookie": ("+edns=0 +noad +norec " + COOKIE, "NOERROR", "SOA", "cookie"),
    "ednsexpire": (EDNS + " +expire", "NOERROR", "SOA", "expire"),
    "ednssubnet": (f"{EDNS} {SUBNET}", "NOERROR", "SOA", ""),
    "edns1nsid": (EDNS1 + " +nsid", "BADVERS", "SOA", ""),
    "edns1cookie": ("+edns=1 +noednsneg +noad +norec " + COOKIE, "BADVERS", "SOA", ""),
    "edns1expire": (EDNS1 + " +expire", "BADVERS", "SOA", ""),
    "edns1subnet": (f"{EDNS1} {SUBNET}", "BADVERS", "SOA", ""),
    "ednstcp": (EDNS + " +dnssec +bufsize=512 +tcp", "NOERROR", "DNSKEY", "whole do"),
    "bind11": (f"+edns=0 {COOKIE} +noad +norec +dnssec", "NOERROR", "SOA", "do cookie"),
    "dig11": (f"+edns=0 {COOKIE} +ad +rec", "NOERROR", "SOA", "rd cookie"),
    "dnswkk": (PLAIN + " -y hmac-sha256:.:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "NOTAUTH",
               "SOA", "badkey"),
}
TYPES = """A NS MD MF CNAME SOA MB MG MR NULL WKS PTR HINFO MINFO MX TXT RP AFSDB X25 ISDN RT NSAP
NSAP-PTR SIG KEY PX GPOS AAAA LOC NXT SRV NAPTR KX CERT A6 DNAME APL DS SSHFP IPSECKEY RRSIG NSEC
DNSKEY DHCID NSEC3 NSEC3PARAM TLSA SMIMEA HIP CDS CDNSKEY OPENPGPKEY SPF NID L32 L64 LP EUI48 EUI64
URI CAA AVC DOA DLV SVCB HTTPS ZONEMD CSYNC TYPE666""".split()


class Rfc8906(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(sample.server({"server": {"nsid": "test-nsid"}}))

    def dig(self, arguments, qtype):
        words = ["dig", "@" + self.server.address, "-p", str(self.server.port), "+tries=1",
                 "+time=20", "+qr", *arguments.split()]
        words += [qtype, "example.com."] if qtype else ["example.com."]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60)
        # dig shows the query first.
        return done.stdout.split("Got answer:")[-1]

    def check(self, text, arguments, status):
        self.assertRegex(text, rf"status: {status},", text)
        self.assertNotIn("MBZ", text)
        self.assertNotRegex(text, "(?i)malformed|FORMERR|trailing|Warning: .*garbage")
        flags = re.search(r";; flags: ([^;]*);", text)[1].split()
        self.assertIn("qr", flags)
        for flag in ("ra", "ad"):
            self.assertNotIn(flag, flags)
        if "+edns=" in arguments:
            self.assertIn("EDNS: version: 0", text)
        else:
            self.assertNotIn("EDNS:", text)
        self.assertNotIn("OPT=100", text)
        self.assertNotIn("CLIENT-SUBNET", text)
        return flags

    def test_cases(self):
        for name, (arguments, status, qtype, checks) in CASES.items():
            with self.subTest(name):
                text = self.dig(arguments, qtype)
                flags = self.check(text, arguments, status)
                self.judge(text, flags, status, qtype, checks.split())

    def judge(self, text, flags, status, qtype, checks):
        answers = int(re.search(r"ANSWER: (\d+)", text)[1])
        options = text[:text.find(";; QUESTION")] if ";; QUESTION" in text else text
        for flag in ("rd", "cd", "tc"):
            self.assertEqual(flag in flags, flag in checks, flag)
        self.assertEqual("aa" in flags, status == "NOERROR")
        self.assertEqual("flags: do" in options, "do" in checks)
        if status == "NOERROR" and qtype == "SOA":
            self.assertRegex(text, r"example\.com\.\s+300\s+IN\s+SOA")
        elif status != "NOERROR" or "nodata" in checks:
            self.assertEqual(answers, 0)
        for word in ("NSID", "EXPIRE", "COOKIE"):
            if status != "BADVERS":
                self.assertEqual(f"; {word}:" in options, word.lower() in checks, word)
        if "expire" in checks:
            self.assertIn("; EXPIRE: 604800", options)
        if "cookie" in checks:
            self.assertRegex(options, r"; COOKIE: 0102030405060708[0-9a-f]{32} \(good\)")
        if "empty" in checks:
            self.assertRegex(text, "opcode: RESERVED15")
            self.assertRegex(text, "QUERY: 0, ANSWER: 0, AUTHORITY: 0, ADDITIONAL: 0")
        if "whole" in checks:
            self.assertGreaterEqual(answers, 8)
        if "badkey" in checks:
            self.assertRegex(text, r"TSIG\s+hmac-sha256\. .* BADKEY")

    def test_every_type_gets_an_answer(self):
        for qtype in TYPES:
            with self.subTest(qtype):
                text = self.dig(PLAIN, qtype)
                self.assertIn("aa", self.check(text, PLAIN, "NOERROR"))

    def test_a_zone_that_is_not_ours(self):  # §8.1.1: the opposite of a configured zone
        response = self.server.ask("example.net", "SOA")
        self.assertEqual(response.rcode(), 5)
        self.assertEqual(response.answer + response.authority + response.additional, [])


if __name__ == "__main__":
    unittest.main()
