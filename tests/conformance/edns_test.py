# SPDX-License-Identifier: GPL-3.0-or-later
"""EDNS and message forms that dig cannot send: FORMERR, BADVERS, NOTIMP, and silence."""
import struct
import unittest

import dns.message
import dns.rdataclass

import sample
from sample import header, name, opt, option, query, question

FORMERR, NOTIMP, REFUSED, BADVERS = 1, 4, 5, 16
COOKIE, NSID, EXPIRE, KEEPALIVE, ZONEVERSION, EDE = 10, 3, 9, 11, 19, 15
A_RECORD = b"\xc0\x0c" + struct.pack("!2HIH", 1, 1, 0, 4) + b"\x01\x02\x03\x04"


class Edns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(sample.server(
            {"server": {"nsid": "0x00ff41", "version": "tested", "hostname": ""},
             "tcp": {"idle_ms": 7000}}))

    def respond(self, packet, tcp=False):
        if tcp:
            with self.server.connect() as connection:
                connection.sendall(sample.harness.frame(packet))
                data = sample.harness.read_frame(connection)
        else:
            data = self.server.exchange(packet)
        self.assertIsNotNone(data, "no answer")
        self.assertEqual(data[:2], packet[:2])
        return dns.message.from_wire(data, ignore_trailing=False)

    def options(self, packet, **keywords):
        response = self.respond(packet, **keywords)
        return {int(option.otype): option.to_wire() for option in response.options}

    def assert_rcode(self, packet, rcode):
        response = self.respond(packet)
        self.assertEqual(response.rcode(), rcode)
        self.assertEqual(response.answer + response.authority, [])
        return response

    def assert_silent(self, packet):
        self.assertIsNone(self.server.exchange(packet, timeout=0.5))

    # --- form

    def test_no_header_no_answer(self):
        for size in (0, 1, 11):
            with self.subTest(size):
                self.assert_silent(header()[:size])

    def test_responses_are_not_answered(self):
        self.assert_silent(query(flags=0x8000))

    def test_wrong_counts(self):
        self.assert_rcode(header(counts=(0, 0, 0, 0)), FORMERR)
        two = self.assert_rcode(header(counts=(2, 0, 0, 0)) + question() * 2, FORMERR)
        self.assertEqual(two.question, [])
        self.assert_rcode(header(counts=(1, 1, 0, 0)) + question(), FORMERR)
        self.assert_rcode(header(counts=(65535, 65535, 65535, 65535)), FORMERR)

    def test_cut_questions(self):
        whole = query()
        for size in range(12, len(whole)):
            self.assert_rcode(whole[:size], FORMERR)

    def test_bad_names(self):
        for bad in (b"\xc0\x0c", b"\x01a\xc0\x00", b"\x40" + b"a" * 64 + b"\0", b"\x80\0",
                    (b"\x3f" + b"a" * 63) * 4 + b"\0"):
            with self.subTest(bad):
                self.assert_rcode(header() + bad + b"\0\1\0\1", FORMERR)

    def test_records_of_a_query_are_passed_over(self):
        packet = header(counts=(1, 1, 1, 1)) + question() + A_RECORD * 3
        self.assertEqual(self.respond(packet).rcode(), 0)

    def test_trailing_bytes_are_ignored(self):
        self.assertEqual(self.respond(query() + b"\0\0\0\0").rcode(), 0)

    def test_opcodes(self):  # by the bytes: dnspython does not read opcodes without a name
        for opcode in (1, 2, 3, 4, 5, 6, 7, 15):
            with self.subTest(opcode):
                data = self.server.exchange(query(b"", flags=opcode << 11 | 0x07F0))
                flags, *counts = struct.unpack("!5H", data[2:12])
                self.assertEqual(flags, 0x8000 | opcode << 11 | NOTIMP)
                self.assertEqual(counts, [1, 0, 0, 1])  # the question and OPT come back

    def test_classes(self):
        self.assert_rcode(query(qclass=4), REFUSED)
        self.assert_rcode(query(qclass=1234), REFUSED)

    # --- OPT

    def test_opt_only_once_at_the_root_in_its_section(self):
        self.assert_rcode(header(counts=(1, 0, 0, 2)) + question() + opt() * 2, FORMERR)
        self.assert_rcode(header(counts=(1, 1, 0, 0)) + question() + opt(), FORMERR)
        self.assert_rcode(header(counts=(1, 0, 1, 0)) + question() + opt(), FORMERR)
        owned = header(counts=(1, 0, 0, 1)) + question() + opt(owner=name("a."))
        self.assert_rcode(owned, FORMERR)

    def test_bad_option_lengths(self):
        for bad in (b"\0", b"\0\3\0", b"\0\3\0\1", option(NSID) + b"\0",
                    option(EXPIRE, b"\0")):
            with self.subTest(bad):
                self.assert_rcode(query(bad), FORMERR)

    def test_versions(self):
        for version in (1, 2, 255):
            response = self.assert_rcode(query(b"\1\2\3", version=version), BADVERS)
            self.assertEqual(response.edns, 0)
            self.assertEqual(response.options, ())

    def test_flags_other_than_do_are_not_echoed(self):
        response = self.respond(query(b"")[:-4] + b"\xff\xff\0\0")
        self.assertEqual(response.ednsflags & 0xFFFF, 0x8000)

    def test_no_opt_no_opt(self):
        self.assertEqual(self.respond(query()).edns, -1)

    def test_small_and_large_payloads(self):  # RFC 6891 §6.2.3
        for payload, limit in ((0, 512), (511, 512), (512, 512), (800, 800), (4096, 1232),
                               (65535, 1232)):
            with self.subTest(payload):
                data = self.server.exchange(query(b"", qname="large.example.com", qtype=16,
                                                  payload=payload))
                self.assertLessEqual(len(data), limit)
                self.assertEqual(dns.message.from_wire(data).payload, 1232)

    # --- options

    def test_unknown_options_are_ignored(self):
        self.assertEqual(self.options(query(option(65001, b"x") + option(100))), {})

    def test_nsid(self):
        self.assertEqual(self.options(query(option(NSID, b"asked"))), {NSID: b"\x00\xffA"})

    def test_expire(self):  # RFC 7314 §2, §3.1: of any question; §3.3: by the authority alone
        told = {EXPIRE: struct.pack("!I", 604800)}
        self.assertEqual(self.options(query(option(EXPIRE))), told)
        self.assertEqual(self.options(query(option(EXPIRE), qtype=2)), told)
        self.assertEqual(self.options(query(option(EXPIRE), qname="no.example.com")), told)
        self.assertNotIn(EXPIRE, self.options(query(option(EXPIRE), qname="example.net")))

    def test_zoneversion(self):
        wanted = {ZONEVERSION: b"\2\0" + struct.pack("!I", 2026112301)}
        self.assertEqual(self.options(query(option(ZONEVERSION), qname="www.example.com")), wanted)
        self.assertEqual(self.options(query(option(ZONEVERSION), qname="no.example.com")), wanted)
        self.assertNotIn(ZONEVERSION, self.options(query(option(ZONEVERSION), qname="example.")))
        # RFC 9660 §3.2: what a question brings along is ignored.
        brought = query(option(ZONEVERSION, b"\2\0\0\0\0\1"), qname="www.example.com")
        self.assertEqual(self.options(brought), wanted)

    def test_keepalive_over_tcp_only(self):
        self.assertEqual(self.options(query(option(KEEPALIVE)), tcp=True), {KEEPALIVE: b"\0\x46"})
        self.assertEqual(self.options(query(option(KEEPALIVE))), {})
        # RFC 7828 §3.3.1: over UDP it is ignored, whatever is in it.
        self.assertEqual(self.options(query(option(KEEPALIVE, b"\0"))), {})

    def test_padding_over_encrypted_transports_only(self):
        self.assertEqual(self.options(query(option(12, bytes(20)))), {})
        self.assertEqual(self.options(query(option(12, bytes(20))), tcp=True), {})

    def test_refusals_tell_why(self):
        told = self.options(query(b"", qname="example.net"))
        self.assertEqual(told, {EDE: struct.pack("!H", 20)})  # Not Authoritative
        self.assertEqual(self.respond(query(qname="example.net")).edns, -1)

    # --- class CH

    def test_names_of_class_ch(self):
        for shown in ("version.bind", "VERSION.server"):
            response = self.respond(query(qname=shown, qtype=16, qclass=3))
            self.assertEqual(response.answer[0][0].strings, (b"tested",))
            self.assertEqual(response.answer[0].rdclass, dns.rdataclass.CH)
        for hidden in ("hostname.bind", "id.server", "authors.bind", "bind"):
            self.assert_rcode(query(qname=hidden, qtype=16, qclass=3), REFUSED)


class Identity(unittest.TestCase):
    def test_hidden_and_automatic(self):
        settings = {"server": {"version": "", "hostname": "auto", "nsid": ""}}
        with sample.server(settings) as server:
            self.assertEqual(server.ask("version.bind", "TXT", "CH").rcode(), REFUSED)
            for shown in ("hostname.bind", "id.server"):
                response = server.ask(shown, "TXT", "CH")
                self.assertTrue(response.answer[0][0].strings[0])
            asked = dns.message.from_wire(server.exchange(query(option(NSID))))
            self.assertEqual(asked.options, ())


if __name__ == "__main__":
    unittest.main()
