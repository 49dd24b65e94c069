#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Transfers over TLS (RFC 9103): who gets a zone, whom we take one from, and certificates that
change."""
import contextlib
import pathlib
import socket
import ssl
import sys
import tempfile
import time
import unittest

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control")]

import dns.edns
import dns.message
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.update
from certificates import Authority
from control_client import Control, wait_until
from harness import Server, frame, free_port, read_frame

ADDRESS = "127.0.0.1"
SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
KEYS = [{"name": "k", "secret": SECRET}]
NAMES = 2000


def zone_text(serial, names=3):
    head = f"@ 3600 SOA ns1 host {serial} 3600 600 86400 300\n@ NS ns1\nns1 A 192.0.2.1\n"
    return head + "".join(f"n{i} TXT \"{'x' * 100}\"\n" for i in range(names))


class Tls(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.authority = Authority(folder.name, "ca")
        self.ours = self.authority.issue("ns.ours.test")
        self.friend = self.authority.issue("ns.friend.test")
        self.stranger = Authority(folder.name, "other-ca").issue("ns.friend.test", "stranger")
        self.tls_port = free_port()

    def start(self, server):
        server.__enter__()
        self.addCleanup(server.__exit__)
        control = Control(server)
        wait_until("ready", lambda: control.is_up() and control.status()["ready"])
        return control

    def peer(self, **values):
        return {"name": "friend", **values}

    def primary(self, **settings):
        """Ours, with a zone for each kind of rule, all with `settings`."""
        rules = {"tls.example": "any tls", "named.example": "any tls=friend",
                 "pinned.example": "any tls=pinned", "both.example": "any k tls=friend"}
        server = Server(
            {zone: zone_text(7, NAMES) for zone in rules},
            {"server": {"listen_tls": [f"{ADDRESS}@{self.tls_port}"]},
             "tls": {"certificate": self.ours.certificate, "key": self.ours.key},
             "metrics": {"listen": f"{ADDRESS}:{free_port()}"}},
            zone_settings={zone: {"transfer_to": [rule], **settings}
                           for zone, rule in rules.items()},
            keys=KEYS,
            tls_peers=[self.peer(hostname="ns.friend.test", ca=self.authority.certificate),
                       {"name": "pinned", "pins": [self.stranger.pin, self.friend.pin]}])
        control = self.start(server)
        return server, control

    def connect(self, identity=None, alpn=("dot",), version=ssl.TLSVersion.TLSv1_3,
                source=ADDRESS):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.authority.certificate)
        context.maximum_version = version
        if alpn:
            context.set_alpn_protocols(list(alpn))
        if identity:
            context.load_cert_chain(identity.certificate, identity.key)
        plain = socket.create_connection((ADDRESS, self.tls_port), 60, (source, 0))
        return context.wrap_socket(plain, server_hostname="ns.ours.test")

    def ask(self, connection, name, rdtype):
        query = dns.message.make_query(name, rdtype, flags=0, use_edns=0)
        connection.sendall(frame(query.to_wire()))
        return dns.message.from_wire(read_frame(connection))

    def transfer(self, name, identity=None):
        """The RCODE, or the number of records of the whole zone."""
        with self.connect(identity) as connection:
            reply = self.ask(connection, name, "AXFR")
            if reply.rcode() != 0:
                return dns.rcode.to_text(reply.rcode())
            soas = records = 0
            while True:
                for rrset in reply.answer:
                    records += len(rrset)
                    soas += rrset.rdtype == dns.rdatatype.SOA
                if soas == 2:
                    return records
                reply = dns.message.from_wire(read_frame(connection), one_rr_per_rrset=True)


class Out(Tls):
    def test_who_gets_a_zone(self):
        server, _ = self.primary()
        whole = NAMES + 4
        for zone, identity, expected in (
                ("tls.example", None, whole), ("tls.example", self.friend, whole),
                ("named.example", self.friend, whole), ("named.example", None, "REFUSED"),
                ("named.example", self.stranger, "REFUSED"),
                ("pinned.example", self.friend, whole), ("pinned.example", self.stranger, whole),
                ("pinned.example", self.ours, "REFUSED"), ("pinned.example", None, "REFUSED"),
                ("both.example", self.friend, "REFUSED")):
            with self.subTest(zone=zone, identity=identity and identity.certificate):
                self.assertEqual(self.transfer(zone, identity), expected)
        query = dns.message.make_query("tls.example", "AXFR")
        self.assertEqual(server.send(query, tcp=True).rcode(), dns.rcode.REFUSED)

    def test_what_is_not_dns_over_tls_1_3_ends_in_the_handshake(self):
        server, _ = self.primary()
        for settings in ({"alpn": ("http/1.1",)}, {"version": ssl.TLSVersion.TLSv1_2}):
            with self.subTest(settings), self.assertRaises((ssl.SSLError, OSError)):
                with self.connect(**settings) as connection:
                    connection.sendall(b"\0")
                    if connection.recv(1) == b"":
                        raise OSError("closed")
        self.wait_counted(server, 'tls_handshakes_total{result="failed"} 2')
        wait_until("the log", lambda: "no application protocol" in server.log_text())

    def test_without_alpn_all_is_served_but_transfers(self):
        server, _ = self.primary(update=["k"])
        update = self.update("new")
        with self.connect(alpn=()) as connection:
            self.assertEqual(self.ask(connection, "tls.example", "SOA").answer[0][0].serial, 7)
            self.assertEqual(self.send(connection, update), dns.rcode.NOERROR)
            self.assertEqual(len(server.ask("new.tls.example", "A").answer), 1)
            for rdtype in ("AXFR", "IXFR"):
                reply = self.ask(connection, "tls.example", rdtype)
                self.assertEqual(reply.rcode(), dns.rcode.REFUSED, rdtype)
                self.assertEqual(self.extended_errors(reply), [21])
        wait_until("the log", lambda: "which did not ask for ALPN" in server.log_text())

    def wait_counted(self, server, sample):
        """What a client sees of an end reaches it before the server has counted it."""
        wait_until(sample, lambda: f"holdfast_transfer_{sample}\n" in self.metrics(server))

    @staticmethod
    def metrics(server):
        address, port = server.settings["metrics"]["listen"].split(":")
        with socket.create_connection((address, int(port)), 60) as client:
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            text = b""
            while piece := client.recv(65536):
                text += piece
        return text.decode()

    def test_it_is_for_transfers_and_updates(self):
        server, _ = self.primary(update=["k"])
        with self.connect() as connection:
            self.assertEqual(self.send(connection, self.update("new")), dns.rcode.NOERROR)
            self.assertEqual(len(server.ask("new.tls.example", "A").answer), 1)
            self.assertEqual(self.ask(connection, "tls.example", "SOA").answer[0][0].serial, 8)
            reply = self.ask(connection, "n1.tls.example", "TXT")
            self.assertEqual(reply.rcode(), dns.rcode.REFUSED)
            self.assertEqual(self.extended_errors(reply), [21])

    @staticmethod
    def extended_errors(reply):
        return [int(option.code) for option in reply.options if option.otype == dns.edns.EDE]

    @staticmethod
    def update(name):
        made = dns.update.Update("tls.example", keyring=dns.tsigkeyring.from_text({"k": SECRET}),
                                 keyalgorithm="hmac-sha256")
        made.add(name, 60, "A", "192.0.2.9")
        return made

    @staticmethod
    def send(connection, message):
        connection.sendall(frame(message.to_wire()))
        return dns.message.from_wire(read_frame(connection), keyring=message.keyring,
                                     request_mac=message.mac).rcode()

    def messages(self, connection, query, records):
        """The answer's messages as bytes, until it has so many records; and all of them."""
        connection.sendall(frame(query.to_wire()))
        wires, found, context = [], 0, None
        while found < records:
            wires.append(read_frame(connection))
            message = dns.message.from_wire(
                wires[-1], one_rr_per_rrset=True, keyring=query.keyring, multi=True,
                request_mac=query.mac, tsig_ctx=context, xfr=True)
            context = message.tsig_ctx
            found += len(message.answer)
        self.assertEqual(found, records)
        return wires

    def test_answers_are_as_long_as_blocks_if_asked_so(self):
        server, _ = self.primary()
        padding = dns.edns.GenericOption(dns.edns.PADDING, b"")
        for zone, identity, keyring in (
                ("tls.example", None, None),
                ("both.example", self.friend, dns.tsigkeyring.from_text({"k": SECRET}))):
            def query(options, zone=zone, keyring=keyring):
                made = dns.message.make_query(zone, "AXFR", flags=0)
                made.use_edns(options=options)
                if keyring:
                    made.use_tsig(keyring, algorithm="hmac-sha256")
                return made
            with self.subTest(zone), self.connect(identity) as connection:
                padded = self.messages(connection, query([padding]), NAMES + 4)
                self.assertGreater(len(padded), 10)
                self.assertEqual({len(wire) % 468 for wire in padded}, {0})
                plain = self.messages(connection, query([]), NAMES + 4)
                self.assertNotEqual({len(wire) % 468 for wire in plain}, {0})
        with self.connect() as connection:
            for name, rdtype in (("tls.example", "SOA"), ("named.example", "AXFR"),
                                 ("tls.example", "TXT")):
                asked = dns.message.make_query(name, rdtype, use_edns=0, options=[padding])
                connection.sendall(frame(asked.to_wire()))
                self.assertEqual(len(read_frame(connection)), 468, name)
        # In the clear it would hide nothing.
        asked = dns.message.make_query("tls.example", "AXFR", use_edns=0, options=[padding])
        self.assertNotIn(dns.edns.PADDING, [option.otype for option in
                                            server.send(asked, tcp=True).options])

    def test_the_silent_are_closed_and_counted(self):
        server, _ = self.primary()
        begun = time.monotonic()
        with socket.create_connection((ADDRESS, self.tls_port), 60) as silent:
            self.assertEqual(self.transfer("tls.example"), NAMES + 4)
            self.assertEqual(silent.recv(1), b"")
        self.assertGreater(time.monotonic() - begun, 4)
        self.wait_counted(server, 'tls_handshakes_total{result="failed"} 1')

    def served(self):
        with self.connect() as connection:
            return ssl.DER_cert_to_PEM_cert(connection.getpeercert(True))

    def test_certificates_change_with_a_reload_and_bad_ones_change_nothing(self):
        server, control = self.primary()
        before = self.served()
        path = pathlib.Path(self.ours.certificate)
        old = path.read_text()
        path.write_text("no certificate\n")
        done = server.run("config", "check", "--config", str(server.config))
        self.assertIn(f"tls.certificate: {path}: no start line", done.stdout)
        done = server.run("reload", "--config", str(server.config))
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"tls.certificate: {path}: no start line", done.stdout + done.stderr)
        self.assertEqual(self.served(), before)
        path.write_text(old)
        other = self.authority.issue("ns.ours.test", "renewed", days=25)
        server.settings["tls"] = {"certificate": other.certificate, "key": self.ours.key}
        server.write_config()
        done = server.run("reload", "--config", str(server.config))
        self.assertIn("key values mismatch", done.stdout + done.stderr)
        self.assertEqual(self.served(), before)
        server.settings["tls"]["key"] = other.key
        server.write_config()
        done = server.run("reload", "--config", str(server.config), check=True)
        self.assertIn("another certificate, good until", done.stdout)
        self.assertEqual(self.served().strip(), pathlib.Path(other.certificate).read_text().strip())
        self.assertTrue(control.status()["ready"])

    def test_a_server_without_its_files_does_not_start(self):
        for key, sentence in (("", "has one of 'certificate' and 'key'"),
                              ("/nonexistent/key.pem", "tls.key: /nonexistent/key.pem")):
            self.ours.key = key
            with self.assertRaisesRegex(AssertionError, sentence):
                self.primary()
        self.ours.certificate = self.ours.key = ""
        with self.assertRaisesRegex(AssertionError, "listen_tls is set without"):
            self.primary()


    def shield(self, server, *arguments):
        return server.run("shield", *arguments, "--config", str(server.config), check=True).stdout

    def test_handshakes_of_strangers_are_bounded_and_who_has_a_zone_is_served(self):
        server, _ = self.primary()
        self.assertEqual(self.transfer("tls.example"), NAMES + 4)
        with contextlib.ExitStack() as stack:
            # Twice as many as may be under way. Where each takes long, their time ends before that.
            for number in range(96):
                stack.enter_context(socket.create_connection(
                    (ADDRESS, self.tls_port), 60, (f"127.0.0.{2 + number % 24}", 0)))
            wait_until("a bound", lambda: self.limited(server, "refused", "waited"))
            self.assertEqual(self.transfer("tls.example"), NAMES + 4)
        self.assertRegex(self.shield(server, "status"), r"TLS +\d+ ms ")
        wait_until("the log", lambda: "clients within TLS ask for too much" in
                   server.log_text(10**6))

        def is_served():
            with contextlib.suppress(OSError), self.connect(source="127.0.0.99") as connection:
                return self.ask(connection, "tls.example", "SOA").rcode() == dns.rcode.NOERROR
        wait_until("a stranger is served after them", is_served)

    def limited(self, server, *fates):
        """How much of clients within TLS was beyond some bound."""
        return sum(int(line.split()[-1]) for line in self.metrics(server).splitlines()
                   if line.startswith("holdfast_transfer_tls_limited_total")
                   and any(f'fate="{fate}"' in line for fate in fates))

    def test_a_client_that_has_used_up_its_time_waits_and_gets_all_its_answers(self):
        server, _ = self.primary()
        query = frame(dns.message.make_query("tls.example", "SOA", flags=0, use_edns=0).to_wire())

        with self.connect() as connection:
            connection.sendall(query)
            answer = len(frame(read_frame(connection)))

            def ask_until_limited(fate):
                for _ in range(1000):
                    connection.sendall(query * 400)
                    left = 400 * answer
                    while left > 0:
                        piece = connection.recv(min(left, 65536))
                        self.assertNotEqual(piece, b"", "closed")
                        left -= len(piece)
                    if self.limited(server, fate):
                        return
                self.fail(f"never {fate}")
            ask_until_limited("waited")
            self.assertEqual(self.limited(server, "dry_run"), 0)
            self.shield(server, "dry-run", "streams", "on")
            ask_until_limited("dry_run")
        self.assertNotIn("holdfast_transfer_tls_processor_seconds_total 0\n",
                         self.metrics(server))


