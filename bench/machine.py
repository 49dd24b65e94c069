# SPDX-License-Identifier: GPL-3.0-or-later
"""What a result depends on beside the code: the machine, versions, and how Debian built the peers.
"""

import os
import pathlib
import platform
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOTES = {
    "nsd": "Debian builds it with --disable-recvmmsg: one datagram a system call, where NSD can"
           " take up to 100",
    "knot": "Debian builds it with recvmmsg (batches of 10) and with XDP",
    "bind": "libuv receives in batches and sends one by one",
    "powerdns": "bind backend; one datagram a system call by design, packet cache on",
}


def output(*command):
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return (done.stdout + done.stderr).strip()
    except OSError:
        return ""


def first_line(*command):
    return (output(*command).splitlines() or ["unknown"])[0]


def flags(text, marker):
    """The switches of a configure line that name a feature."""
    line = next((line for line in text.splitlines() if marker in line), "")
    found = re.findall(r"--(?:enable|disable|with|without)-[\w-]+(?:=[^\s']+)?", line)
    boring = ("option-checking", "silent-rules", "maintainer-mode", "dependency-tracking")
    return " ".join(word for word in found if not word.endswith(boring) and "dir" not in word)


def package(name):
    return output("dpkg-query", "-W", "-f", "${Version}", name) or "not installed"


def peers():
    """{server: version, build flags, what to know}."""
    nsd, bind = output("/usr/sbin/nsd", "-v"), output("/usr/sbin/named", "-V")
    pdns = output("/usr/sbin/pdns_server", "--version")
    libraries = output("ldd", "/usr/sbin/knotd")
    about = {
        "knot": (package("knot"), "libxdp linked" if "libxdp" in libraries else "no libxdp"),
        "nsd": (package("nsd"), flags(nsd, "Configure line")),
        "bind": (package("bind9"), flags(bind, "built by")),
        "powerdns": (package("pdns-server"), flags(pdns, "Configured with")),
    }
    return {name: {"version": version, "flags": built, "note": NOTES[name]}
            for name, (version, built) in about.items()}


def machine():
    text = pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"^model name\s*: (.*)$", text, re.M)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "processor": model.group(1) if model else "unknown",
        "cores": os.cpu_count(),
        "virtual": "hypervisor" in text,
        "memory_gib": round(memory / 2**30, 1),
        "kernel": platform.release(),
        "commit": first_line("git", "-C", str(ROOT), "describe", "--always", "--dirty"),
    }
