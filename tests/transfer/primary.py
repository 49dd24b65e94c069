# SPDX-License-Identifier: GPL-3.0-or-later
"""A primary server of a test's own, which may break any rule.

    with Primary() as primary:
        primary.answer = lambda query: whole(query, records)

`answer` gets each request as a dnspython message and gives the messages to send, as messages or
bytes; a number among them is a pause in seconds, None closes the connection.
"""
import socket
import threading
import time

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rdata
import dns.rdatatype
import dns.rrset
from harness import frame, read_frame

ADDRESS = "127.0.0.1"


def records(zone, lines):
    """RRsets of one record each, from "owner type rdata" with owners below `zone`."""
    origin = dns.name.from_text(zone)
    made = []
    for line in lines:
        owner, rdtype, rdata = line.split(" ", 2)
        made.append(dns.rrset.from_rdata(
            dns.name.from_text(owner, origin), 3600,
            dns.rdata.from_text("IN", rdtype, rdata, origin, relativize=False)))
    return made


def soa(serial, refresh=3600, retry=600, expire=86400):
    return f"@ SOA ns1 host {serial} {refresh} {retry} {expire} 300"


def zone_lines(serial, *more, **timers):
    return [soa(serial, **timers), "@ NS ns1", "ns1 A 192.0.2.1", *more]


def response(query, rrsets, rcode=0):
    """One message with these records, in this order."""
    message = dns.message.make_response(query)
    message.flags |= dns.flags.AA
    message.set_rcode(rcode)
    message.answer = list(rrsets)
    return message


def whole(query, lines):
    """The zone as an AXFR: `lines` with the first, its SOA, once more at the end."""
    zone = query.question[0].name.to_text()
    return [response(query, records(zone, [*lines, lines[0]]))]


def request_serial(query):
    """The serial that an IXFR request begins at; None in an AXFR, and in an update."""
    is_ixfr = query.opcode() == dns.opcode.QUERY and query.authority
    return query.authority[0][0].serial if is_ixfr else None


class Primary:
    def __init__(self, address=ADDRESS, keyring=None):
        self.keyring = keyring
        self.answer = lambda query: []
        self.requests = []  # (type, serial)
        self.listener = socket.create_server((address, 0))
        self.port = self.listener.getsockname()[1]
        self.address = f"{address}@{self.port}"
        self.thread = threading.Thread(target=self.accept, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            try:
                wire = read_frame(connection)
                while wire:
                    if not self.serve_one(connection, wire):
                        return
                    wire = read_frame(connection)
            except OSError:
                return

    def serve_one(self, connection, wire):
        query = dns.message.from_wire(wire, keyring=self.keyring)
        self.requests.append((dns.rdatatype.to_text(query.question[0].rdtype),
                              request_serial(query)))
        context = None
        for message in self.answer(query):
            if message is None:
                return False
            if isinstance(message, (int, float)):
                time.sleep(message)
                continue
            if not isinstance(message, bytes):
                context, message = self.to_wire(message, query, context)
            connection.sendall(frame(message))
        return True

    def to_wire(self, message, query, context):
        """In the order of its records, and signed if the request was. What EDNS says of sizes is
        for datagrams."""
        if query.had_tsig:
            message.use_tsig(self.keyring, query.keyname, algorithm=query.keyalgorithm)
            message.request_mac = query.mac
        wire = message.to_wire(max_size=65535, multi=query.had_tsig, tsig_ctx=context)
        return message.tsig_ctx, wire
