# SPDX-License-Identifier: GPL-3.0-or-later
"""The zone and the small words that the conformance tests share."""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import harness  # noqa: E402

ORIGIN = "example.com."
_KEYS = "\n".join(f"@ DNSKEY 256 3 13 {chr(65 + i) * 86}==" for i in range(8))
_TEXTS = "\n".join(f'large TXT "{chr(65 + i) * 200}"' for i in range(10))
_MANY = "\n".join(f"many A 10.0.{i // 256}.{i % 256}" for i in range(60))
ZONE = f"""$TTL 300
@ SOA ns admin 2026112301 3600 600 604800 300
@ NS ns
@ NS ns2
@ MX 10 mail
ns A 192.0.2.1
ns AAAA 2001:db8::1
ns2 A 192.0.2.2
mail A 192.0.2.3
www A 192.0.2.4
{_KEYS}
{_TEXTS}
{_MANY}
"""


def server(settings=None, **keywords):
    return harness.Server({"example.com": ZONE}, settings, **keywords)


def name(text):
    """A name in wire form; no escapes."""
    labels = [label.encode() for label in text.rstrip(".").split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def header(flags=0, counts=(1, 0, 0, 0), ident=0x4846):
    return struct.pack("!6H", ident, flags, *counts)


def question(qname=ORIGIN, qtype=6, qclass=1):
    return name(qname) + struct.pack("!2H", qtype, qclass)


def option(code, data=b""):
    return struct.pack("!2H", code, len(data)) + data


def opt(options=b"", payload=1232, version=0, flags=0, owner=b"\0"):
    return owner + struct.pack("!2HBBHH", 41, payload, 0, version, flags, len(options)) + options


def query(options=None, qname=ORIGIN, qtype=6, qclass=1, flags=0, ident=0x4846, **edns):
    """One question; with EDNS if `options` is not None."""
    counts = (1, 0, 0, 0 if options is None else 1)
    record = b"" if options is None else opt(options, **edns)
    return header(flags, counts, ident) + question(qname, qtype, qclass) + record
