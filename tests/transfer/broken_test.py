#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Primaries that break rules: wrong order, gaps, too much, loops, no end, bad signatures. What was
served of them before stays, and the status says what is wrong. Of slow ones see fetch_test.cc.
"""
import unittest

import dns.name
import dns.rcode
import dns.zone
from in_test import ZONE, Secondary  # and where to find what follows
from control_client import wait_until
from primary import records, response, soa, whole, zone_lines


def bare(query, lines):
    """A message in wire form that ends with its answers."""
    message = response(query, records(ZONE, lines))
    message.use_edns(-1)
    return message.to_wire()


def with_wire(query, lines, record):
    """The same with one more record, in wire form behind the zone's name."""
    message = bare(query, lines)
    return message[:6] + (len(lines) + 1).to_bytes(2, "big") + message[8:] + b"\xc0\x0c" + record


def with_digest(lines):
    """The zone with a ZONEMD record (RFC 8976), last."""
    zone = dns.zone.from_text("\n".join(line.replace(" ", " 3600 ", 1) for line in lines) + "\n",
                              origin=ZONE, relativize=False)
    digest = zone.compute_digest(dns.zone.DigestHashAlgorithm.SHA384)
    return [*lines, f"@ ZONEMD {digest.to_text()}"]


class Broken(Secondary):
    settings = {"receive_mebibytes_max": 1}

    def refused(self, answer, sentence):
        """The primary answers AXFR so; the zone stays, and the status says `sentence`."""
        self.primary.answer = answer
        before = len(self.primary.requests)
        self.wait_idle()
        self.refresh("zone-retransfer")
        wait_until("asked", lambda: len(self.primary.requests) > before)
        wait_until(sentence, lambda: sentence in self.status()["last_error"])
        self.wait_idle()
        self.assertEqual(self.serial(), 1)
        self.assertEqual(self.control.zone(ZONE)["state"], "serving")
        self.assertEqual(len(self.server.ask(f"a.{ZONE}", "A").answer), 1)

    def lines(self, lines, sentence):
        self.refused(lambda query: [response(query, records(ZONE, lines))], sentence)

    def test_order(self):
        self.lines(zone_lines(2)[1:], "does not begin with a SOA")
        self.lines([*zone_lines(2), soa(3)], "begins with serial 2 and ends with another SOA")
        self.lines([*zone_lines(2), soa(2), "b A 192.0.2.1"], "a record behind the end")
        self.lines([soa(2), soa(2)], "no NS")

    def test_what_is_not_in_the_zone(self):
        self.lines([*zone_lines(2, "other.example. A 192.0.2.1"), soa(2)], "not in the zone")
        self.lines([*zone_lines(2, "sub SOA a b 1 1 1 1 1"), soa(2)], "a SOA below the zone's own")

    def test_what_no_zone_may_hold(self):
        self.lines([*zone_lines(2, "c CNAME a", "c A 192.0.2.1"), soa(2)], "CNAME")
        for record, sentence in ((b"\0\x01\0\x03\0\0\0\x01\0\x04abcd", "its class is not IN"),
                                 (b"\0\x01\0\x01\0\0\0\x01\0\x03abc", "malformed record data"),
                                 (b"\0\x06\0\x01\0\0\0\x01\0\x03abc", "a message is malformed"),
                                 (b"\0\xfc\0\x01\0\0\0\x01\0\x00", "a type that no zone holds")):
            self.refused(lambda query, record=record: [with_wire(query, zone_lines(2), record)],
                         sentence)

    def test_a_set_that_fits_no_message(self):
        def answer(query):
            yield response(query, records(ZONE, zone_lines(2)))
            for letter in "abcd":
                text = " ".join([letter * 250] * 80)
                yield response(query, records(ZONE, [f"big TXT {text}"]))
            yield response(query, records(ZONE, [soa(2)]))
        self.refused(answer, "a DNS message has at most 65535")

    def test_ends_too_early(self):
        self.refused(lambda query: [response(query, records(ZONE, zone_lines(2))), None],
                     "closed the connection before the end")
        self.refused(lambda query: [response(query, [])], "a message has no records")
        self.refused(lambda query: [response(query, [], dns.rcode.NOTAUTH)],
                     "the server answers NOTAUTH")

    def test_endless(self):
        def answer(query):
            yield response(query, records(ZONE, zone_lines(2)))
            for i in range(100_000):
                yield response(query, records(ZONE, [f"n{i} TXT \"{'x' * 200}\""] * 50))
        self.refused(answer, "more than the 1048576 bytes")

        def differences(query):
            if not query.authority:
                yield response(query, [], dns.rcode.REFUSED)
                return
            yield response(query, records(ZONE, [soa(3), soa(1)]))
            for i in range(100_000):
                yield response(query, records(ZONE, [f"n{i} TXT \"{'x' * 200}\""] * 50))
        self.primary.answer = differences
        self.refresh()
        wait_until("refused", lambda: "REFUSED" in self.status()["last_error"])
        self.assertIn("more than the 1048576 bytes", self.status()["last_error"])
        self.assertEqual(self.serial(), 1)

    def test_a_digest_that_does_not_fit(self):
        good = with_digest(zone_lines(2, "a A 192.0.2.11", "b A 192.0.2.12"))
        self.lines([*good, "c A 192.0.2.13", soa(2)], "ZONEMD does not fit the records")
        self.lines([soa(3), *good[1:], soa(3)], "ZONEMD is for serial 2, the SOA has 3")
        self.primary.answer = lambda query: whole(query, good)
        self.refresh("zone-retransfer")
        self.wait_serial(2)
        # After a difference it is over the whole zone as well; else that is asked for.
        better = with_digest(zone_lines(3, "a A 192.0.2.11", "b A 192.0.2.12", "c A 192.0.2.13"))

        def answer(query):
            if not query.authority:
                return whole(query, better)
            lines = [soa(3), soa(2), good[-1], soa(3), better[-1], *self.added, soa(3)]
            return [response(query, records(ZONE, lines))]
        self.primary.answer = answer
        self.added = ["d A 192.0.2.14"]
        self.wait_idle()
        self.refresh()
        self.wait_serial(3)
        self.assertEqual(self.primary.requests[-2:], [("IXFR", 2), ("AXFR", None)])
        self.assertEqual(self.server.ask(f"d.{ZONE}", "A").rcode(), dns.rcode.NXDOMAIN)

    def test_more_changes_than_the_zone_is_worth(self):
        # 200,000 records of 16 bytes each, in their wire form.
        def answer(query):
            if not query.authority:
                return whole(query, zone_lines(2, "z A 192.0.2.99"))
            first = response(query, records(ZONE, [soa(2), soa(1), soa(2)])).to_wire()
            return [first, *(many(query, at) for at in range(0, 201_000, 3000)),
                    response(query, records(ZONE, [soa(2)]))]

        def many(query, first):
            message = bare(query, [])
            added = [b"\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04" + (10 << 24 | at).to_bytes(4, "big")
                     for at in range(first, first + 3000)]
            return message[:6] + len(added).to_bytes(2, "big") + message[8:] + b"".join(added)
        self.server.zone_settings[ZONE]["receive_mebibytes_max"] = 100
        self.server.write_config()
        self.server.run("reload", "--config", str(self.server.config), check=True)
        self.wait_idle()
        self.primary.answer = answer
        self.refresh()
        self.wait_serial(2)
        self.assertIn("records are more than the whole zone is worth", self.server.log_text(10**6))
        self.assertEqual(len(self.server.ask(f"z.{ZONE}", "A").answer), 1)

    def test_malformed(self):
        def other_id(query):
            query.id ^= 1
            return whole(query, zone_lines(2))
        self.refused(other_id, "no answer to the request")
        self.refused(lambda query: [b"xx"], "malformed")
        self.refused(lambda query: [whole(query, zone_lines(2))[0].to_wire()[:-3]], "malformed")

        def other_question(query):
            message = whole(query, zone_lines(2))[0]
            message.question[0].name = dns.name.from_text("else.example")
            return [message]
        self.refused(other_question, "another question")

        def loop(query):  # an owner that points to itself
            message = bare(query, zone_lines(2)[:1])
            at = len(message)
            return [message[:7] + b"\x02" + message[8:] + (0xC000 | at).to_bytes(2, "big") +
                    b"\0\x01\0\x01\0\0\0\x01\0\x04abcd"]
        self.refused(loop, "malformed")

    def differences(self, lines, sentence):
        """An IXFR so, and no AXFR to fall back to."""
        self.primary.answer = lambda query: [response(query, records(ZONE, lines))] if (
            query.authority) else [response(query, [], dns.rcode.REFUSED)]
        self.wait_idle()
        self.refresh()
        wait_until(sentence, lambda: sentence in self.server.log_text())
        self.wait_idle()
        self.assertEqual(self.serial(), 1)

    def test_differences_that_lead_nowhere(self):
        self.differences([soa(5), soa(2), soa(5), soa(5)], "begins at serial 2 where serial 1 is")
        self.differences([soa(5), soa(1), soa(3), soa(4), soa(5), soa(5)],
                         "begins at serial 4 where serial 3 is")
        self.differences([soa(5), soa(1), soa(1), soa(5)], "leads from serial 1 to serial 1")
        self.differences([soa(5), soa(1), soa(6), soa(5)], "leads from serial 1 to serial 6")
        self.differences([soa(5), soa(1), soa(3), soa(3), soa(1), soa(1), soa(3), soa(5)],
                         "leads from serial 3 to serial 1")
        self.differences([soa(5), soa(1), soa(5), "a A 192.0.2.11", soa(5)], "is there already")


