# SPDX-License-Identifier: GPL-3.0-or-later
"""Streams: framing (RFC 1035 §4.2.2), pipelining and limits (RFC 7766, RFC 9210)."""
import contextlib
import socket
import struct
import time
import unittest

import dns.message

import sample
from sample import query

frame, read_frame = sample.harness.frame, sample.harness.read_frame
IDLE_MS, READ_MS, WRITE_MS = 900, 600, 700
LONG_MS = 60_000


def is_closed(connection):
    """True if the other side ends the connection, gently or not, and long before LONG_MS."""
    connection.settimeout(sample.harness.ANSWER_S)
    try:
        while connection.recv(65536):
            pass
        return True
    except ConnectionError:
        return True
    except socket.timeout:
        return False


class Connections(unittest.TestCase):
    """With clocks that do not run out."""
    settings = {"idle_ms": LONG_MS, "read_ms": LONG_MS, "write_ms": LONG_MS}

    @classmethod
    def setUpClass(cls):
        cls.server = cls.enterClassContext(sample.server({"tcp": cls.settings}))

    def connect(self, **keywords):
        connection = self.enterContext(self.server.connect(**keywords))
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def assert_answer(self, data, ident=0x4846):
        self.assertIsNotNone(data, "closed instead of answered")
        response = dns.message.from_wire(data)
        self.assertEqual((response.id, response.rcode()), (ident, 0))
        self.assertEqual(len(response.answer), 1)

    def ask(self):
        connection = self.connect()
        connection.sendall(frame(query()))
        self.assert_answer(read_frame(connection))


class Streams(Connections):
    settings = {**Connections.settings, "connections_max": 60, "connections_per_address_max": 20}

    def test_a_question(self):
        self.ask()

    def test_byte_by_byte(self):
        connection = self.connect()
        for byte in frame(query()):
            connection.sendall(bytes([byte]))
            time.sleep(0.002)
        self.assert_answer(read_frame(connection))

    def test_length_and_message_apart(self):
        connection = self.connect()
        connection.sendall(frame(query())[:2])
        time.sleep(0.05)
        connection.sendall(frame(query())[2:])
        self.assert_answer(read_frame(connection))

    def test_two_messages_in_one_segment(self):
        connection = self.connect()
        connection.sendall(frame(query(ident=1)) + frame(query(ident=2)))
        self.assertEqual({read_frame(connection)[:2] for _ in range(2)}, {b"\0\1", b"\0\2"})

    def test_one_and_a_half_messages(self):
        connection = self.connect()
        second = frame(query(ident=2))
        connection.sendall(frame(query(ident=1)) + second[:9])
        self.assert_answer(read_frame(connection), 1)
        connection.sendall(second[9:])
        self.assert_answer(read_frame(connection), 2)

    def test_pipelined_questions_all_get_their_answer(self):  # RFC 7766 §6.2.1.1, §7
        connection = self.connect()
        names = ("www", "mail", "large", "many", "no")
        wanted = {}
        for ident in range(200):
            qname = names[ident % len(names)] + ".example.com."
            wanted[ident] = qname
            connection.sendall(frame(query(qname=qname, qtype=1, ident=ident)))
        for _ in range(200):
            response = dns.message.from_wire(read_frame(connection))
            self.assertEqual(response.question[0].name.to_text(), wanted.pop(response.id))
        self.assertEqual(wanted, {})

    def test_malformed_messages_are_answered_and_the_stream_goes_on(self):
        connection = self.connect()
        connection.sendall(frame(query()[:-1]) + frame(query()))
        self.assertEqual(dns.message.from_wire(read_frame(connection)).rcode(), 1)
        self.assert_answer(read_frame(connection))

    def test_a_large_message(self):
        connection = self.connect()
        connection.sendall(frame(query() + bytes(65535 - len(query()))))
        self.assert_answer(read_frame(connection))

    def test_what_never_is_a_question_ends_the_connection(self):
        for message in (b"", b"\0" * 11, query(flags=0x8000)):
            with self.subTest(message):
                connection = self.connect()
                connection.sendall(frame(message))
                self.assertTrue(is_closed(connection))

    def test_half_close(self):  # RFC 7766 §6.2.4: what was asked is answered
        connection = self.connect()
        connection.sendall(frame(query(ident=1)) + frame(query(ident=2)))
        connection.shutdown(socket.SHUT_WR)
        self.assert_answer(read_frame(connection), 1)
        self.assert_answer(read_frame(connection), 2)
        self.assertIsNone(read_frame(connection))

    def test_half_close_within_a_message(self):
        connection = self.connect()
        connection.sendall(frame(query())[:10])
        connection.shutdown(socket.SHUT_WR)
        self.assertTrue(is_closed(connection))

    def test_reset_does_no_harm(self):
        for _ in range(10):  # fewer than an address may have before the server has looked at any
            connection = self.server.connect()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(frame(query(qname="large.example.com", qtype=16)) * 5)
            connection.close()
        self.ask()

    # --- numbers

    def test_connections_of_one_address_are_bounded(self):
        with contextlib.ExitStack() as stack:
            kept = []
            for _ in range(20):
                connection = stack.enter_context(self.server.connect(address="127.0.0.1"))
                connection.sendall(frame(query()))
                self.assert_answer(read_frame(connection))
                kept.append(connection)
            extra = stack.enter_context(self.server.connect(address="127.0.0.1"))
            self.assertTrue(is_closed(extra))
            for connection in kept:
                connection.sendall(frame(query()))
                self.assert_answer(read_frame(connection))
        self.wait_for_room()

    def wait_for_room(self):
        """Until the server has seen that the connections of a test are gone."""
        deadline = time.monotonic() + sample.harness.ANSWER_S
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), self.server.connect() as connection:
                connection.sendall(frame(query()))
                if read_frame(connection) is not None:
                    return
            time.sleep(0.05)
        self.fail("no room")

    def test_when_all_are_taken_the_longest_idle_makes_room(self):
        with contextlib.ExitStack() as stack:
            kept = []
            for number in range(60):
                client = socket.socket()
                stack.enter_context(client)
                client.settimeout(sample.harness.ANSWER_S)
                client.bind((f"127.0.1.{number % 10 + 1}", 0))
                client.connect(("127.0.0.1", self.server.port))
                client.sendall(frame(query()))
                self.assert_answer(read_frame(client))
                kept.append(client)
            late = stack.enter_context(self.server.connect())
            late.sendall(frame(query()))
            self.assert_answer(read_frame(late))
            self.assertTrue(is_closed(kept[0]))
        self.wait_for_room()


