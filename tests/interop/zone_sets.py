# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the zones that all servers are given: plain, or signed on the spot with fresh keys.

A variant is "unsigned", "nsec", "nsec3" (with salt and iterations) or "optout" (RFC 9276 values).
Each zone ends up as one file with a record a line and full names, read by every server alike.
"""

import os
import re
import subprocess

import dns.rdata

import random_zones

HERE = os.path.dirname(os.path.abspath(__file__))
VARIANTS = ("unsigned", "nsec", "nsec3", "optout")
DENIAL = {"nsec": [], "nsec3": ["-3", "aabb", "-H", "3"], "optout": ["-3", "-", "-H", "0", "-A"]}
# Children before parents, so that their DS records are there when the parent is signed.
CONSTRUCTS = (
    "insecure.tricky.test",
    "child.tricky.test",
    "tricky.test",
    "dname-apex.test",
    "test",
    "other.example",
)
NEVER_SIGNED = {"insecure.tricky.test"}


# What not every server's zone parser knows by name is written as RFC 3597 §5 wants.
GENERIC = {"X25": 19, "ISDN": 20, "PX": 26}
MNEMONIC = re.compile(r"(?<=[ \t])(" + "|".join(GENERIC) + r")(?=[ \t\n])")


class Zone:
    """One zone: its name with the final dot, its file, its records as (owner, type) text."""

    def __init__(self, name, path, anchor=None):
        self.name = name
        self.path = path
        self.anchor = anchor  # DNSKEY line of the key-signing key, where signed
        self.records = []
        with open(path, encoding="latin-1") as file:
            for line in file:
                fields = line.split(None, 4)
                if len(fields) == 5 and fields[2] == "IN":
                    self.records.append((fields[0], fields[3]))


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def compile_zone(name, source, target):
    """`source` with every name and TTL written out, a record a line."""
    checks = [word for flag in "knmMrSTW" for word in ("-" + flag, "ignore")]
    run("named-compilezone", "-q", "-i", "none", *checks, "-s", "full", "-o", target, name, source)
    with open(target, encoding="latin-1") as file:
        lines = [generic_line(line) for line in file]
    with open(target, "w", encoding="latin-1") as file:
        file.writelines(lines)


def generic_line(line):
    """The record with the types of GENERIC by number, and their RDATA as bytes."""
    if not MNEMONIC.search(line):
        return line
    owner, ttl, klass, rtype, rdata = line.split(None, 4)
    if rtype in GENERIC:
        data = dns.rdata.from_text("IN", rtype, rdata.strip()).to_wire()
        return f"{owner} {ttl} {klass} TYPE{GENERIC[rtype]} \\# {len(data)} {data.hex()}\n"
    if rtype in ("RRSIG", "NSEC", "NSEC3"):
        rdata = MNEMONIC.sub(lambda match: f"TYPE{GENERIC[match.group(1)]}", " " + rdata).lstrip()
    return f"{owner} {ttl} {klass} {rtype} {rdata}"


def size_limits():
    """TXT RRsets whose answers without EDNS end at 511 to 513 bytes, and larger ones."""
    records = []
    for size in (511, 512, 513):
        owner = f"b{size}.tricky.test."
        # header, question, then owner as a pointer, type, class, TTL, length, two lengths
        payload = size - (12 + len(owner) + 1 + 4) - 12 - 2
        records.append(f'{owner} 300 IN TXT "{"a" * 255}" "{"b" * (payload - 255)}"')
    # BIND loads at most 100 records of a type at a name.
    for owner, count, length in (("big", 12, 120), ("huge", 95, 250), ("medium", 5, 120)):
        for index in range(count):
            text = f"{index:03d}" + "x" * (length - 3)
            records.append(f'{owner}.tricky.test. 300 IN TXT "{text}"')
    for index in range(60):
        records.append(f"addresses.tricky.test. 300 IN A 203.0.113.{index}")
    records.append('*.bigwild.tricky.test. 300 IN TXT "' + '" "'.join(["w" * 250] * 5) + '"')
    for index in range(8):
        text = f"{index}" + "y" * 200
        records.append(f'bigtarget.tricky.test. 300 IN TXT "{text}"')
    records.append("ctobig.tricky.test. 300 IN CNAME bigtarget.tricky.test.")
    return "\n".join(records) + "\n"


def sign_zone(name, plain, directory, variant):
    """Signs with a fresh KSK and ZSK; returns (signed file, KSK line, DS lines)."""
    keys = os.path.join(directory, "keys-" + (name.rstrip(".") or "root"))
    os.makedirs(keys)
    make_key = ["dnssec-keygen", "-q", "-a", "ECDSAP256SHA256", "-K", keys]
    run(*make_key, name)
    ksk = run(*make_key, "-f", "KSK", name).split()[-1]
    raw = plain + ".raw"
    command = ["dnssec-signzone", "-q", "-S", "-P", "-K", keys, "-d", keys, *DENIAL[variant]]
    run(*command, "-o", name, "-f", raw, plain)
    signed = plain + ".signed"
    compile_zone(name, raw, signed)
    with open(os.path.join(keys, ksk + ".key"), encoding="ascii") as file:
        anchor = [line for line in file if not line.startswith(";")][0]
    delegation = run("dnssec-dsfromkey", "-2", os.path.join(keys, ksk + ".key"))
    return signed, anchor, delegation


def make_constructs(variant, directory):
    """The zones of zones/, as {name: Zone}."""
    zones = {}
    delegations = {}
    for short in CONSTRUCTS:
        name = short + "."
        with open(os.path.join(HERE, "zones", short + ".zone"), encoding="utf-8") as file:
            text = file.read()
        if short == "tricky.test":
            text += size_limits()
        text += "".join(ds for child, ds in delegations.items() if child.endswith("." + name))
        source = os.path.join(directory, short + ".source")
        with open(source, "w", encoding="utf-8") as file:
            file.write(text)
        plain = os.path.join(directory, short + ".zone")
        compile_zone(name, source, plain)
        if variant == "unsigned" or short in NEVER_SIGNED:
            zones[name] = Zone(name, plain)
            continue
        signed, anchor, delegation = sign_zone(name, plain, directory, variant)
        # A DS belongs into the nearest parent, which is signed next.
        delegations = {c: ds for c, ds in delegations.items() if not c.endswith("." + name)}
        delegations[name] = delegation
        zones[name] = Zone(name, signed, anchor)
    return zones


def make_random(seed, directory):
    """The zones of random_zones.py, unsigned."""
    zones = {}
    for name, text in random_zones.texts(seed).items():
        source = os.path.join(directory, name + "source")
        with open(source, "w", encoding="ascii") as file:
            file.write(text)
        plain = os.path.join(directory, name + "zone")
        compile_zone(name, source, plain)
        zones[name] = Zone(name, plain)
    return zones


def shared_folder():
    """Data too large for the repository, or None where it is absent."""
    folder = os.environ.get("HOLDFAST_SHARED") or os.path.join(HERE, "../../../shared")
    return folder if os.path.isdir(folder) else None


def make_root(variant, directory):
    """The root zone of 2018, signed anew; None without the shared data."""
    folder = shared_folder()
    if not folder or not os.path.exists(os.path.join(folder, "data/root-2018.zone")):
        return None
    plain = os.path.join(directory, "root.zone")
    with open(os.path.join(folder, "data/root-2018.zone"), encoding="ascii") as source:
        dropped = {"RRSIG", "NSEC", "DNSKEY", "NSEC3", "NSEC3PARAM"}
        kept = [line for line in source if line.split()[3] not in dropped]
    with open(plain + ".source", "w", encoding="ascii") as file:
        file.writelines(kept)
    compile_zone(".", plain + ".source", plain)
    signed, anchor, _ = sign_zone(".", plain, directory, variant)
    return {".": Zone(".", signed, anchor)}
