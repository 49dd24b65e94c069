#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A validating resolver over our signed zones: what should be secure is, and nothing is bogus.

usage: validate.py --holdfast PROGRAM SET, SET as in differential.py but signed.
Unbound, with the zones' keys as trust anchors and nothing else to ask, resolves every name of the
zones and its neighbours; delv checks a few answers straight from the server. Exit code 77: skipped.
"""

import argparse
import itertools
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import time

import peers
import questions
import zone_sets

SKIPPED = 77
WINDOW = 64
REPEAT_SECONDS = 3
ATTEMPTS = 5
A, NS, SOA, TXT, MX, DS = 1, 2, 6, 16, 15, 43
# All of IPv4 but 127.0.0.0/8: a referral must not lead the resolver out of this machine.
ELSEWHERE = ("0.0.0.0/2", "64.0.0.0/3", "96.0.0.0/4", "112.0.0.0/5", "120.0.0.0/6", "124.0.0.0/7",
             "126.0.0.0/8", "128.0.0.0/1")
SECURE, INSECURE = "secure", "insecure"
# Name, type, RCODE, and how it must be judged; "optout" where only opt-out spans prove it.
EXPECTED = (
    ("tricky.test.", SOA, 0, SECURE),
    ("types.tricky.test.", MX, 0, SECURE),
    ("types.tricky.test.", 65280, 0, SECURE),
    ("mIxEd.tricky.test.", A, 0, SECURE),
    ("types.tricky.test.", 666, 0, SECURE),  # no data
    ("nothing.tricky.test.", A, 3, "optout"),
    ("a.b.nothing.tricky.test.", A, 3, "optout"),
    ("x.wild.tricky.test.", A, 0, "optout"),  # wildcard
    ("x.y.wild.tricky.test.", TXT, 0, "optout"),
    ("x.wild.tricky.test.", MX, 0, "optout"),  # wildcard without data
    ("x.exists.wild.tricky.test.", A, 3, "optout"),  # a closer encloser blocks the wildcard
    ("c.d.ent.tricky.test.", A, 0, SECURE),  # empty non-terminal
    ("q.insecureent.tricky.test.", A, 0, "optout"),  # it exists for an insecure cut only
    ("x.alias.tricky.test.", A, 0, "optout"),  # wildcard alias
    ("c1.tricky.test.", A, 0, SECURE),
    ("cdangle.tricky.test.", A, 3, "optout"),
    ("cnodata.tricky.test.", TXT, 0, SECURE),
    ("x.dname.tricky.test.", A, 0, SECURE),
    ("x.dname-apex.test.", A, 0, SECURE),
    ("cout.tricky.test.", A, 0, SECURE),  # into another zone with its own anchor
    ("secure.tricky.test.", DS, 0, SECURE),
    ("glued.tricky.test.", DS, 0, "optout"),
    ("child.tricky.test.", DS, 0, SECURE),
    ("www.child.tricky.test.", A, 0, SECURE),
    ("up.child.tricky.test.", A, 0, SECURE),
    ("insecure.tricky.test.", DS, 0, "optout"),
    ("www.insecure.tricky.test.", A, 0, INSECURE),
    ("x.insecure.tricky.test.", TXT, 0, INSECURE),
    ("nothing.insecure.tricky.test.", A, 0, INSECURE),
    ("huge.tricky.test.", TXT, 0, SECURE),
)
EXPECTED_ROOT = (
    (".", SOA, 0, SECURE),
    (".", 48, 0, SECURE),
    ("org.", DS, 0, SECURE),
    ("com.", DS, 0, SECURE),
    ("nothing-of-the-kind.", A, 3, SECURE),
    ("a.b.nothing-of-the-kind.", A, 3, SECURE),
)
DELV = (
    ("types.tricky.test.", "TXT", "; fully validated"),
    ("x.wild.tricky.test.", "A", "; fully validated"),
    ("nothing.tricky.test.", "A", "; negative response, fully validated"),
    ("types.tricky.test.", "TYPE666", "; negative response, fully validated"),
    ("c.d.ent.tricky.test.", "A", "; negative response, fully validated"),
    ("x.wild.tricky.test.", "MX", "; negative response, fully validated"),
)


class Unbound(peers.Peer):
    """A resolver that knows the zones' servers and keys and may ask nobody else."""

    name = "unbound"
    program = "unbound"

    def __init__(self, directory, zones, upstream):
        super().__init__(directory, {name: zone.path for name, zone in zones.items()})
        self.signed = zones
        self.upstream = upstream

    def command(self):
        lines = ["server:", f"  interface: {peers.ADDRESS}@{self.port}", "  do-daemonize: no"]
        lines += ['  chroot: ""', '  username: ""', f'  directory: "{self.directory}"']
        lines += [f'  pidfile: "{self.path("pid")}"', "  use-syslog: no", "  verbosity: 1"]
        lines += ["  do-ip6: no", "  do-not-query-localhost: no", "  num-threads: 1"]
        lines += ["  aggressive-nsec: no", "  qname-minimisation: no", "  val-log-level: 2"]
        lines += ["  harden-below-nxdomain: no", '  module-config: "validator iterator"']
        lines += ['  local-zone: "test." nodefault', "  num-queries-per-thread: 2048"]
        lines += [f"  do-not-query-address: {prefix}" for prefix in ELSEWHERE]
        for zone in self.signed.values():
            has_parent = any(zone.name.endswith("." + other) for other in self.signed)
            if zone.anchor and not has_parent:
                lines.append(f'  trust-anchor: "{zone.anchor.strip()}"')
        for name in {**self.signed, ".": None}:
            lines += ["stub-zone:", f'  name: "{name}"']
            lines += [f"  stub-addr: {peers.ADDRESS}@{self.upstream}"]
        config = self.write("unbound.conf", "\n".join(lines) + "\n")
        return ["-c", config]

    def wait_ready(self):
        deadline = time.monotonic() + peers.READY_SECONDS
        while True:
            reply = peers.ask(self.port, next(iter(self.signed)), SOA)
            # Before it listens, a socket may have got its port and hear itself.
            if reply and reply[2] & 0x80:
                return
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"unbound does not answer:\n{self.log_tail()}")
            time.sleep(0.05)


