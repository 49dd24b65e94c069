#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long it takes to sign a zone of a million RRsets with ECDSA P-256 on all cores.

From zone file to signed zone file: holdfast, BIND's dnssec-signzone and Knot's kzonesign, one after
the other.

usage: sign.py --holdfast PROGRAM [--rrsets N] [--signers A,B] [--no-record]
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import resource
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
ZONE = "sign.example"
RRSETS = 1_000_000
TIMEOUT_S = 1800


def make_zone(path, rrsets):
    """Half the RRsets are addresses, half the NSEC records that signing adds."""
    with open(path, "w", encoding="ascii") as file:
        file.write(f"$ORIGIN {ZONE}.\n$TTL 300\n@ SOA ns1 hostmaster 1 3600 900 604800 60\n")
        file.write("@ NS ns1\nns1 A 192.0.2.1\n")
        for index in range(rrsets // 2 - 2):
            file.write("n%07d A 10.%d.%d.%d\n"
                       % (index, index >> 16 & 255, index >> 8 & 255, index & 255))


class Signer:
    def __init__(self, name, folder):
        self.name = name
        self.folder = folder / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.output = self.folder / "out" / "signed"
        self.output.parent.mkdir()

    def prepare(self, program):
        """Keys and configuration."""

    def command(self, program, zone, cores):
        raise NotImplementedError

    def version(self, program):
        raise NotImplementedError


class Holdfast(Signer):
    def prepare(self, program):
        run([program, "key", "generate", ZONE, "--keys", self.folder / "keys"])

    def command(self, program, zone, cores):
        return [program, "zone", "sign", ZONE, zone, "--keys", self.folder / "keys", "--threads",
                cores, "-o", self.output]

    def version(self, program):
        return run([program, "--version"]).strip()


class Bind(Signer):
    def prepare(self, program):
        (self.folder / "keys").mkdir()
        run(["dnssec-keygen", "-q", "-K", self.folder / "keys", "-f", "KSK", "-a",
             "ECDSAP256SHA256", ZONE])

    def command(self, program, zone, cores):
        # -P: it would verify all signatures afterwards, which the others do not do.
        return ["dnssec-signzone", "-z", "-S", "-P", "-n", cores, "-K", self.folder / "keys", "-o",
                ZONE, "-f", self.output, zone]

    def version(self, program):
        return subprocess.run(["dnssec-signzone", "-V"], check=True, capture_output=True,
                              text=True).stderr.strip()


class Knot(Signer):
    def prepare(self, program):
        self.config = self.folder / "knot.conf"

    def command(self, program, zone, cores):
        self.config.write_text(f"""database:
  storage: {self.folder}
policy:
  - id: csk
    algorithm: ecdsap256sha256
    single-type-signing: on
    signing-threads: {cores}
zone:
  - domain: {ZONE}
    file: {zone}
    dnssec-signing: on
    dnssec-policy: csk
""")
        return ["kzonesign", "-c", self.config, "-o", self.output.parent, ZONE]

    def version(self, program):
        return run(["kzonesign", "--version"]).strip()


SIGNERS = {"holdfast": Holdfast, "bind": Bind, "knot": Knot}


def run(command, cwd=None):
    return subprocess.run([str(word) for word in command], check=True, capture_output=True,
                          text=True, timeout=TIMEOUT_S, cwd=cwd).stdout


def measure(signer, program, zone, cores):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.monotonic()
    run(signer.command(program, zone, cores), cwd=signer.folder)  # BIND leaves files where it runs
    seconds = time.monotonic() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    (output,) = signer.output.parent.iterdir()  # Knot chooses the name
    with open(output, encoding="ascii") as file:
        # Its owner may be left out; the types of an NSEC come later in its line.
        signatures = sum("RRSIG" in line.split(None, 5)[:4] for line in file)
    return {
        "signer": signer.name,
        "version": signer.version(program),
        "seconds": round(seconds, 2),
        "processor_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime
                                   - before.ru_stime, 2),
        "signatures": signatures,
    }


def report(results):
    lines = ["| Signer | Seconds | Processor seconds | Signatures | Ratio |",
             "|---|---|---|---|---|"]
    ours = next((r["seconds"] for r in results if r["signer"] == "holdfast"), None)
    for result in results:
        ratio = f"{ours / result['seconds']:.2f}" if ours else "-"
        lines.append(f"| {result['version']} | {result['seconds']} | "
                     f"{result['processor_seconds']} | {result['signatures']} | {ratio} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--holdfast", required=True)
    parser.add_argument("--rrsets", type=int, default=RRSETS)
    parser.add_argument("--signers", default=",".join(SIGNERS))
    parser.add_argument("--no-record", action="store_true")
    options = parser.parse_args()
    options.holdfast = str(pathlib.Path(options.holdfast).resolve())
    folder = ROOT / "build" / "bench" / "sign"
    folder.mkdir(parents=True, exist_ok=True)
    zone = folder / f"{ZONE}-{options.rrsets}"
    if not zone.exists():
        make_zone(zone, options.rrsets)
    cores = len(os.sched_getaffinity(0))
    results = []
    for name in options.signers.split(","):
        signer = SIGNERS[name](name, folder)
        signer.prepare(options.holdfast)
        results.append(measure(signer, options.holdfast, zone, cores))
        print(json.dumps(results[-1]), flush=True)
        shutil.rmtree(signer.folder)
    table = report(results)
    print(table)
    if options.no_record:
        return
    date = datetime.date.today().isoformat()
    machine = f"{platform.machine()}, {cores} cores, Linux {platform.release()}"
    target = ROOT / "bench" / "results"
    target.mkdir(exist_ok=True)
    record = {"date": date, "machine": machine, "rrsets": options.rrsets, "results": results}
    (target / f"sign-{date}.json").write_text(json.dumps(record, indent=1) + "\n")
    (target / f"sign-{date}.md").write_text(
        f"`./dev bench sign`, {options.rrsets} RRsets, {machine}. Ratio: holdfast's seconds to "
        f"this one's.\n\n{table}\n")


if __name__ == "__main__":
    sys.exit(main())
