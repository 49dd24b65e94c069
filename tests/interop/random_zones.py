# SPDX-License-Identifier: GPL-3.0-or-later
"""Small zones made by chance from a few labels, so that constructs meet in ways nobody thought of.

Wildcards, empty non-terminals, cuts with and without glue, CNAME and DNAME that lead into each
other, occluded names. Left out is what one of the servers does not load, or what RFC 4592 §4 and
RFC 6672 leave open: NS and DNAME at a wildcard, anything below a DNAME.
"""

import itertools
import random

ZONES = 60
OWNERS = 9
LABELS = ("a", "b", "*")
ASKED_LABELS = ("a", "b", "*", "q")
DEPTH = 3
KINDS = ("A", "TXT", "A TXT", "CNAME", "CNAME", "DNAME", "NS")
ASKED_TYPES = (1, 2, 5, 16, 39, 43)


def apex(number):
    return f"r{number}.example."


def owner_within(chance, zone, labels=LABELS):
    return ".".join(chance.choices(labels, k=chance.randint(1, DEPTH))) + "." + zone


def is_below(name, other):
    return name.endswith("." + other)


def target(chance, zone):
    """A name in this zone or, at times, in another; often one that is not there."""
    if chance.random() < 0.3:
        zone = apex(chance.randrange(ZONES))
    if chance.random() < 0.1:
        return zone
    return owner_within(chance, zone, ASKED_LABELS)


def kinds_by_owner(chance, zone):
    """{owner: kind} of all that can stand together."""
    kinds = {}
    for _ in range(OWNERS):
        owner = owner_within(chance, zone)
        kind = chance.choice(KINDS)
        if kind in ("NS", "DNAME") and owner.startswith("*"):
            kind = "CNAME"
        kinds.setdefault(owner, kind)
    renamed = [owner for owner, kind in kinds.items() if kind == "DNAME"]
    return {owner: kind for owner, kind in kinds.items()
            if not any(is_below(owner, other) for other in renamed)}


def records(chance, zone):
    kinds = kinds_by_owner(chance, zone)
    renamed = [owner for owner, kind in kinds.items() if kind == "DNAME"]
    lines = [f"{zone} 300 IN SOA ns.{zone} root.{zone} 1 3600 900 604800 60",
             f"{zone} 300 IN NS ns.{zone}", f"ns.{zone} 300 IN A 192.0.2.53"]
    glue = set()
    for owner, kind in kinds.items():
        for rtype in kind.split():
            if rtype == "A":
                lines.append(f"{owner} 300 IN A 192.0.2.{chance.randrange(250)}")
            elif rtype == "TXT":
                lines.append(f'{owner} 300 IN TXT "{owner}"')
            elif rtype in ("CNAME", "DNAME"):
                lines.append(f"{owner} 300 IN {rtype} {target(chance, zone)}")
            else:
                servers = {"ns." + chance.choice([owner, zone, *kinds])
                           for _ in range(chance.randint(1, 2))}
                lines += [f"{owner} 300 IN NS {server}" for server in sorted(servers)]
                glue |= {server for server in servers if chance.random() < 0.8}
    lines += [f"{server} 300 IN A 192.0.2.100" for server in sorted(glue)
              if "*" not in server and server != f"ns.{zone}"
              and not any(is_below(server, other) for other in renamed)]
    return lines


def texts(seed):
    """{name: zone text}, the same for the same seed."""
    chance = random.Random(seed)
    return {apex(number): "\n".join(records(chance, apex(number))) + "\n"
            for number in range(ZONES)}


def questions(zones):
    """Every name over the labels × type, as the lines that interop_differ reads."""
    for zone in zones:
        for depth in range(DEPTH + 1):
            for labels in itertools.product(ASKED_LABELS, repeat=depth):
                for rtype in ASKED_TYPES:
                    yield f"{'.'.join([*labels, zone])} {rtype} d u\n"