def wire(name):
    """A name in presentation form, escapes included, as bytes."""
    encoded = b""
    for label in questions.labels_of(name):
        out, index = bytearray(), 0
        while index < len(label):
            if label[index] == "\\" and label[index + 1].isdigit():
                out.append(int(label[index + 1 : index + 4]))
                index += 4
                continue
            index += label[index] == "\\"
            out += label[index].encode("latin-1")
            index += 1
        encoded += bytes([len(out)]) + bytes(out)
    return encoded + b"\0"


def resolve(port, asked, checking_disabled):
    """{question: (rcode, authentic)} for each (name, type), many at a time."""
    flags = 0x0120 | (0x0010 if checking_disabled else 0)
    answers = {}
    waiting = [(question, 0) for question in reversed(asked)]
    under_way, numbers = {}, itertools.count()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((peers.ADDRESS, port))
        while waiting or under_way:
            while waiting and len(under_way) < WINDOW:
                (name, rtype), attempt = waiting.pop()
                # Never soon that of another, whose late answer would be taken for this one's.
                number = next(numbers) & 0xFFFF
                under_way[number] = ((name, rtype), attempt, time.monotonic())
                header = struct.pack(">6H", number, flags, 1, 0, 0, 0)
                udp.send(header + wire(name) + struct.pack(">2H", rtype, 1))
            if select.select([udp], [], [], REPEAT_SECONDS)[0]:
                reply = udp.recv(65535)
                number, bits = struct.unpack(">2H", reply[:4])
                if number in under_way:
                    answers[under_way.pop(number)[0]] = (bits & 15, bool(bits & 0x20))
            now = time.monotonic()
            for number, (question, attempt, since) in list(under_way.items()):
                if now - since > REPEAT_SECONDS:
                    del under_way[number]
                    if attempt + 1 < ATTEMPTS:
                        waiting.append((question, attempt + 1))
                    else:
                        answers[question] = (None, False)
    return answers


def check_expected(port, expected, optout):
    problems = []
    answers = resolve(port, [case[:2] for case in expected], False)
    for name, rtype, rcode, status in expected:
        secure = status == SECURE or (status == "optout" and not optout)
        if answers[(name, rtype)] != (rcode, secure):
            problems.append(f"{name} {rtype}: wanted rcode {rcode}, secure {secure};"
                            f" got {answers[(name, rtype)]}")
    return problems


def check_nothing_bogus(port, asked):
    """What fails with validation must fail without it too, or it was bogus."""
    failed = [q for q, (rcode, _) in resolve(port, asked, False).items() if rcode in (2, None)]
    unchecked = resolve(port, failed, True)
    problems = [f"bogus: {name} {rtype}" for (name, rtype), (rcode, _) in unchecked.items()
                if rcode not in (2, None)]
    return problems, len(asked) - len(failed)


def check_with_delv(port, zones, directory):
    path = os.path.join(directory, "anchors")
    with open(path, "w", encoding="ascii") as file:
        for zone in zones.values():
            if zone.name == "tricky.test.":
                fields = zone.anchor.split(None, 6)
                key = fields[-1].replace(" ", "").strip()
                file.write("trust-anchors { " f'"{zone.name}" static-key {fields[3]} {fields[4]}'
                           f' {fields[5]} "{key}"; }};\n')
    problems = []
    for name, rtype, wanted in DELV:
        command = ["delv", f"@{peers.ADDRESS}", "-p", str(port), "-a", path, "+root=tricky.test"]
        done = subprocess.run([*command, name, rtype], capture_output=True, text=True, check=False)
        if wanted not in done.stdout:
            problems.append(f"delv {name} {rtype}: {done.stdout}{done.stderr}")
    return problems


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--holdfast", help="without it, Knot is judged")
    parser.add_argument("set")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdfast-validate-") as directory:
        variant = arguments.set.replace("root-", "")
        root = variant != arguments.set
        zones = (zone_sets.make_root if root else zone_sets.make_constructs)(variant, directory)
        if zones is None:
            print("skipped: no root zone; HOLDFAST_SHARED names the folder that holds data/")
            return SKIPPED
        files = {name: zone.path for name, zone in zones.items()}
        if arguments.holdfast:
            server = peers.Holdfast(directory, files, arguments.holdfast)
        else:
            server = peers.Knot(directory, files)
        names = questions.all_names(zones)
        if root:
            names = [name for name in names if len(questions.labels_of(name)) == 1]
            types = (DS,)
        else:
            types = (A, TXT, DS)
        with server, Unbound(directory, zones, server.port) as resolver:
            expected = EXPECTED_ROOT if root else EXPECTED
            problems = check_expected(resolver.port, expected, variant == "optout")
            asked = [(name, rtype) for name in names for rtype in types]
            bogus, resolved = check_nothing_bogus(resolver.port, asked)
            problems += bogus
            if not root and variant != "optout":
                problems += check_with_delv(server.port, zones, directory)
            if problems:
                print(resolver.log_tail())
    print(f"{len(expected)} judgements, {resolved} of {len(asked)} resolved,"
          f" {len(problems)} problems")
    for problem in problems[:40]:
        print("  " + problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
