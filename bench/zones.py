# SPDX-License-Identifier: GPL-3.0-or-later
"""The zone sets that servers are measured with, named as ISC's perflab names them: made once, kept
in build/bench/sets, signed with Knot's kzonesign (P-256, NSEC) where a set says so.

A set is a list of (zone name with its final dot, file). Numbers decide all contents, so every
machine makes the same zones; only keys and signatures differ.
"""

import concurrent.futures
import dataclasses
import os
import pathlib
import random
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
SETS = ROOT / "build/bench/sets"
# Raised when a set's contents change, so that what is kept from before is not used.
EDITION = 2

HOSTING_ZONES = 1000
HOSTING_NAMES = 20
HOSTING_LABELS = ("www", "mail", "smtp", "imap", "ftp", "api", "cdn", "shop", "blog", "dev",
                  "test", "vpn", "ns1", "ns2", "m", "static", "img", "app", "admin", "autodiscover")
# At most so many names link to one file: ext4 allows 65,000.
LINKS_PER_FILE = 20_000
SOA = "@ 3600 IN SOA ns1 hostmaster {serial} 3600 900 604800 60\n"


@dataclasses.dataclass
class ZoneSet:
    """What a server loads: its name, (zone, file) for each zone, the folder if all lie in one."""

    name: str
    zones: list
    folder: pathlib.Path


def address(index):
    return f"10.{index >> 16 & 255}.{index >> 8 & 255}.{index & 255}"


def tiny_zone(index):
    return f"z{index:07d}.example."


def make_tiny(folder, count):
    """`count` zones of five records; the files are links to a few, so that disk is bounded."""
    for start in range(0, count, LINKS_PER_FILE):
        number = start // LINKS_PER_FILE
        source = folder.parent / f"{folder.name}-source-{number}"
        source.write_text(
            SOA.format(serial=1) + "@ 3600 IN NS ns1\n"
            f"ns1 3600 IN A {address(number)}\n@ 300 IN A {address(number)}\n"
            f"www 300 IN A {address(number)}\n"
        )
        for index in range(start, min(start + LINKS_PER_FILE, count)):
            os.link(source, folder / f"{tiny_zone(index)[:-1]}.zone")
        source.unlink()


def make_records(folder, count):
    """One zone of `count` names with an address each."""
    with open(folder / "records.example.zone", "w", encoding="ascii") as file:
        file.write("$ORIGIN records.example.\n$TTL 300\n" + SOA.format(serial=1))
        file.write("@ NS ns1\nns1 A 192.0.2.1\n")
        for index in range(count):
            file.write(f"n{index:07d} A {address(index)}\n")


def make_delegations(folder, count):
    """A registry's zone: two name servers for each child, one with glue; a tenth have a DS."""
    with open(folder / "delegations.example.zone", "w", encoding="ascii") as file:
        file.write("$ORIGIN delegations.example.\n$TTL 86400\n" + SOA.format(serial=1))
        file.write("@ NS ns1\nns1 A 192.0.2.1\n")
        for index in range(count):
            child = f"d{index:07d}"
            file.write(f"{child} NS ns1.{child}\n{child} NS ns{index % 50}.hoster.example.net.\n")
            file.write(f"ns1.{child} A {address(index)}\n")
            if index % 10 == 0:
                file.write(f"{child} DS {index % 65536} 13 2 {index:064x}\n")


def make_hosting(folder, count):
    """Customers' zones: a score of names, mail, text; every tenth has a wildcard."""
    for index in range(count):
        lines = [SOA.format(serial=1), "@ 3600 IN NS ns1\n@ 3600 IN NS ns2\n"]
        lines.append(f"@ 300 IN A {address(index)}\n@ 300 IN AAAA 2001:db8::{index:x}\n")
        lines.append("@ 3600 IN MX 10 mail\n@ 3600 IN TXT \"v=spf1 mx -all\"\n")
        for number, label in enumerate(HOSTING_LABELS):
            lines.append(f"{label} 300 IN A 10.{number}.{index >> 8}.{index & 255}\n")
            if number % 2 == 0:
                lines.append(f"{label} 300 IN AAAA 2001:db8:{number:x}::{index:x}\n")
        if index % 10 == 0:
            lines.append(f"*.any 300 IN A {address(index)}\n")
        (folder / f"{hosting_zone(index)[:-1]}.zone").write_text("".join(lines))


