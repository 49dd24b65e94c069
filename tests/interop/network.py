# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of several hosts that exists for one test: each host a network namespace, all joined by
a bridge, with no way out.

    if __name__ == "__main__":
        network.run_sealed(unittest.main)

    hub = network.Network()
    hub.add("knot", "192.0.2.2")
    subprocess.Popen(hub.within("knot", ["knotd", ...]))   # or run(), Popen() of any kind
    hub.cut("knot"); hub.join("knot")

The test itself is at 192.0.2.254. All of it lies in network, mount and process namespaces of the
test's own, so nothing is left of it, processes included, however the test ends.
"""
import ctypes
import os
import shutil
import subprocess
import sys

SKIPPED = 77
HUB = "192.0.2.254"
INSIDE = "HOLDFAST_SEALED_NETWORK"
NAMES = "/run/netns"  # `ip netns` keeps its names there; within, it is a file system of its own
MS_REC, MS_PRIVATE = 0x4000, 0x40000


def run_sealed(main):
    """Runs `main` within new namespaces; outside, does not come back."""
    if INSIDE in os.environ:
        main()
        return
    flags = ["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        flags += ["--map-root-user"]
    if subprocess.run(["unshare", *flags, "true"], capture_output=True).returncode != 0:
        print("no namespaces can be made here")
        sys.exit(SKIPPED)
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", *flags, "/usr/bin/python3", *sys.argv])


def ip(*words):
    subprocess.run(["ip", *words], check=True)


class Network:
    """One a process."""

    def __init__(self):
        if INSIDE not in os.environ:
            raise RuntimeError("a network is made within run_sealed() only")
        os.makedirs(NAMES, exist_ok=True)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"none", NAMES.encode(), b"tmpfs", 0, None) != 0:
            raise OSError(ctypes.get_errno(), "no file system for the names of namespaces")
        ip("link", "set", "lo", "up")
        ip("link", "add", "hub", "type", "bridge")
        ip("link", "set", "hub", "up")
        ip("address", "add", f"{HUB}/24", "dev", "hub")

    def add(self, name, address):
        ip("netns", "add", name)
        ip("link", "add", f"to-{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
        ip("link", "set", f"to-{name}", "master", "hub", "up")
        for words in (["link", "set", "lo", "up"], ["link", "set", "eth0", "up"],
                      ["address", "add", f"{address}/24", "dev", "eth0"]):
            subprocess.run(self.within(name, ["ip", *words]), check=True)

    def within(self, name, command):
        """`command` on that host."""
        return [shutil.which("nsenter"), f"--net={NAMES}/{name}", *command]

    def cut(self, name):
        ip("link", "set", f"to-{name}", "down")

    def join(self, name):
        ip("link", "set", f"to-{name}", "up")