class Times(Connections):
    """Counted from before what begins them, as this process may stand still as well."""
    settings = {"idle_ms": IDLE_MS, "read_ms": READ_MS, "write_ms": WRITE_MS}

    def test_a_quiet_connection_ends_after_its_time(self):
        connection = self.connect()
        began = time.monotonic()
        connection.sendall(frame(query()))
        self.assert_answer(read_frame(connection))
        self.assertTrue(is_closed(connection))
        self.assertGreater(time.monotonic() - began, IDLE_MS / 1000 * 0.9)

    def test_a_connection_in_use_goes_on(self):
        while not self.goes_on_in_use():
            pass

    def goes_on_in_use(self):
        """False if it ended because this machine stood still for so long that it had to."""
        connection = self.connect()
        last = time.monotonic()
        for _ in range(5):
            time.sleep(IDLE_MS / 1000 * 0.5)
            began, data = time.monotonic(), None
            with contextlib.suppress(ConnectionError):
                connection.sendall(frame(query()))
                data = read_frame(connection)
            if data is None and time.monotonic() - last > IDLE_MS / 1000 * 0.9:
                return False
            self.assert_answer(data)
            last = began
        return True

    def test_an_unfinished_message_ends_after_its_time(self):
        for sent in (frame(query())[:1], frame(query())[:20], b"\xff\xff" + query()):
            with self.subTest(sent):
                connection = self.connect()
                began = time.monotonic()
                connection.sendall(sent)
                self.assertTrue(is_closed(connection))
                self.assertGreater(time.monotonic() - began, READ_MS / 1000 * 0.9)

    def test_drops_of_a_byte_do_not_win_time(self):
        connection = self.connect()
        sent = 0
        with self.assertRaises(ConnectionError):
            for byte in b"\xff\xff" + bytes(100):
                connection.sendall(bytes([byte]))
                sent += 1
                time.sleep(0.1)
        self.assertLess(sent, 40)  # four seconds, of which READ_MS were enough

    def test_a_reader_that_takes_nothing_ends_after_its_time(self):
        connection = socket.socket()
        self.enterContext(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((self.server.address, self.server.port))
        connection.settimeout(0.2)
        asked = frame(query(qname="large.example.com", qtype=16)) * 50
        stuck_since, deadline = None, time.monotonic() + 30
        with contextlib.suppress(ConnectionError):
            while time.monotonic() < deadline:
                try:
                    connection.sendall(asked)
                except socket.timeout:
                    stuck_since = stuck_since or time.monotonic()
        self.assertLess(time.monotonic(), deadline, "never closed")
        self.assertIsNotNone(stuck_since, "the server read on without being read")
        self.ask()


class Neighbours(Connections):
    """One worker, so that all connections share everything."""

    STUCK = 40

    def stuck_reader(self):
        """Asks for far more than it will ever read, until the server reads no more of it."""
        connection = self.enterContext(socket.socket())
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect((self.server.address, self.server.port))
        connection.setblocking(False)
        asked = frame(query(qname="large.example.com", qtype=16)) * 50
        blocked = 0
        while blocked < 3:
            try:
                connection.send(asked)
                blocked = 0
            except BlockingIOError:
                blocked += 1
                time.sleep(0.05)
        return connection

    def unfinished_writer(self):
        connection = self.enterContext(self.server.connect())
        connection.sendall(b"\xff\xff" + query() + bytes(60000))
        return connection

    def test_those_that_are_stuck_delay_nobody(self):  # RFC 7766 §6.2.1, §7
        stuck = [self.stuck_reader() for _ in range(3)]
        stuck += [self.unfinished_writer() for _ in range(self.STUCK)]
        with self.server.connect() as connection:
            for ident in range(300):
                qname = ("large.example.com", "www.example.com")[ident % 2]
                connection.sendall(frame(query(qname=qname, qtype=(16, 1)[ident % 2],
                                               ident=ident)))
                response = dns.message.from_wire(read_frame(connection))
                self.assertEqual((response.id, response.rcode()), (ident, 0))
        self.assertTrue(self.server.ask("www.example.com", "A").answer)
        for connection in stuck:  # none of them was closed to make room
            connection.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                self.assertNotEqual(connection.recv(1), b"")

    def test_answers_leave_in_the_order_of_the_questions(self):
        names = ("large", "www", "no", "many", "mail")
        with self.server.connect() as connection:
            connection.sendall(b"".join(
                frame(query(qname=names[ident % 5] + ".example.com", qtype=16, ident=ident))
                for ident in range(100)))
            for ident in range(100):
                self.assertEqual(read_frame(connection)[:2], struct.pack("!H", ident))


if __name__ == "__main__":
    unittest.main()
