#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a signed zone asks of its parent: it is told of new CDS and CSYNC where its DSYNC records
say so, and has removed the DS before signatures go."""
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import dns.flags
import dns.message
import dns.opcode
import dns.rcode
import dns.rdatatype
from harness import Server
from parent_zone import Parent, records, wait_until

CHILD = "child.test"
ZONE = """$TTL 1
@ SOA ns admin {} 7200 3600 1209600 1
@ NS ns
ns A 127.0.0.1
www A 192.0.2.1
"""
POLICY = {"name": "p", "algorithm": "ed25519", "dnskey_ttl_s": 1, "ttl_max_s": 1, "ds_ttl_s": 1,
          "propagation_s": 1}


class Receiver:
    """Takes NOTIFY over UDP; the first of each type is lost."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.seen = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                packet, sender = self.socket.recvfrom(4096)
            except OSError:
                return
            if not packet:
                return
            query = dns.message.from_wire(packet)
            self.seen.append((query.opcode(), query.question[0].name.to_text(),
                              dns.rdatatype.to_text(query.question[0].rdtype)))
            if self.seen.count(self.seen[-1]) == 1:
                continue
            self.socket.sendto(dns.message.make_response(query).to_wire(), sender)

    def settle(self):
        """Until all is read that has come: a message of our own comes behind it."""
        mark = dns.message.make_query("mark.test", "A")
        self.socket.sendto(mark.to_wire(), ("127.0.0.1", self.port))
        wait_until("the mark", lambda: (mark.opcode(), "mark.test.", "A") in self.seen)

    def close(self):
        self.socket.sendto(b"", ("127.0.0.1", self.port))
        self.thread.join(5)
        self.socket.close()


class AskedOfTheParent(unittest.TestCase):
    def start(self, dsync="", **policy):
        self.parent = Parent("child", dsync)
        self.parent.server.__enter__()
        self.addCleanup(self.parent.server.__exit__)
        self.policy = {**POLICY, "parents": [self.parent.address], **policy}
        self.child = Server({CHILD: ZONE.format(1)}, zone_settings={CHILD: {"policy": "p"}},
                            tables=[("policy", self.policy)])
        self.child.__enter__()
        self.addCleanup(self.child.__exit__)

    def served(self, rdtype):
        return records(self.child.ask(CHILD, rdtype, want_dnssec=True, use_edns=0, tcp=True),
                       rdtype)

    def reload(self, **policy):
        self.policy.update(policy)
        self.child.tables = [("policy", self.policy)]
        self.child.write_config()
        done = self.child.run("reload", "--config", str(self.child.config))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def wait(self, what, condition):
        return wait_until(what, condition, text=self.child.log_text)

    def judge(self, zone=CHILD):
        printed = self.child.run("zone", "print", zone, "--config", str(self.child.config)).stdout
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(printed)
            file.flush()
            done = subprocess.run(["ldns-verify-zone", file.name], capture_output=True, text=True,
                                  timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr + printed)

    def test_changes_are_told_where_dsync_says(self):
        receiver = Receiver()
        self.addCleanup(receiver.close)
        self.start(dsync=f"*._dsync DSYNC CDS NOTIFY {receiver.port} notify\n"
                         f"*._dsync DSYNC CSYNC NOTIFY {receiver.port} notify\n"
                         "notify A 127.0.0.1\n", csync=True, propagation_s=0)
        told = {(dns.opcode.NOTIFY, "child.test.", rdtype) for rdtype in ("CDS", "CSYNC")}
        self.wait("the parent to be told", lambda: set(receiver.seen) == told and
                  self.child.log_text(10**6).count("parent-told") == 2)
        receiver.settle()
        count = len(receiver.seen)
        self.assertGreaterEqual(count, 4 + 1)  # the first of each was lost; and the mark
        csync = self.served("CSYNC")
        self.assertEqual(csync, ["1 3 A NS AAAA"])
        # What was told is not told again, by the process after this one neither.
        self.child.stop()
        self.child.start()
        self.child.zones = {CHILD: ZONE.format(5) + "@ NS ns2\nns2 A 127.0.0.1\n"}
        self.reload()
        self.assertEqual(self.served("CSYNC"), ["5 3 A NS AAAA"])
        self.judge()
        self.wait("the parent to be told of CSYNC", lambda: receiver.seen[count:])
        self.assertEqual({rdtype for *_, rdtype in receiver.seen[count:]}, {"CSYNC"})
        # A child is nobody's parent.
        query = dns.message.make_query(CHILD, "CDS")
        query.flags = dns.flags.AA
        query.set_opcode(dns.opcode.NOTIFY)
        self.assertNotEqual(self.child.send(query).rcode(), dns.rcode.NOERROR)

    def test_a_zone_goes_unsigned_behind_its_ds(self):
        self.start()
        self.parent.follow([self.child.ask(CHILD, "CDS")])
        self.assertTrue(self.parent.ds)
        self.reload(unsign=True)
        self.assertEqual(self.served("CDS"), ["0 0 0 00"])
        self.assertEqual(self.served("CDNSKEY"), ["0 3 0 AA=="])
        self.judge()
        time.sleep(1.5)
        self.assertTrue(self.served("DNSKEY"))  # the parent has the DS
        self.child.stop()
        self.child.start()
        gone = time.monotonic()
        self.parent.follow([self.child.ask(CHILD, "CDS")])
        self.assertFalse(self.parent.ds)
        self.wait("signatures to go", lambda: not self.served("DNSKEY"))
        self.assertGreater(time.monotonic() - gone, 1)  # for what caches have
        reply = self.child.ask(CHILD, "SOA", want_dnssec=True, use_edns=0)
        self.assertFalse(records(reply, "RRSIG"))
        self.assertIn("unsign", self.child.run("key", "status", CHILD, "--config",
                                               str(self.child.config)).stdout)
        # Changes go on, and so does signing if it is wanted again.
        self.child.zones = {CHILD: ZONE.format(1) + "new A 192.0.2.2\n"}
        self.reload()
        self.assertTrue(records(self.child.ask("new." + CHILD, "A"), "A"))
        self.reload(unsign=False)
        self.assertTrue(self.served("DNSKEY"))
        self.judge()

    def test_zones_are_vouched_for_under_their_name_servers(self):
        """RFC 9615: under the name server that both have, for one; not for a zone that holds it."""
        signal = "_signal.ns.provider.test"
        # The zone that vouches is loaded before those for which it does.
        zones = {signal: "$TTL 60\n@ SOA ns.provider.test. admin 1 7200 3600 1209600 60\n"
                         "@ NS ns.provider.test.\n",
                 CHILD: ZONE.format(1).replace("@ NS ns\nns A 127.0.0.1", "@ NS ns.provider.test."),
                 "other.test": ZONE.format(1), "provider.test": ZONE.format(1)}
        self.child = Server(zones, zone_settings={zone: {"policy": "default"} for zone in zones})
        self.child.__enter__()
        self.addCleanup(self.child.__exit__)
        def vouched_for(zone, rdtype="CDS"):
            return records(self.child.ask(f"_dsboot.{zone}.{signal}", rdtype), rdtype)
        for rdtype in ("CDS", "CDNSKEY"):
            self.wait("the name to be there", lambda rdtype=rdtype: vouched_for(CHILD, rdtype))
            self.assertEqual(vouched_for(CHILD, rdtype), self.served(rdtype))
        self.assertEqual(vouched_for("other.test") + vouched_for("provider.test"), [])
        self.judge(signal)


if __name__ == "__main__":
    unittest.main()