class In(Tls):
    """Ours takes zones from another of ours."""

    def secondary(self, remote, **peer):
        server = Server(
            {"tls.example": None, "both.example": None},
            {"tls": {"certificate": self.friend.certificate, "key": self.friend.key}},
            zone_settings={
                "tls.example": {"primaries": [f"{ADDRESS}@{self.tls_port} {remote}"]},
                "both.example": {"primaries": [f"{ADDRESS}@{self.tls_port} k tls"]}},
            keys=KEYS, tls_peers=[self.peer(**peer)])
        return server

    def refused(self, sentence, **peer):
        server = self.secondary("tls=friend", **peer)
        server.zones = {"good.example": zone_text(1), **server.zones}
        server.write_config()
        control = self.start(server)
        wait_until(sentence, lambda: sentence in
                   control.zone("tls.example").get("secondary", {}).get("last_error", ""))
        self.assertEqual(server.ask("tls.example", "SOA").rcode(), dns.rcode.SERVFAIL)

    def test_a_proved_primary_by_name_and_by_pin(self):
        self.primary()
        for peer in ({"hostname": "ns.ours.test", "ca": self.authority.certificate},
                     {"pins": [self.ours.pin]},
                     {"hostname": "ns.ours.test", "ca": self.authority.certificate,
                      "pins": [self.friend.pin, self.ours.pin]}):
            with self.subTest(peer):
                server = self.secondary("tls=friend", **peer)
                self.start(server)
                wait_until("both", lambda: server.ask("both.example", "SOA").rcode() == 0)
                self.assertEqual(len(server.ask("n1999.tls.example", "TXT").answer), 1)

    def test_updates_are_passed_on_within_tls_and_to_nobody_else(self):
        primary, _ = self.primary(update=["k"])
        keyring = dns.tsigkeyring.from_text({"k": SECRET})

        def update(server, name):
            message = dns.update.Update("tls.example", keyring=keyring, keyname="k",
                                        keyalgorithm="hmac-sha256")
            message.add(name, 60, "A", "192.0.2.7")
            return dns.rcode.to_text(server.send(message, tcp=True).rcode())

        for name, peer, rcode in (
                ("good", {"hostname": "ns.ours.test"}, "NOERROR"),
                ("bad", {"hostname": "ns.else.test"}, "SERVFAIL")):
            server = self.secondary("tls=friend", **peer, ca=self.authority.certificate)
            server.zones = {"good.example": zone_text(1), **server.zones}
            server.zone_settings["tls.example"]["forward_updates"] = True
            server.write_config()
            self.start(server)
            self.assertEqual(update(server, name), rcode)
        self.assertEqual(len(primary.ask("good.tls.example", "A").answer), 1)
        self.assertEqual(primary.ask("bad.tls.example", "A").rcode(), dns.rcode.NXDOMAIN)
        wait_until("the log", lambda: "an update is not passed on to" in server.log_text(10**6))

    def test_one_that_proves_nothing_is_told_nothing(self):
        primary, _ = self.primary()
        self.refused("does not prove it to be ns.else.test: hostname mismatch",
                     hostname="ns.else.test", ca=self.authority.certificate)
        self.refused("does not prove it to be ns.ours.test: unable to get local issuer",
                     hostname="ns.ours.test", ca=self.stranger.certificate)
        self.refused("its public key is none of those that are pinned",
                     hostname="ns.ours.test", ca=self.authority.certificate,
                     pins=[self.friend.pin])
        self.assertNotIn("zone tls.example. goes to", primary.log_text(10**6))


if __name__ == "__main__":
    unittest.main()
