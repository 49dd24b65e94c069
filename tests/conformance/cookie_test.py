# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS cookies: RFC 7873, and the interoperable server cookie of RFC 9018.

The test makes cookies with a SipHash of its own, held against RFC 9018 Appendix A first.
"""
import ipaddress
import struct
import time
import unittest

import dns.message

import sample
from sample import header, opt, option, query

COOKIE = 10
CLIENT4 = sample.harness.CLIENTS[0]
CLIENT = bytes.fromhex("2464c4abcf10c957")
ACTIVE = bytes.fromhex("e5e973e5a6b2a43f48e7dc849e37bfcf")
STAGED = bytes.fromhex("445536bcd2513298075a5d379663c962")
NOERROR, FORMERR, REFUSED, BADCOOKIE = 0, 1, 5, 23
MASK = (1 << 64) - 1


def siphash24(key, data):
    def rotate(word, bits):
        return (word << bits | word >> (64 - bits)) & MASK

    def rounds(count):
        for _ in range(count):
            v[0] = (v[0] + v[1]) & MASK
            v[2] = (v[2] + v[3]) & MASK
            v[1] = rotate(v[1], 13) ^ v[0]
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = rotate(v[0], 32)
            v[2] = (v[2] + v[1]) & MASK
            v[0] = (v[0] + v[3]) & MASK
            v[1] = rotate(v[1], 17) ^ v[2]
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = rotate(v[2], 32)

    k0, k1 = struct.unpack("<2Q", key)
    v = [k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261,
         k1 ^ 0x7465646279746573]
    padded = data + b"\0" * (7 - len(data) % 8) + bytes([len(data) & 0xFF])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xFF
    rounds(4)
    return struct.pack("<Q", v[0] ^ v[1] ^ v[2] ^ v[3])


def server_cookie(client, address, secret, seconds, reserved=b"\0\0\0"):
    """RFC 9018 §4: version, reserved, timestamp, hash."""
    prefix = b"\1" + reserved + struct.pack("!I", seconds & 0xFFFFFFFF)
    return prefix + siphash24(secret, client + prefix + ipaddress.ip_address(address).packed)


class Vectors(unittest.TestCase):
    def test_rfc9018_appendix_a(self):
        cases = [  # client, address, secret, time, reserved, server cookie
            ("2464c4abcf10c957", "198.51.100.100", ACTIVE, 1559731985, "000000",
             "010000005cf79f111f8130c3eee29480"),
            ("2464c4abcf10c957", "198.51.100.100", ACTIVE, 1559734385, "000000",
             "010000005cf7a871d4a564a1442aca77"),
            ("fc93fc62807ddb86", "203.0.113.203", ACTIVE, 1559727985, "abcdef",
             "01abcdef5cf78f71a314227b6679ebf5"),
        ]
        for client, address, secret, seconds, reserved, wanted in cases:
            made = server_cookie(bytes.fromhex(client), address, secret, seconds,
                                 bytes.fromhex(reserved))
            self.assertEqual(made.hex(), wanted)


class Cookies(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        secrets = {"active": ACTIVE.hex(), "staged": STAGED.hex()}
        cls.server = cls.enterClassContext(sample.server({"cookies": secrets}))

    def ask(self, cookie, address=None, packet=None):
        packet = packet or query(option(COOKIE, cookie))
        response = dns.message.from_wire(self.server.exchange(packet, address))
        found = [o.to_wire() for o in response.options if o.otype == COOKIE]
        return response, found[0] if found else None

    def assert_fresh(self, cookie, address=None):
        """A cookie of ours, made with the active secret, of about now."""
        seconds = struct.unpack("!I", cookie[12:16])[0]
        made = server_cookie(CLIENT, address or CLIENT4, ACTIVE, seconds)
        self.assertEqual(cookie, CLIENT + made)
        self.assertLess(abs(time.time() - seconds), 60)

    def test_a_client_cookie_gets_a_server_cookie(self):
        for server, client in zip(sample.harness.LISTEN, sample.harness.CLIENTS):
            if ":" in server and not sample.harness.has_ipv6():
                continue
            response, cookie = self.ask(CLIENT, server)
            self.assertEqual(response.rcode(), 0)
            self.assert_fresh(cookie, client)

    def test_a_good_cookie_comes_back(self):  # RFC 9018 §4.3: young enough to be kept
        given = CLIENT + server_cookie(CLIENT, CLIENT4, ACTIVE, int(time.time()) - 60)
        self.assertEqual(self.ask(given)[1], given)

    def test_reserved_bits_are_hashed_as_they_came(self):
        given = CLIENT + server_cookie(CLIENT, CLIENT4, ACTIVE, int(time.time()) - 60,
                                       b"\xab\xcd\xef")
        self.assertEqual(self.ask(given)[1], given)

    def test_an_old_cookie_is_renewed(self):
        given = CLIENT + server_cookie(CLIENT, CLIENT4, ACTIVE, int(time.time()) - 1900)
        self.assert_fresh(self.ask(given)[1])

    def test_bad_cookies_get_an_answer_and_a_good_cookie(self):
        now = int(time.time())
        bad = {"expired": server_cookie(CLIENT, CLIENT4, ACTIVE, now - 3700),
               "future": server_cookie(CLIENT, CLIENT4, ACTIVE, now + 400),
               "another address": server_cookie(CLIENT, "192.0.2.200", ACTIVE, now),
               "another secret": server_cookie(CLIENT, CLIENT4, b"0123456789abcdef", now),
               "another version": b"\2" + server_cookie(CLIENT, CLIENT4, ACTIVE, now)[1:],
               "short": bytes(8), "long": bytes(32)}
        for what, cookie in bad.items():
            with self.subTest(what):
                response, fresh = self.ask(CLIENT + cookie)
                self.assertEqual(response.rcode(), 0)
                self.assertEqual(len(response.answer), 1)
                self.assert_fresh(fresh)

    def test_the_staged_secret_is_accepted_and_replaced(self):
        given = CLIENT + server_cookie(CLIENT, CLIENT4, STAGED, int(time.time()) - 60)
        self.assert_fresh(self.ask(given)[1])

    def test_wrong_lengths(self):  # RFC 7873 §5.2.2
        for size in (0, 1, 7, 9, 15, 41, 60):
            with self.subTest(size):
                self.assertEqual(self.ask(bytes(size))[0].rcode(), FORMERR)

    def test_the_first_of_two_counts(self):  # RFC 7873 §5.2
        packet = query(option(COOKIE, CLIENT) + option(COOKIE, bytes(8)))
        self.assert_fresh(self.ask(None, packet=packet)[1])

    def test_a_cookie_without_a_question(self):  # RFC 7873 §5.4
        packet = header(counts=(0, 0, 0, 1)) + opt(option(COOKIE, CLIENT))
        response, cookie = self.ask(None, packet=packet)
        self.assertEqual(response.rcode(), 0)
        self.assertEqual(response.question + response.answer + response.authority, [])
        self.assert_fresh(cookie)
        # With a server cookie, it asks whether that is still good.
        now = int(time.time())
        for secret, rcode in ((ACTIVE, NOERROR), (b"0123456789abcdef", BADCOOKIE)):
            given = CLIENT + server_cookie(CLIENT, CLIENT4, secret, now)
            packet = header(counts=(0, 0, 0, 1)) + opt(option(COOKIE, given))
            response, cookie = self.ask(None, packet=packet)
            self.assertEqual(response.rcode(), rcode)
            self.assert_fresh(cookie)

    def test_refusals_carry_cookies(self):
        packet = query(option(COOKIE, CLIENT), qname="example.net")
        response, cookie = self.ask(None, packet=packet)
        self.assertEqual(response.rcode(), REFUSED)
        self.assert_fresh(cookie)


class CookiesOff(unittest.TestCase):
    def test_none_is_given(self):
        with sample.server({"cookies": {"enabled": False}}) as server:
            response = dns.message.from_wire(server.exchange(query(option(COOKIE, CLIENT))))
            self.assertEqual(response.rcode(), 0)
            self.assertEqual(response.options, ())


if __name__ == "__main__":
    unittest.main()
