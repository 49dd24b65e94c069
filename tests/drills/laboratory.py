# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs `bench_lab`, and what belongs into its laboratories, for the tests of this folder.

A test calls enter() from outside; what is to happen inside is another function of the same file,
which enter() has run again within.
"""
import ctypes
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.environ.get("BENCH_LAB", str(ROOT / "build" / "release" / "bench_lab"))
SKIPPED = 77
WAIT_S = 60  # sanitizer builds on a busy machine included


def can_make_laboratories():
    """Needs namespaces, BPF and NAPI threads in /proc: root on a machine, or much of it."""
    return subprocess.run([PROGRAM, "enter", "true"], capture_output=True).returncode == 0


def main():
    """In place of unittest.main(): runs one function inside, or all tests outside."""
    if "LAB_SERVER_NS_PID" in os.environ:
        getattr(sys.modules["__main__"], sys.argv[1])(*sys.argv[2:])
        return
    if not can_make_laboratories():
        print("no laboratory can be made here")
        sys.exit(SKIPPED)
    unittest.main()


def inside(function, *arguments):
    """The command that runs `function` of the test file."""
    return [sys.executable, sys.argv[0], function, *arguments]


def enter(function, *arguments):
    """Runs `function` in a new laboratory; gives what it printed, as JSON."""
    return enter_for_lines(function, *arguments)[0]


def enter_for_lines(function, *arguments):
    """The same, with an object from each line that it printed."""
    done = subprocess.run([PROGRAM, "enter", "--", *inside(function, *arguments)],
                          capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"{function} ended with {done.returncode}:\n{done.stderr}")
    return [json.loads(line) for line in done.stdout.splitlines() if line]


def load(*arguments):
    """Within: runs the generator to its end; gives what it printed and its standard error."""
    done = subprocess.run([PROGRAM, "load", *arguments], capture_output=True, text=True,
                          timeout=60)
    return (json.loads(done.stdout) if done.returncode == 0 else None), done.stderr


def on_server_side(command):
    return ["nsenter", "-t", os.environ["LAB_SERVER_NS_PID"], "-n", *command]


def socket_on_server_side(family, kind, port):
    """Within: a socket of the server's namespace, bound to any address."""
    enter_namespace = ctypes.CDLL(None, use_errno=True).setns
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/proc/{os.environ['LAB_SERVER_NS_PID']}/ns/net", os.O_RDONLY)
    assert enter_namespace(there, 0) == 0
    made = socket.socket(family, kind)
    assert enter_namespace(here, 0) == 0
    os.close(here)
    os.close(there)
    made.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", port))
    return made


def wait_until(condition):
    """True once it holds, False if it does not within WAIT_S."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
