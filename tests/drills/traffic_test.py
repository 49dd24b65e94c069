#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generator sends whole DNS questions as ordered, and what comes back is all counted."""
import collections
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import unittest

import dns.flags
import dns.message
import dns.rcode

import laboratory

PORT = 5353
SOURCES = 50
RATE = "2000"
SECONDS = "0.5"
SO_RCVBUFFORCE = 33  # Linux's; Python does not name it
LEAST = 100  # of the 1,000 questions; a busy machine leaves some out


def shape_of(packet, source):
    """What is compared of one question."""
    message = dns.message.from_wire(packet)
    question = message.question[0]
    return {"name": question.name.to_text(), "type": int(question.rdtype), "id": message.id,
            "edns": message.edns, "payload": message.payload, "flags": message.flags,
            "do": bool(message.ednsflags & dns.flags.DO), "source": source[0], "port": source[1]}


class Receiver:
    """A socket on the server's side that keeps what it gets and answers as told."""

    def __init__(self, family, answer):
        self.socket = laboratory.socket_on_server_side(family, socket.SOCK_DGRAM, PORT)
        # Enough for all of a load, should this process stand still meanwhile.
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.socket.settimeout(0.1)
        self.answer = answer
        self.questions = []

    def serve_while(self, process):
        while True:
            is_over = process.poll() is not None
            try:
                packet, source = self.socket.recvfrom(4096)
            except socket.timeout:
                if is_over:
                    return
                continue
            self.questions.append(shape_of(packet, source))
            self.socket.sendto(self.answer(packet, len(self.questions)), source)