def hosting_zone(index):
    return f"customer{index:04d}.example."


def root_source():
    """The root zone of 2018, or None where the data that is too large for the repository is not."""
    shared = os.environ.get("HOLDFAST_SHARED") or ROOT.parent / "shared"
    source = pathlib.Path(shared) / "data/root-2018.zone"
    return source if source.exists() else None


def make_root(folder, _count):
    dropped = {"RRSIG", "NSEC", "DNSKEY", "NSEC3", "NSEC3PARAM"}
    with open(root_source(), encoding="ascii") as source:
        kept = [line for line in source if line.split()[3] not in dropped]
    # As it was transferred, it ends with the SOA that it begins with.
    first, rest = kept[0], [line for line in kept[1:] if line.split()[3] != "SOA"]
    (folder / "@.zone").write_text("".join([first, *rest]))


MAKERS = {"tiny": make_tiny, "records": make_records, "delegations": make_delegations,
          "hosting": make_hosting, "root": make_root}


def zone_of(path):
    return "." if path.name == "@.zone" else path.name[: -len("zone")]


def listed(name, folder):
    files = sorted(folder.iterdir())
    return ZoneSet(name, [(zone_of(path), str(path)) for path in files], folder)


def sign(plain, folder, work):
    """Signs every zone of `plain` into `folder` with keys made on the spot."""
    zones = [(zone_of(path), path) for path in sorted(plain.iterdir())]
    threads = os.cpu_count() if len(zones) == 1 else 1
    lines = ["policy:", "  - id: bench", "    algorithm: ecdsap256sha256", "    nsec3: off",
             "    rrsig-lifetime: 3650d", "    rrsig-refresh: 30d", "    zone-max-ttl: 7d",
             "    propagation-delay: 1h", f"    signing-threads: {threads}", "database:",
             f"  storage: {work}/keys", "template:", "  - id: default", f"    storage: {plain}",
             '    file: "%s.zone"', "    journal-content: none", "    semantic-checks: off",
             "    dnssec-signing: on", "    dnssec-policy: bench", "zone:"]
    for zone, path in zones:
        lines += [f'  - domain: "{zone}"', f"    file: {path}"]
    (work / "keys").mkdir(parents=True, exist_ok=True)
    (work / "kzonesign.conf").write_text("\n".join(lines) + "\n")

    def sign_one(zone, path):
        out = work / f"out-{path.name}"
        out.mkdir()
        command = ["kzonesign", "-c", str(work / "kzonesign.conf"), "-o", str(out), zone]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        made = list(out.iterdir())
        if done.returncode != 0 or len(made) != 1:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        shutil.move(made[0], folder / path.name)
        out.rmdir()

    # A small zone is one core's work.
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        try:
            for done in [pool.submit(sign_one, zone, path) for zone, path in zones]:
                done.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def zone_set(kind, count, signed=False, tell=print):
    """The set, made first if it is not there; None where its source is absent."""
    if kind == "root" and root_source() is None:
        return None
    name = f"{kind}-{count}" if count else kind
    if signed:
        plain = zone_set(kind, count, tell=tell)
        name += "-signed"
    top = SETS / f"{name}-{EDITION}"
    folder = top / "zones"
    if not (top / "complete").exists():
        tell(f"making {name}, once")
        shutil.rmtree(top, ignore_errors=True)
        folder.mkdir(parents=True)
        if signed:
            sign(plain.folder, folder, top / "work")
            shutil.rmtree(top / "work")
        else:
            MAKERS[kind](folder, count)
        (top / "complete").touch()
    return listed(name, folder)


class Zipf:
    """Numbers below `count`, the n-th in proportion to 1/n."""

    def __init__(self, count, chance):
        self.chance = chance
        self.sums = []
        total = 0.0
        for rank in range(1, count + 1):
            total += 1 / rank
            self.sums.append(total)

    def choose(self, times):
        return self.chance.choices(range(len(self.sums)), cum_weights=self.sums, k=times)


def chance(seed):
    return random.Random(seed)
