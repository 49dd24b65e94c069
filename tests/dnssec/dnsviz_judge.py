# SPDX-License-Identifier: GPL-3.0-or-later
"""dnsviz as a judge of zones that servers serve: its `probe` and `grok`, loaded once for many.

    faults("zone.test", {"ns.zone.test": ("127.0.0.1", 5300)}, ds=["12345 15 2 …"])
"""
import contextlib
import io
import json
import pathlib
import sys
import tempfile
import types

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import pygraphviz
from harness import Server

# `dnsviz grok` of Debian 12 looks for a module that its pygraphviz does not have any more.
RELEASE = types.ModuleType("pygraphviz.release")
RELEASE.version = pygraphviz.__version__
pygraphviz.release = sys.modules["pygraphviz.release"] = RELEASE

from dnsviz.commands import grok, probe  # needs what stands above


def faults(zone, servers, ds):
    """What is wrong with the zone at these servers, those to which its parent delegates it, with
    the DS that its parent has. Nothing: it is secure, or without a DS insecure. The parent is made
    here; servers whose names lie in the zone are at 127.0.0.1."""
    parent = zone.partition(".")[2]
    lines = ["@ 60 SOA ns admin 1 7200 3600 1209600 60", "@ 60 NS ns", "ns 60 A 127.0.0.1",
             *(f"{zone}. 60 NS {name}." for name in servers),
             *(f"{name}. 60 A 127.0.0.1" for name in servers if name.endswith(f".{zone}")),
             *(f"{zone}. 60 DS {text}" for text in ds)]
    above = Server({parent: "\n".join(lines) + "\n"}, listen=["127.0.0.9"],
                   zone_settings={parent: {"policy": "default"}})
    asked = ",".join(f"{name}={address}:{port}" for name, (address, port) in servers.items())
    with above, tempfile.TemporaryDirectory(prefix="holdfast-dnsviz-") as folder:
        page, keys, verdict = (pathlib.Path(folder) / name for name in ("page", "keys", "verdict"))
        keys.write_text("".join(f"{rrset}\n" for rrset in above.ask(parent, "DNSKEY").answer))
        run(probe, ["probe", "-A", "-4", "-a", parent, "-R", "SOA,CDS,CDNSKEY",
                    "-x", f"{parent}+:ns.{parent}={above.address}:{above.port}",
                    "-x", f"{zone}:{asked}", "-o", str(page), zone])
        run(grok, ["grok", "-t", str(keys), "-r", str(page), "-o", str(verdict)])
        told = json.loads(verdict.read_text())[f"{zone}."]
    found = list(complaints(told))
    wanted = {"status": "NOERROR", "delegation": "SECURE" if ds else "INSECURE"}
    seen = {"status": told["status"], "delegation": told["delegation"]["status"]}
    return found if seen == wanted else [*found, str(seen)]


def run(command, arguments):
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            command.main(arguments)
    except SystemExit as end:
        if end.code:
            raise AssertionError(f"dnsviz {arguments}: {end.code}\n{said.getvalue()}") from None


def complaints(node, path=()):
    """All errors that a page of dnsviz tells of, with where."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "errors" and value:
                yield "/".join(path) + ": " + json.dumps(value)
            elif key in ("status", "delegation") and value == "BOGUS":
                yield "/".join(path) + ": BOGUS"
            else:
                yield from complaints(value, (*path, key))
    elif isinstance(node, list):
        for value in node:
            yield from complaints(value, path)
