# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports for servers that tests start.

They lie outside of the range from which the system takes ports of clients: so none of the many
clients of all tests gets one by chance between its choice and the server's start. One that did
would keep the server from starting, or, asking whether it is up, would hear itself.
"""
import pathlib
import random
import socket

LOWEST = 10_000
TRIES_MAX = 1000
RANGE = pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
# Their names say to tests that run at the same time which ports are taken, until this process ends.
HELD = []


def free_port():
    """A port that is free for UDP and TCP, on IPv4 and IPv6 wildcards alike, and given to no other
    test while this process runs."""
    ports = candidates()
    for port in random.sample(ports, k=min(TRIES_MAX, len(ports))):
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0holdfast-test-port-{port}")
            if is_free(port):
                HELD.append(name)
                return port
        except OSError:  # another test has it
            pass
        name.close()
    raise AssertionError("no port is free")


def candidates():
    low, high = map(int, RANGE.read_text().split())
    outside = [*range(LOWEST, low), *range(high + 1, 65536)]
    return outside or range(LOWEST, 65536)


def is_free(port):
    held = []
    try:
        for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
            if family == socket.AF_INET6 and not has_ipv6():
                continue
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                probe = socket.socket(family, kind)
                held.append(probe)
                if family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((address, port))
        return True
    except OSError:
        return False
    finally:
        for probe in held:
            probe.close()


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
        return True
    except OSError:
        return False
