# SPDX-License-Identifier: GPL-3.0-or-later
"""Datagrams: truncation (RFC 2181 §9), the address that answers, IPv4 and IPv6."""
import socket
import unittest

import dns.flags
import dns.message

import sample
from sample import query

HAS_IPV6 = sample.harness.has_ipv6()


class Datagrams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(sample.server(listen=("0.0.0.0", "::")))

    def test_too_large_is_truncated_to_whole_rrsets(self):
        for qname, qtype in (("large.example.com", 16), ("many.example.com", 1),
                             ("example.com", 48)):
            for payload in (None, 512, 800, 1232):
                with self.subTest((qname, payload)):
                    packet = query(None if payload is None else b"", qname=qname, qtype=qtype,
                                   **({} if payload is None else {"payload": payload}))
                    data = self.server.exchange(packet)
                    response = dns.message.from_wire(data)
                    self.assertLessEqual(len(data), payload or 512)
                    self.assert_whole(response, qname, qtype)
                    self.assertEqual(response.edns, -1 if payload is None else 0)

    def assert_whole(self, response, qname, qtype):
        whole = self.server.ask(qname, qtype, tcp=True)
        self.assertFalse(whole.flags & dns.flags.TC)
        self.assertGreater(len(whole.answer[0]), 7)
        if response.flags & dns.flags.TC:
            self.assertEqual(response.answer, [])
        else:
            self.assertEqual(response.answer, whole.answer)

    def test_the_address_that_was_asked_answers(self):
        addresses = ["127.0.0.1", "127.0.0.2", "127.9.8.7"] + (["::1"] if HAS_IPV6 else [])
        for address in addresses:
            with self.subTest(address):
                family = socket.AF_INET6 if ":" in address else socket.AF_INET
                # Not connected: answers from any address would be taken.
                with socket.socket(family, socket.SOCK_DGRAM) as client:
                    client.settimeout(sample.harness.ANSWER_S)
                    client.sendto(query(), (address, self.server.port))
                    data, sender = client.recvfrom(4096)
                self.assertEqual(sender[:2], (address, self.server.port))
                self.assertEqual(dns.message.from_wire(data).rcode(), 0)

    def test_tcp_on_every_address(self):
        for address in ["127.0.0.1", "127.0.0.2"] + (["::1"] if HAS_IPV6 else []):
            with self.subTest(address):
                response = self.server.ask("www.example.com", "A", tcp=True, address=address)
                self.assertEqual(len(response.answer), 1)

    def test_many_questions_from_many_ports(self):
        clients = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(50)]
        try:
            for number, client in enumerate(clients):
                client.settimeout(sample.harness.ANSWER_S)
                client.connect(("127.0.0.1", self.server.port))
                for turn in range(4):
                    client.send(query(ident=number * 4 + turn))
            for number, client in enumerate(clients):
                idents = {int.from_bytes(client.recv(4096)[:2], "big") for _ in range(4)}
                self.assertEqual(idents, set(range(number * 4, number * 4 + 4)))
        finally:
            for client in clients:
                client.close()

    def test_the_case_of_the_question_comes_back(self):
        data = self.server.exchange(query(qname="wWw.eXample.COM", qtype=1))
        self.assertIn(sample.name("wWw.eXample.COM"), data)

    def test_a_datagram_larger_than_any_question(self):
        data = self.server.exchange(query() + bytes(5000))
        self.assertEqual(dns.message.from_wire(data).rcode(), 0)


if __name__ == "__main__":
    unittest.main()
