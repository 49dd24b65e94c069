# SPDX-License-Identifier: GPL-3.0-or-later
"""The other side of whole transfers: a client that counts, a primary that repeats what it has, and
a program that only sends (zones_transfer.py)."""

import multiprocessing
import pathlib
import socket
import struct
import sys
import threading

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "interop"))

import peers

ADDRESS = peers.ADDRESS
ZONE = "move.example"
SOA, AXFR = 6, 252
SOA_IN = b"\x00\x06\x00\x01"
ANSWER_FLAGS = 0x8400


def question(flags, rtype, name=ZONE, number=4711):
    return (struct.pack(">6H", number, flags, 1, 0, 0, 0) + peers.wire_name(name) +
            struct.pack(">2H", rtype, 1))


def read_exactly(connection, size):
    data = bytearray()
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise RuntimeError("a transfer was cut short")
        data += more
    return bytes(data)


def transfer(port, records, keep=None):
    """Takes an AXFR until `records` have come; `keep` gets its messages, with their lengths."""
    counted = 0
    with socket.create_connection((ADDRESS, port), 60) as connection:
        query = question(0, AXFR)
        connection.sendall(struct.pack(">H", len(query)) + query)
        while counted < records:
            head = read_exactly(connection, 2)
            message = read_exactly(connection, struct.unpack(">H", head)[0])
            if message[3] & 15:
                raise RuntimeError(f"the transfer was answered with {message[3] & 15}")
            counted += struct.unpack(">H", message[6:8])[0]
            if keep is not None:
                keep.append(head + message)


def serial_of(port):
    reply = peers.ask(port, ZONE, SOA)
    if not reply or not struct.unpack(">H", reply[6:8])[0]:
        return None
    at = reply.index(SOA_IN, 12 + len(peers.wire_name(ZONE)) + 4)
    end = at + 10 + struct.unpack(">H", reply[at + 8:at + 10])[0]
    return struct.unpack(">I", reply[end - 20:end - 16])[0]


class OnlySender:
    """The floor: another process, which sends the same to whoever connects."""

    def __init__(self, messages):
        self.listener = socket.create_server((ADDRESS, 0))
        self.port = self.listener.getsockname()[1]
        self.process = multiprocessing.Process(target=self.send_on, args=(messages,), daemon=True)
        self.process.start()

    def send_on(self, messages):
        while True:
            connection, _ = self.listener.accept()
            with connection:
                connection.recv(512)
                for message in messages:
                    connection.sendall(message)

    def stop(self):
        self.process.terminate()
        self.process.join()


class Replay:
    """A primary that sends one recorded transfer, under the serial that is asked for."""

    def __init__(self, messages):
        self.messages = messages
        self.serial = 1
        self.soa_at = messages[0].index(SOA_IN, 2 + 12 + len(peers.wire_name(ZONE)) + 4)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.tcp = socket.create_server((ADDRESS, 0))
        self.port = self.tcp.getsockname()[1]
        self.udp.bind((ADDRESS, self.port))
        for run in (self.answer_datagrams, self.answer_connections):
            threading.Thread(target=run, daemon=True).start()

    def with_serial(self, message, soa_at):
        """RFC 1035 §3.3.13: the serial is the first of the five numbers that end the RDATA."""
        size_at = soa_at + 8
        end = size_at + 2 + struct.unpack(">H", message[size_at:size_at + 2])[0]
        return message[:end - 20] + struct.pack(">I", self.serial) + message[end - 16:]

    def soa(self, query):
        """The first message's own SOA record, alone."""
        first = self.with_serial(self.messages[0], self.soa_at)[2:]
        at = self.soa_at - 2
        end = at + 10 + struct.unpack(">H", first[at + 8:at + 10])[0]
        head = 12 + len(peers.wire_name(ZONE)) + 4
        return (query[:2] + struct.pack(">5H", ANSWER_FLAGS, 1, 1, 0, 0) + query[12:head] +
                b"\xc0\x0c" + first[at:end])

    def answer_datagrams(self):
        while True:
            query, sender = self.udp.recvfrom(4096)
            if not query[2] & 0x80:
                self.udp.sendto(self.soa(query[:12] + question(0, SOA)[12:]), sender)

    def answer_connections(self):
        while True:
            connection, _ = self.tcp.accept()
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                while True:
                    size = struct.unpack(">H", read_exactly(connection, 2))[0]
                    self.answer(connection, read_exactly(connection, size))
            except (OSError, RuntimeError):
                return

    def answer(self, connection, query):
        name_end = 12 + len(peers.wire_name(ZONE))
        if struct.unpack(">H", query[name_end:name_end + 2])[0] == SOA:
            reply = self.soa(query)
            connection.sendall(struct.pack(">H", len(reply)) + reply)
            return
        messages = list(self.messages)
        messages[0] = self.with_serial(messages[0], self.soa_at)
        messages[-1] = self.with_serial(messages[-1], messages[-1].rindex(SOA_IN))
        for message in messages:
            reply = message[:2] + query[:2] + message[4:]
            if message[6:8] == b"\0\1":
                # The question of the recording was AXFR; it is repeated as it was asked.
                reply = reply[:14] + query[12:name_end + 4] + reply[name_end + 6:]
            connection.sendall(reply)
