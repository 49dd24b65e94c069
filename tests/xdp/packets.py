# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends frames of the test's own making from the client's end of a Laboratory, and reads answers.

Only what the kernel would not build itself is built here: fragments, options, extension headers,
VLAN tags, padding, wrong checksums.
"""
import socket
import struct
import time

from laboratory import CLIENT4, CLIENT6, SERVER4, SERVER6, run

import dns.message

ETH_P_ALL = 3


def hardware_address(*words):
    for word in run(*words).split("link/ether ")[1:]:
        return bytes.fromhex(word.split()[0].replace(":", ""))
    raise AssertionError("no hardware address")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def query(name="www.example", qtype="A", **keywords):
    return dns.message.make_query(name, qtype, flags=0, **keywords).to_wire()


class Wire:
    """A packet socket at the client's interface."""

    def __init__(self, laboratory, port):
        self.port = port
        self.source_port = 20000
        self.server = hardware_address("ip", "-n", laboratory.inside, "link", "show", "dev",
                                       laboratory.interface)
        self.client = hardware_address("ip", "-n", laboratory.outside, "link", "show", "dev",
                                       "hfc0")
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind(("hfc0", 0))

    def close(self):
        self.socket.close()

    def udp(self, payload, ipv6=False, check="right", to_port=None, from_port=None):
        self.source_port += 1
        ports = struct.pack("!HH", self.source_port if from_port is None else from_port,
                            to_port or self.port)
        length = struct.pack("!H", 8 + len(payload))
        family, ends = ((socket.AF_INET6, (CLIENT6, SERVER6)) if ipv6
                        else (socket.AF_INET, (CLIENT4, SERVER4)))
        pseudo = b"".join(socket.inet_pton(family, end) for end in ends)
        pseudo += struct.pack("!HH", 17, 8 + len(payload))
        value = checksum(pseudo + ports + length + b"\0\0" + payload) or 0xFFFF
        value = {"right": value, "wrong": value ^ 0x0101, "zero": 0}[check]
        return ports + length + struct.pack("!H", value) + payload

    def ipv4(self, body, fragment=0x4000, options=b"", identification=7, wrong=False):
        length = 20 + len(options)
        header = struct.pack("!BBHHHBBH4s4s", 0x40 + length // 4, 0, length + len(body),
                             identification, fragment, 64, 17, 0, socket.inet_aton(CLIENT4),
                             socket.inet_aton(SERVER4)) + options
        value = checksum(header) ^ (0x0101 if wrong else 0)
        return b"\x08\x00" + header[:10] + struct.pack("!H", value) + header[12:] + body

    def ipv6(self, body, next_header=17):
        return b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(body), next_header, 64) + (
            socket.inet_pton(socket.AF_INET6, CLIENT6)
            + socket.inet_pton(socket.AF_INET6, SERVER6)) + body

    def send(self, packet, to=None):
        self.socket.send((to or self.server) + self.client + packet)

    def answer(self, seconds=20.0):
        """The next DNS response from the server's port, as (IP packet, DNS bytes), or None."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                frame = self.socket.recv(4096)
            except socket.timeout:
                return None
            found = self._response(frame)
            if found:
                return found

    def _response(self, frame):
        if frame[:6] != self.client:
            return None
        kind, packet = frame[12:14], frame[14:]
        at = {b"\x08\x00": 20, b"\x86\xdd": 40}.get(kind)
        if at is None or packet[9 if at == 20 else 6] != 17:
            return None
        source, _, length = struct.unpack("!HHH", packet[at:at + 6])
        if source != self.port:
            return None
        return packet[:at + length], packet[at + 8:at + length]
