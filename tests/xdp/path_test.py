# SPDX-License-Identifier: GPL-3.0-or-later
"""Which packets go by AF_XDP and which by the sockets, and that both are answered alike."""
import re
import socket
import struct
import subprocess
import sys
import unittest
import urllib.request

import laboratory
from laboratory import SERVER4, SERVER6, Laboratory, skip_without_rights
from packets import Wire, checksum, query

import dns.flags
import dns.message
import dns.rcode

ZONE = """\
$ORIGIN example.
$TTL 300
@ SOA ns1 host 1 3600 600 86400 300
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.80
www AAAA 2001:db8::80
fits TXT ( "{0}" "{0}" "{0}" "{0}" "{0}" "{0}" )
big TXT ( "{0}" "{0}" "{0}" "{0}" "{0}" "{0}" "{0}" "{0}" )
""".format("x" * 200)
METRICS = f"{SERVER4}:9153"


@skip_without_rights
class PathTest(unittest.TestCase):
    def setUp(self):
        self.lab = Laboratory()
        self.lab.__enter__()
        self.addCleanup(self.lab.__exit__)
        self.server = self.lab.server({"example": ZONE},
                                      settings={"answers": {"udp_payload_bytes_max": 4096},
                                                "metrics": {"listen": METRICS}})
        self.addCleanup(self.server.__exit__)
        self.server.start()
        self.wire = Wire(self.lab, self.server.port)
        self.addCleanup(self.wire.close)

    def taken(self):
        self.server.wait_counted()
        return self.server.packets("taken_others")

    def assert_answered(self, packet, to=None):
        self.wire.send(packet, to)
        answer = self.wire.answer()
        self.assertIsNotNone(answer, "no answer")
        message = dns.message.from_wire(answer[1])
        self.assertEqual(message.rcode(), dns.rcode.NOERROR)
        return answer

    def test_plain_questions_take_the_fast_path(self):
        before = self.taken()
        for address in (SERVER4, SERVER6):
            for _ in range(10):
                self.assertTrue(self.server.ask("www.example", "A", address=address).answer)
        self.assertEqual(self.taken() - before, 20)

    def test_answers_are_whole_frames(self):
        for ipv6 in (False, True):
            for name, size in (("www.example", None), ("www.example", 1232), ("a.b.example", 512)):
                payload = query(name, use_edns=0 if size else -1, payload=size or 0)
                body = self.wire.udp(payload, ipv6)
                packet, data = self.assert_answered_or_denied(
                    self.wire.ipv6(body) if ipv6 else self.wire.ipv4(body))
                at = 40 if ipv6 else 20
                addresses = packet[8:40] if ipv6 else packet[12:20]
                pseudo = addresses + struct.pack("!HH", 17, len(packet) - at)
                self.assertEqual(checksum(pseudo + packet[at:]), 0, "UDP checksum")
                if not ipv6:
                    self.assertEqual(checksum(packet[:20]), 0, "IPv4 checksum")
                    self.assertEqual(struct.unpack("!H", packet[2:4])[0], len(packet))
                self.assertEqual(data[:2], payload[:2])

    def assert_answered_or_denied(self, packet):
        self.wire.send(packet)
        answer = self.wire.answer()
        self.assertIsNotNone(answer)
        return answer

    def test_odd_packets_are_answered_by_the_sockets(self):
        udp4, udp6 = self.wire.udp, lambda payload: self.wire.udp(payload, ipv6=True)
        before = self.taken()
        self.assert_answered(self.wire.ipv4(udp4(query()), options=b"\x01\x01\x01\x00"))
        self.assert_answered(self.wire.ipv6(b"\x11\x00\x01\x04\0\0\0\0" + udp6(query()), 60))
        whole = udp4(query(use_edns=0, payload=1232))
        self.wire.send(self.wire.ipv4(whole[:24], fragment=0x2000))
        self.assert_answered(self.wire.ipv4(whole[24:], fragment=3))
        whole = udp6(query())
        head = struct.pack("!BBHI", 17, 0, 1, 9)
        self.wire.send(self.wire.ipv6(head + whole[:24], 44))
        self.assert_answered(self.wire.ipv6(struct.pack("!BBHI", 17, 0, 24, 9) + whole[24:], 44))
        self.assertEqual(self.taken(), before)

    def test_padding_is_not_part_of_the_question(self):
        before = self.taken()
        self.assert_answered(self.wire.ipv4(self.wire.udp(query())) + bytes(20))
        self.assertEqual(self.taken() - before, 1)

    def test_checksums(self):
        self.assert_answered(self.wire.ipv4(self.wire.udp(query(), check="zero")))
        for packet in (self.wire.ipv4(self.wire.udp(query(), check="wrong")),
                       self.wire.ipv4(self.wire.udp(query()), wrong=True),
                       self.wire.ipv6(self.wire.udp(query(), ipv6=True, check="wrong")),
                       self.wire.ipv6(self.wire.udp(query(), ipv6=True, check="zero"))):
            self.wire.send(packet)
            self.assertIsNone(self.wire.answer(0.2))
        self.server.wait_counted()
        events = self.server.status()["xdp"]["queues"][0]["ring_events"]
        self.assertEqual(events["bad_checksum"], 4)

    def test_responses_and_port_zero_are_dropped(self):
        response = bytearray(query())
        response[2] |= 0x80
        self.wire.send(self.wire.ipv4(self.wire.udp(bytes(response))))
        self.wire.send(self.wire.ipv4(self.wire.udp(query(), from_port=0)))
        self.assertIsNone(self.wire.answer(0.3))
        self.server.wait_counted()
        self.assertEqual(self.server.packets("dropped_response"), 3)  # two of them tell of the rest
        self.assertEqual(self.server.packets("dropped_source_port"), 1)

    def test_an_answer_never_exceeds_the_mtu(self):
        for address in (SERVER4, SERVER6):
            for name, size, cut in (("fits", 512, True), ("fits", 4096, False),
                                    ("big", 4096, True)):
                reply = self.server.ask(f"{name}.example", "TXT", address=address, use_edns=0,
                                        payload=size)
                self.assertEqual(bool(reply.flags & dns.flags.TC), cut, (name, size))

    def test_other_addresses_reach_other_programs(self):
        """Whatever else the machine serves on that interface is not touched."""
        script = ("import socket;s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM);"
                  "s.bind(('192.0.2.1',4444));print('ready',flush=True);"
                  "d,a=s.recvfrom(999);s.sendto(d,a)")
        command = ["ip", "netns", "exec", self.lab.inside, sys.executable, "-c", script]
        with subprocess.Popen(command,
                              stdout=subprocess.PIPE, text=True) as other:
            self.assertEqual(other.stdout.readline().strip(), "ready")
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(60)
                client.sendto(query(), (SERVER4, 4444))
                self.assertTrue(client.recv(999))
            other.wait(60)

    def test_status_and_metrics_tell_the_path(self):
        queue = self.server.status()["xdp"]["queues"][0]
        self.assertEqual((queue["interface"], queue["queue"], queue["state"], queue["zero_copy"]),
                         (self.lab.interface, 0, "open", False))
        text = self.server.run("status", "--config", str(self.server.config)).stdout
        self.assertIn(self.lab.interface, text)
        with urllib.request.urlopen(f"http://{METRICS}/metrics", timeout=60) as page:
            metrics = page.read().decode()
        documented = (laboratory.HERE.parent.parent / "docs/metrics.md").read_text()
        families = set(re.findall(r"`(holdfast_xdp_[a-z_]+)`", documented))
        self.assertEqual(families, set(re.findall(r"^# TYPE (holdfast_xdp_\S+)", metrics, re.M)))
        labels = f'interface="{self.lab.interface}",queue="0"'
        self.assertIn(f"holdfast_xdp_open{{{labels}}} 1\n", metrics)
        self.assertIn(f'holdfast_xdp_packets_total{{{labels},fate="taken_others"}}', metrics)


if __name__ == "__main__":
    unittest.main(verbosity=2)
