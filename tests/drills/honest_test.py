#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Honest resolvers repeat what is not answered, go on over TCP if told to, and keep cookies."""
import json
import pathlib
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

import dns.edns
import dns.flags
import dns.message
import dns.rcode

import laboratory

PORT = 5353
RATE = "400"
SECONDS = "1"
LEAST = 200  # of 400 questions; when they come is random
CLIENT_COOKIE_BYTES = 8
SERVER_COOKIE = b"0123456789abcdef"


class Server:
    """Answers on the server's side in one of several ways; keeps what it saw."""

    def __init__(self, kind, family):
        self.kind = kind
        self.udp = laboratory.socket_on_server_side(family, socket.SOCK_DGRAM, PORT)
        self.udp.settimeout(0.1)
        self.tcp = laboratory.socket_on_server_side(family, socket.SOCK_STREAM, PORT)
        self.tcp.listen(128)
        self.tcp.settimeout(0.1)
        self.seen = set()
        self.sources = set()
        self.cookie_sizes = set()

    def serve_while(self, process):
        listener = threading.Thread(target=self.serve_tcp_while, args=[process])
        listener.start()
        while process.poll() is None:
            try:
                packet, source = self.udp.recvfrom(4096)
            except socket.timeout:
                continue
            self.sources.add(source[0])
            answer = self.answer(packet, source)
            if answer:
                self.udp.sendto(answer, source)
        listener.join()

    def serve_tcp_while(self, process):
        while process.poll() is None:
            try:
                connection, source = self.tcp.accept()
            except socket.timeout:
                continue
            with connection:
                self.sources.add(source[0])
                size = struct.unpack(">H", connection.recv(2, socket.MSG_WAITALL))[0]
                query = connection.recv(size, socket.MSG_WAITALL)
                answer = dns.message.make_response(dns.message.from_wire(query)).to_wire()
                connection.sendall(struct.pack(">H", len(answer)) + answer)

    def answer(self, packet, source):
        key = (packet, source)
        first = key not in self.seen
        self.seen.add(key)
        if self.kind == "silent-at-first" and first:
            return None
        query = dns.message.from_wire(packet)
        response = dns.message.make_response(query)
        if self.kind == "truncating":
            response.flags |= dns.flags.TC
        if self.kind == "refusing":
            response.set_rcode(dns.rcode.REFUSED)
        for option in query.options:
            self.cookie_sizes.add(len(option.data))
            response.use_edns(0, options=[dns.edns.GenericOption(
                dns.edns.COOKIE, option.data[:CLIENT_COOKIE_BYTES] + SERVER_COOKIE)])
            if self.kind == "bad-cookie" and len(option.data) == CLIENT_COOKIE_BYTES:
                response.set_rcode(dns.rcode.BADCOOKIE)
        return response.to_wire()


def ask_honestly(kind, *arguments):
    """Inside: prints what the resolvers and the server saw of each other."""
    family = socket.AF_INET6 if "--ipv6" in arguments else socket.AF_INET
    server = Server(kind, family)
    with tempfile.TemporaryDirectory(prefix="holdfast-test-") as folder:
        questions = pathlib.Path(folder) / "questions"
        questions.write_text("".join(f"n{number}.example A\n" for number in range(50)))
        command = [laboratory.PROGRAM, "honest", "--questions", str(questions), "--port",
                   str(PORT), "--rate", RATE, "--seconds", SECONDS, *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            server.serve_while(process)
            print(json.dumps({"honest": json.load(process.stdout),
                              "sources": sorted(server.sources),
                              "cookies": sorted(server.cookie_sizes)}))


def ask_beside_a_load():
    """Inside: honest resolvers and the generator at the same server at once."""
    order = [laboratory.PROGRAM, "load", "--random-under", "flood.example", "--port", str(PORT),
             "--rate", "200", "--seconds", "3"]
    with subprocess.Popen(order, stdout=subprocess.PIPE, text=True) as load:
        ask_honestly("answering")
        # The rest of the load finds nobody; what it got before is counted.
        print(load.stdout.read())


class Honest(unittest.TestCase):
    def ask(self, kind, *arguments):
        result = laboratory.enter("ask_honestly", kind, *arguments)
        self.assertGreaterEqual(result["honest"]["asked"], LEAST)
        return result["honest"], result["sources"], result["cookies"]

    def test_answered_from_many_addresses(self):
        for family in ([], ["--ipv6"]):
            with self.subTest(family=family):
                honest, sources, cookies = self.ask("answering", *family)
                self.assertGreater(honest["after_retries"], 0.99)
                self.assertGreater(len(sources), 50)
                self.assertTrue(all(source.startswith(("198.18.", "198.19.", "fd48:4600:"))
                                    for source in sources), sources)
                self.assertIn(CLIENT_COOKIE_BYTES, cookies)
                self.assertEqual(honest["sent_tcp"], 0)

    def test_beside_a_load_each_gets_its_own_answers(self):
        honest, load = laboratory.enter_for_lines("ask_beside_a_load")
        self.assertGreater(honest["honest"]["after_retries"], 0.95)
        self.assertEqual(load["rcode"], {"NOERROR": load["answers"]})
        self.assertGreater(load["answers"], 50)
        self.assertLessEqual(load["answers"], load["sent"])

    def test_silence_is_asked_again(self):
        honest, _, _ = self.ask("silent-at-first", "--drain", "5")
        self.assertLess(honest["first_try"], 0.2)  # a name asked twice under the same id
        self.assertGreater(honest["after_retries"], 0.95)
        self.assertGreater(honest["sent_udp"], honest["asked"] * 1.5)

    def test_truncation_leads_to_tcp(self):
        for family in ([], ["--ipv6"]):
            with self.subTest(family=family):
                honest, _, _ = self.ask("truncating", *family)
                self.assertGreater(honest["first_try"], 0.8)  # some cannot use TCP
                self.assertGreater(honest["sent_tcp"], honest["asked"] * 0.8)

    def test_refusals_are_not_answers(self):
        honest, _, _ = self.ask("refusing", "--drain", "0")
        self.assertEqual(honest["after_retries"], 0)
        self.assertGreater(honest["refused"], 0)

    def test_cookies_are_kept(self):
        honest, _, cookies = self.ask("bad-cookie", "--resolvers", "200")
        self.assertEqual(cookies, [CLIENT_COOKIE_BYTES, CLIENT_COOKIE_BYTES + len(SERVER_COOKIE)])
        self.assertGreater(honest["bad_cookie"], 0)
        self.assertGreater(honest["first_try"], 0.9)


if __name__ == "__main__":
    laboratory.main()
