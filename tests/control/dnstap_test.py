#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""dnstap as fstrm_capture receives it, taken apart by a reader of protobuf's wire format."""
import pathlib
import signal
import subprocess
import tempfile
import unittest

from control_client import Control, wait_until, zone

import dns.message
from harness import Server, free_port

CONTROL_STOP = 3


def read_frames(data):
    """The data frames of a frame stream file."""
    frames, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at:at + 4], "big")
        at += 4
        if size == 0:
            size = int.from_bytes(data[at:at + 4], "big")
            at += 4
            if int.from_bytes(data[at:at + 4], "big") == CONTROL_STOP:
                break
        else:
            frames.append(data[at:at + size])
            assert len(frames[-1]) == size, "a frame cut short"
        at += size
    return frames


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def decode(data):
    """{field: value} of one protobuf message without repeated fields."""
    fields, at = {}, 0
    while at < len(data):
        key, at = read_varint(data, at)
        field, wire = key >> 3, key & 7
        assert field not in fields, f"field {field} twice"
        if wire == 0:
            fields[field], at = read_varint(data, at)
        elif wire == 5:
            fields[field] = int.from_bytes(data[at:at + 4], "little")
            at += 4
        else:
            assert wire == 2, f"wire type {wire}"
            size, at = read_varint(data, at)
            fields[field] = data[at:at + size]
            at += size
    return fields


class Capture:
    """fstrm_capture, writing what comes to a socket's path, or a TCP port, into `file`."""

    def __init__(self, where, file):
        self.file = pathlib.Path(file)
        listen = (["-a", "127.0.0.1", "-p", str(where)] if isinstance(where, int)
                  else ["-u", str(where)])
        self.process = subprocess.Popen(
            ["fstrm_capture", "-t", "protobuf:dnstap.Dnstap", *listen, "-w", str(file)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def frames(self):
        """What it has received. fstrm_capture writes it out on SIGHUP, perhaps while it is read."""
        self.process.send_signal(signal.SIGHUP)
        try:
            return read_frames(self.file.read_bytes()) if self.file.exists() else []
        except AssertionError:
            return []

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def exchanges(frames):
    """{type: frames} of the questions for ns.one.example."""
    found = {}
    for frame in frames:
        inner = decode(decode(frame)[14])
        message = dns.message.from_wire(inner.get(10) or inner.get(14))
        if message.question[0].name == dns.name.from_text("ns.one.example"):
            found.setdefault(message.question[0].rdtype, []).append(frame)
    return found


def wait_for_pairs(frames, *rdtypes):
    """{type: [query, response]}, as soon as `frames()` has them."""
    def are_there():
        found = exchanges(frames())
        counts = {rdtype: len(of) for rdtype, of in found.items()}
        return counts == dict.fromkeys(rdtypes, 2) and found
    return wait_until("pairs of frames", are_there)


class Dnstap(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.socket = self.folder / "dnstap.sock"

    def serve(self, **dnstap):
        server = Server({"one.example": zone(1)},
                        {"dnstap": dnstap, "server": {"hostname": "edge-1"}})
        server.__enter__()
        self.addCleanup(server.__exit__)
        self.control = Control(server)
        wait_until("ready", lambda: self.control.is_up() and self.control.status()["ready"])
        return server

    def check_pair(self, query, response, protocol):
        """`query` and `response` are frames of one exchange."""
        for frame, kind in ((query, 1), (response, 2)):
            outer = decode(frame)
            self.assertEqual(outer[1], b"edge-1")
            self.assertRegex(outer[2], rb"^holdfast \d")
            self.assertEqual(outer[15], 1)
            inner = decode(outer[14])
            self.assertEqual(inner[1], kind)
            self.assertEqual(inner[2], 1)
            self.assertEqual(inner[3], protocol)
            self.assertEqual(inner[4], bytes([127, 0, 0, 1]))
            self.assertEqual(inner[7], self.port)
            self.assertGreater(inner[6], 0)
            self.assertGreater(inner[8], 1.6e9)
            self.assertLess(inner[9], 1e9)
            if kind == 1:
                asked = dns.message.from_wire(inner[10])
            else:
                answered = dns.message.from_wire(inner[14])
                self.assertGreaterEqual((inner[12], inner[13]), (inner[8], inner[9]))
        self.assertEqual(asked.id, answered.id)
        self.assertEqual(asked.question, answered.question)
        return asked

    def test_a_collector_gets_queries_and_responses(self):
        capture = Capture(self.socket, self.folder / "frames")
        self.addCleanup(capture.stop)
        server = self.serve(socket=str(self.socket))
        self.port = server.port
        wait_until("connected", lambda: self.control.status()["dnstap"]["connected"])
        server.ask("ns.one.example", "A")
        server.ask("ns.one.example", "AAAA", tcp=True)
        found = wait_for_pairs(capture.frames, dns.rdatatype.A, dns.rdatatype.AAAA)
        self.check_pair(*found[dns.rdatatype.A], protocol=1)
        self.check_pair(*found[dns.rdatatype.AAAA], protocol=2)

    def test_a_collector_over_tcp(self):
        port = free_port()
        capture = Capture(port, self.folder / "frames")
        self.addCleanup(capture.stop)
        server = self.serve(address=f"127.0.0.1:{port}")
        self.port = server.port
        wait_until("connected", lambda: self.control.status()["dnstap"]["connected"])
        server.ask("ns.one.example", "A")
        found = wait_for_pairs(capture.frames, dns.rdatatype.A)
        self.check_pair(*found[dns.rdatatype.A], protocol=1)

    def test_a_collector_that_comes_late_and_goes_holds_up_nothing(self):
        server = self.serve(socket=str(self.socket))
        for _ in range(50):
            server.ask("ns.one.example", "A")
        wait_until("drops counted", lambda: self.control.status()["dnstap"]["frames_dropped"] > 0)
        capture = Capture(self.socket, self.folder / "frames")
        self.addCleanup(capture.stop)
        wait_until("connected", lambda: self.control.status()["dnstap"]["connected"])
        server.ask("ns.one.example", "A")
        wait_until("frames", lambda: self.control.status()["dnstap"]["frames_written"] >= 2)
        capture.stop()
        for _ in range(50):
            server.ask("ns.one.example", "A")
        wait_until("not connected", lambda: not self.control.status()["dnstap"]["connected"])

    def test_a_file(self):
        file = self.folder / "dnstap.fstrm"
        server = self.serve(file=str(file))
        self.port = server.port
        wait_until("open", lambda: self.control.status()["dnstap"]["connected"])
        server.ask("ns.one.example", "A")

        def written():
            try:
                return read_frames(file.read_bytes())
            except AssertionError:  # amid a frame
                return []
        found = wait_for_pairs(written, dns.rdatatype.A)
        self.check_pair(*found[dns.rdatatype.A], protocol=1)
        server.stop()
        frames = read_frames(file.read_bytes())
        output = subprocess.run(["fstrm_dump", str(file)], capture_output=True, text=True,
                                timeout=60, check=False).stdout
        self.assertEqual(output.count("edge-1"), len(frames))

    def test_samples(self):
        file = self.folder / "dnstap.fstrm"
        server = self.serve(file=str(file), sample_every=10)
        wait_until("open", lambda: self.control.status()["dnstap"]["connected"])
        before = self.control.status()["dnstap"]["frames_written"]
        for _ in range(100):
            server.ask("ns.one.example", "A")

        def written():
            return self.control.status()["dnstap"]["frames_written"] - before
        wait_until("ten pairs", lambda: written() >= 20)
        self.assertLessEqual(written(), 22)


if __name__ == "__main__":
    unittest.main()