def send_and_receive(*arguments):
    """Inside: runs a load against a Receiver; prints what was sent and what was received."""
    family = socket.AF_INET6 if "--ipv6" in arguments else socket.AF_INET
    receiver = Receiver(family, varied_answer)
    command = [laboratory.PROGRAM, "load", "--port", str(PORT), "--rate", RATE, "--seconds",
               SECONDS, "--sources", str(SOURCES), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        receiver.serve_while(process)
        print(json.dumps({"load": json.load(process.stdout), "questions": receiver.questions}))


def varied_answer(packet, number):
    """Every fourth NXDOMAIN, every tenth truncated."""
    rcode = 3 if number % 4 == 0 else 0
    flags = 0x82 if number % 10 == 0 else 0x80
    return packet[:2] + bytes([flags, rcode]) + packet[4:]


def echo_and_load(*arguments):
    """Inside: runs a load against a floor; prints what both counted."""
    kind, *more = arguments
    command = [laboratory.PROGRAM, "echo", "--kind", kind, "--port", str(PORT), *more]
    order = ["--random-under", "example.com", "--port", str(PORT), "--rate", RATE, "--seconds",
             SECONDS, "--sources", str(SOURCES), "--latency-rate", "1000"]
    order += ["--ipv6"] if "--ipv6" in more else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as echo:
        try:
            assert laboratory.wait_until(lambda: floor_is_ready(kind, order))
            result, error = laboratory.load(*order)
            assert result is not None, error
            asked = kind != "drop" and ask_from_socket("--ipv6" in more)
        finally:
            echo.send_signal(signal.SIGTERM)
            counts = json.load(echo.stdout)
    print(json.dumps({"load": result, "echo": counts, "asked": asked}))


def ask_from_socket(over_ipv6):
    """True if an answer arrives whose checksum the kernel finds right."""
    query = dns.message.make_query("asked.example", "A", flags=0).to_wire()
    with socket.socket(socket.AF_INET6 if over_ipv6 else socket.AF_INET,
                       socket.SOCK_DGRAM) as client:
        client.settimeout(laboratory.WAIT_S)
        client.connect((os.environ["LAB_SERVER_ADDR6" if over_ipv6 else "LAB_SERVER_ADDR4"], PORT))
        client.send(query)
        try:
            answer = client.recv(4096)
        except socket.timeout:
            return False
    return answer[:len(query)] == query[:2] + bytes([query[2] | 0x80]) + query[3:]


def floor_is_ready(kind, order):
    if kind == "drop":
        show = laboratory.on_server_side(["ip", "link", "show", os.environ["LAB_SERVER_IF"]])
        return "xdp" in subprocess.run(show, capture_output=True, text=True, check=True).stdout
    result, error = laboratory.load(*order)
    assert result is not None, error
    return result["answers"] > 0


class Questions(unittest.TestCase):
    def received(self, *arguments):
        result = laboratory.enter("send_and_receive", *arguments)
        load, questions = result["load"], result["questions"]
        self.assertGreaterEqual(len(questions), LEAST)
        # The kernel has dropped whatever had a wrong checksum: none did.
        self.assertEqual(load["sent"] - load["ring_drops"], len(questions))
        return load, questions

    def with_list(self, lines, *arguments):
        with tempfile.TemporaryDirectory(prefix="holdfast-test-") as folder:
            path = pathlib.Path(folder) / "questions"
            path.write_text(lines)
            return self.received("--questions", str(path), *arguments)

    def test_from_a_list(self):
        for family in ([], ["--ipv6"]):
            with self.subTest(family=family):
                load, questions = self.with_list("a.example A\nlonger-name.example AAAA\n", *family)
                seen = collections.Counter((q["name"], q["type"]) for q in questions)
                self.assertEqual(set(seen), {("a.example.", 1), ("longer-name.example.", 28)})
                self.assertEqual({q["flags"] for q in questions}, {0})
                self.assertEqual({q["edns"] for q in questions}, {-1})
                self.assertGreater(len({q["id"] for q in questions}), len(questions) * 0.9)
                self.assertGreater(len({q["port"] for q in questions}), len(questions) * 0.8)
                sources = {q["source"] for q in questions}
                self.assertLessEqual(len(sources), SOURCES)
                self.assertGreater(len(sources), SOURCES / 2)
                self.assertTrue(all(s.startswith(("198.18.", "198.19.", "fd48:4600:"))
                                    for s in sources), sources)

    def test_with_edns(self):
        _, questions = self.with_list("a.example A\n", "--edns", "1232", "--do")
        self.assertEqual({(q["edns"], q["payload"], q["do"]) for q in questions},
                         {(0, 1232, True)})

    def test_random_names(self):
        for family in ([], ["--ipv6"]):
            with self.subTest(family=family):
                _, questions = self.received("--random-under", "example.com", *family)
                names = [q["name"] for q in questions]
                for name in names:
                    self.assertRegex(name, r"^[a-w0-8]{12}\.example\.com\.$")
                self.assertGreater(len(set(names)), len(names) * 0.99)

    def test_zipf(self):
        lines = "".join(f"n{number}.example A\n" for number in range(100))
        _, questions = self.with_list(lines, "--zipf", "1.5")
        seen = collections.Counter(q["name"] for q in questions)
        self.assertEqual(seen.most_common(1)[0][0], "n0.example.")
        # By the law the first has 0.41 of all, the last ten together 0.004.
        self.assertGreater(seen["n0.example."], len(questions) * 0.3)

    def test_answers_are_counted_by_kind(self):
        load, questions = self.with_list("a.example A\n")
        count = len(questions)
        self.assertEqual(load["answers"], count)
        self.assertEqual(load["rcode"], {"NOERROR": count - count // 4, "NXDOMAIN": count // 4})
        self.assertEqual(load["tc"], count // 10)
        self.assertEqual(load["bytes"], count * len(dns.message.make_query("a.example", "A",
                                                                           flags=0).to_wire()))


class Floors(unittest.TestCase):
    def check(self, kind, *arguments):
        result = laboratory.enter("echo_and_load", kind, *arguments)
        load, echo = result["load"], result["echo"]
        self.assertGreaterEqual(load["sent"], LEAST)
        self.assertEqual(result["asked"], kind != "drop")
        return load, echo

    def test_each_returns_every_question(self):
        for arguments in (["recvmmsg"], ["recvmmsg", "--bytes", "500"], ["recvmmsg", "--ipv6"],
                          ["afxdp"], ["afxdp", "--bytes", "500"], ["afxdp", "--ipv6"],
                          ["afxdp", "--busy-poll"], ["xdptx"], ["xdptx", "--ipv6"]):
            with self.subTest(arguments=arguments):
                load, echo = self.check(*arguments)
                self.assertEqual(load["answers"], load["sent"] - load["ring_drops"])
                self.assertGreaterEqual(echo["sent"], load["answers"])
                self.assertEqual(load["malformed"], 0)
                if "--bytes" in arguments:
                    self.assertEqual(load["bytes"], load["answers"] * 500)
                self.assertGreater(load["latency_us"]["p50"], 0)
                self.assertLess(load["latency_us"]["p50"], 2_000_000)

    def test_drop_answers_nothing(self):
        load, echo = self.check("drop")
        self.assertEqual(load["answers"], 0)
        self.assertEqual(load["loss"], 1)
        self.assertEqual(echo["received"], load["sent"] - load["ring_drops"])


if __name__ == "__main__":
    laboratory.main()
