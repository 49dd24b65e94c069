#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones given to others: who gets them, whole and signed, and what that costs everybody else."""
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control")]

import dns.edns
import dns.exception
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.tsigkeyring
import dns.zone
from control_client import Control, wait_until
from harness import ANSWER_S, Server, frame, read_frame

SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
KEYS = [{"name": f"k{bits}", "algorithm": f"hmac-sha{bits}", "secret": SECRET}
        for bits in (256, 384, 512)]
NAMES = 20_000
CONNECTIONS_MAX = 32  # of one address, over which transfers go


def zone_text(serial, names=3):
    head = f"@ 3600 SOA ns1 host {serial} 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.1\n"
    return head + "".join(f"n{i} TXT \"{'x' * 100}\"\n" for i in range(names))


class Out(unittest.TestCase):
    def setUp(self):
        self.server = Server(
            {"open.example": zone_text(7), "keyed.example": zone_text(8),
             "closed.example": zone_text(9), "large.example": zone_text(10, NAMES)},
            zone_settings={"open.example": {"transfer_to": ["127.0.0.0/8", "::1"]},
                           "large.example": {"transfer_to": ["127.0.0.1"]},
                           "keyed.example": {"transfer_to": [f"any k{bits}"
                                                             for bits in (256, 384, 512)]}},
            keys=KEYS)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        self.control = Control(self.server)
        wait_until("ready", lambda: self.control.is_up() and self.control.status()["ready"])

    def transfer(self, name, **keywords):
        """The zone that AXFR or IXFR gives, with its SOA serial."""
        zone = dns.zone.from_xfr(dns.query.xfr(
            keywords.pop("address", self.server.address), name, port=self.server.port, lifetime=60,
            relativize=False, **keywords), relativize=False)
        return zone, zone.get_rdataset(zone.origin, "SOA")[0].serial

    def dig(self, *arguments):
        return subprocess.run(["dig", f"@{self.server.address}", "-p", str(self.server.port),
                               *arguments], capture_output=True, text=True, timeout=60).stdout

    def refusal(self, name, rdtype="AXFR", **keywords):
        query = dns.message.make_query(name, rdtype, use_edns=0, **keywords)
        reply = self.server.send(query, tcp=True)
        codes = [option.code for option in reply.options if option.otype == dns.edns.EDE]
        return reply.rcode(), codes

    def test_whole_zones_go_to_whom_they_are_allowed(self):
        zone, serial = self.transfer("open.example")
        self.assertEqual((serial, len(zone.nodes)), (7, 5))
        _, serial = self.transfer("open.example", address="::1")
        self.assertEqual(serial, 7)
        zone, serial = self.transfer("large.example")
        self.assertEqual((serial, len(zone.nodes)), (10, NAMES + 2))

    def test_everybody_else_is_refused_with_a_reason(self):
        self.assertEqual(self.refusal("closed.example"), (dns.rcode.REFUSED, [18]))
        self.assertEqual(self.refusal("keyed.example"), (dns.rcode.REFUSED, [18]))
        self.assertEqual(self.refusal("elsewhere.example"), (dns.rcode.NOTAUTH, [20]))
        wait_until("the log", lambda: "event=transfer-refused" in self.server.log_text())

    def test_every_algorithm_signs_the_stream(self):
        for bits in (256, 384, 512):
            ring = dns.tsigkeyring.from_text({f"k{bits}.": (f"hmac-sha{bits}", SECRET)})
            _, serial = self.transfer("keyed.example", keyring=ring, keyname=f"k{bits}.",
                                      keyalgorithm=f"hmac-sha{bits}")
            self.assertEqual(serial, 8)
            self.dig_transfer("-y", f"hmac-sha{bits}:k{bits}:{SECRET}")

    def dig_transfer(self, *key):
        """dig verifies each message of the stream, or says so."""
        answer = self.dig(*key, "keyed.example", "AXFR")
        self.assertIn("XFR size: 7 records", answer)
        self.assertNotIn("WARNING", answer)

    def test_both_sides_take_a_key_file_of_bind(self):
        file = self.server.directory / "bind.key"
        for bits in (256, 512):
            file.write_text(subprocess.run(
                ["tsig-keygen", "-a", f"hmac-sha{bits}", "from-bind"], capture_output=True,
                text=True, timeout=60, check=True).stdout)
            self.server.keys = [*KEYS, {"name": "from-bind", "algorithm": f"hmac-sha{bits}",
                                        "secret_file": str(file)}]
            self.server.zone_settings["keyed.example"] = {"transfer_to": ["any from-bind"]}
            self.server.write_config()
            self.server.run("reload", "--config", str(self.server.config), check=True)
            self.dig_transfer("-k", str(file))

    def test_bad_signatures_are_told_apart(self):
        wrong = SECRET.replace("M", "N", 1)
        for error, key in (("BADSIG", f"hmac-sha256:k256:{wrong}"),
                           ("BADKEY", f"hmac-sha256:other:{SECRET}"),
                           ("BADKEY", f"hmac-sha512:k256:{SECRET}")):
            self.assertIn(error, self.dig("-y", key, "keyed.example", "AXFR"))
        ring = dns.tsigkeyring.from_text({"k256.": ("hmac-sha256", SECRET)})
        query = dns.message.make_query("keyed.example", "SOA")
        query.use_tsig(ring, "k256.", algorithm="hmac-sha256", original_id=query.id)
        wire = bytearray(query.to_wire())
        at = wire.index(b"hmac-sha256\x00") + 12
        wire[at:at + 6] = (int(time.time()) - 4000).to_bytes(6, "big")
        reply = self.server.exchange(bytes(wire))
        self.assertEqual(reply[3] & 15, dns.rcode.NOTAUTH)
        self.assertEqual(reply[-4:], b"\0\x10\0\0")  # BADSIG, and nothing more

    def test_signed_questions_are_answered_signed(self):
        for options in (["+norec"], ["+norec", "+tcp"]):
            answer = self.dig(*options, "-y", f"hmac-sha256:k256:{SECRET}", "n1.keyed.example",
                              "TXT")
            self.assertIn("status: NOERROR", answer)
            self.assertIn("TSIG PSEUDOSECTION", answer)
            self.assertNotIn("WARNING", answer)

    def test_ixfr_is_the_soa_or_the_zone(self):
        def ixfr(serial, udp=False):
            messages = dns.query.xfr(self.server.address, "open.example", "IXFR",
                                     port=self.server.port, serial=serial, use_udp=udp, lifetime=60,
                                     relativize=False)
            return sum(len(rrset) for message in messages for rrset in message.answer)
        self.assertEqual(ixfr(7), 1)
        self.assertEqual(ixfr(6), 7)
        query = dns.message.make_query("open.example", "IXFR")
        query.find_rrset(query.authority, query.question[0].name, 1, dns.rdatatype.SOA,
                         create=True).add(dns.rdata.from_text(
                             "IN", "SOA", "ns1.open.example. host.open.example. 1 1 1 1 1"))
        reply = self.server.send(query)
        self.assertEqual([rrset.rdtype for rrset in reply.answer], [dns.rdatatype.SOA])

    def test_a_connection_takes_several_requests(self):
        with self.server.connect() as connection:
            wires = [dns.message.make_query(name, rdtype).to_wire() for name, rdtype in (
                ("n0.open.example", "TXT"), ("open.example", "AXFR"), ("n1.open.example", "TXT"),
                ("closed.example", "AXFR"))]
            connection.sendall(b"".join(map(frame, wires)))
            replies = [dns.message.from_wire(read_frame(connection), one_rr_per_rrset=True)
                       for _ in wires]
        self.assertEqual([len(reply.answer) for reply in replies], [1, 7, 1, 0])
        self.assertEqual([reply.rcode() for reply in replies], [0, 0, 0, dns.rcode.REFUSED])

    def test_an_address_has_so_many_connections_at_a_time(self):
        query = frame(dns.message.make_query("open.example", "AXFR").to_wire())

        def ask():
            connection = self.server.connect()
            self.addCleanup(connection.close)
            connection.sendall(query)
            try:
                return connection, read_frame(connection)
            except ConnectionResetError:
                return connection, None
        held = [ask() for _ in range(CONNECTIONS_MAX)]
        self.assertNotIn(None, [answer for _, answer in held])
        self.assertIsNone(ask()[1])
        wait_until("the log", lambda: "too-many-connections" in self.server.log_text())
        held[0][0].close()
        wait_until("room for another", lambda: ask()[1] is not None)

    def test_who_takes_slowly_holds_up_nobody_and_no_memory(self):
        with self.server.connect() as slow:
            slow.sendall(frame(dns.message.make_query("large.example", "AXFR").to_wire()))
            self.assertIsNotNone(read_frame(slow))
            for serial in range(11, 16):
                self.server.zones["large.example"] = zone_text(serial, NAMES)
                self.server.write_config()
                self.server.run("reload", "--config", str(self.server.config), check=True)
            _, serial = self.transfer("large.example")
            self.assertEqual(serial, 15)
            wait_until("memory is given back",
                       lambda: self.control.status()["memory"]["retired_bytes"] == 0)
            # The slow one still gets the version that it began with.
            soas, count = [], 0
            while len(soas) < 1:
                reply = dns.message.from_wire(read_frame(slow), one_rr_per_rrset=True)
                count += len(reply.answer)
                soas += [rrset[0].serial for rrset in reply.answer
                         if rrset.rdtype == dns.rdatatype.SOA]
            self.assertEqual(soas, [10])

    def test_control_killed_in_a_transfer_ends_it_and_nothing_else(self):
        with self.server.connect() as connection:
            connection.sendall(frame(dns.message.make_query("large.example", "AXFR").to_wire()))
            self.assertIsNotNone(read_frame(connection))
            pid = self.control.status()["control"]["pid"]
            os.kill(pid, signal.SIGKILL)
            while read_frame(connection):
                pass
        self.assertEqual(self.server.ask("n0.large.example", "TXT").rcode(), 0)
        wait_until("control is back", lambda: self.control.is_up() and
                   self.control.status()["control"]["pid"] != pid)
        zone, serial = self.transfer("large.example")
        self.assertEqual((serial, len(zone.nodes)), (10, NAMES + 2))

    def test_a_control_that_stands_still_costs_a_servfail(self):
        pid = self.control.status()["control"]["pid"]
        os.kill(pid, signal.SIGSTOP)
        try:
            declined = self.first_declined()
            self.assertEqual(declined.rcode(), dns.rcode.SERVFAIL)
            self.assertEqual([option.code for option in declined.options], [14])
            self.assertEqual(self.refusal("open.example"), (dns.rcode.SERVFAIL, [14]))
            self.assertEqual(self.server.ask("n0.open.example", "TXT").rcode(), 0)
        finally:
            os.kill(pid, signal.SIGCONT)
        # What had queued up meanwhile is answered first.
        wait_until("transfers go on",
                   lambda: self.refusal("open.example") == (dns.rcode.NOERROR, []))
        self.assertEqual(self.transfer("open.example")[1], 7)

    def first_declined(self):
        """Asks until what waits for control is full, and the next is declined."""
        query = dns.message.make_query("open.example", "AXFR", use_edns=0).to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.connect((self.server.address, self.server.port))
            client.settimeout(0.001)
            deadline = time.monotonic() + ANSWER_S
            while time.monotonic() < deadline:
                client.send(query)
                try:
                    answer = client.recv(65535)
                except socket.timeout:
                    continue
                if answer[3] & 15 != dns.rcode.FORMERR:  # not yet standing still
                    return dns.message.from_wire(answer)
        raise AssertionError("none was declined")

    def test_what_is_allowed_changes_with_a_reload(self):
        self.server.zone_settings["closed.example"] = {"transfer_to": ["127.0.0.1"]}
        del self.server.zone_settings["open.example"]
        self.server.write_config()
        self.server.run("reload", "--config", str(self.server.config), check=True)
        self.assertEqual(self.transfer("closed.example")[1], 9)
        self.assertEqual(self.refusal("open.example"), (dns.rcode.REFUSED, [18]))


class Nothing(unittest.TestCase):
    def test_without_a_setting_the_answer_processes_refuse_by_themselves(self):
        with Server({"open.example": zone_text(7)}) as server:
            reply = server.ask("open.example", "AXFR", tcp=True, use_edns=0)
            self.assertEqual(reply.rcode(), dns.rcode.REFUSED)
            self.assertEqual(server.ask("open.example", "SOA").rcode(), 0)


if __name__ == "__main__":
    unittest.main()