def unsigned(message):
    message.tsig = None
    return message.to_wire()


class Signed(Secondary):
    key = "k"

    def test_only_what_is_signed_counts(self):
        self.wait_idle()
        self.primary.answer = lambda query: [unsigned(whole(query, zone_lines(2))[0])]
        self.refresh("zone-retransfer")
        wait_until("refused", lambda: "is not signed" in self.status()["last_error"])
        self.assertEqual(self.serial(), 1)

        def half_signed(query):
            lines = [*zone_lines(2), soa(2)]
            return [response(query, records(ZONE, lines[:2])),
                    unsigned(response(query, records(ZONE, lines[2:])))]
        self.primary.answer = half_signed
        self.refresh("zone-retransfer")
        wait_until("refused", lambda: "last message is not" in self.status()["last_error"])
        self.assertEqual(self.serial(), 1)

        def one_by_one(query):
            return [response(query, records(ZONE, [line])) for line in [*zone_lines(3), soa(3)]]
        # A message that is lost, or that comes before the one before it.
        for order in ([0, 1, 3], [0, 2, 1, 3]):
            self.primary.answer = lambda query, order=order: self.reordered(
                one_by_one(query), query, order)
            self.wait_idle()
            self.refresh("zone-retransfer")
            wait_until("refused", lambda: "signature of the answer is wrong" in
                       self.status()["last_error"])
            self.assertEqual(self.serial(), 1)
            self.primary.answer = half_signed
            self.wait_idle()
            self.refresh("zone-retransfer")
            wait_until("another error", lambda: "last message" in self.status()["last_error"])
        self.primary.answer = one_by_one
        self.wait_idle()
        self.refresh("zone-retransfer")
        self.wait_serial(3)

    def reordered(self, messages, query, order):
        context, wires = None, []
        for message in messages:
            context, wire = self.primary.to_wire(message, query, context)
            wires.append(wire)
        return [wires[place] for place in order]


if __name__ == "__main__":
    unittest.main()
