# SPDX-License-Identifier: GPL-3.0-or-later
"""The laboratory as the bench sees it: two network namespaces that `bench_lab enter` has made,
with a server's side whose core pays for what it receives and a load's side on the other core.

The bench runs on the load's side, so its own questions leave from there. Everything here ends by
itself or with the laboratory.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time

import processes

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../tests/interop"))

import peers  # noqa: E402

SERVER_CORE = 1
LOAD_CORE = 0
FLOOR_PORT = 5999
FLOOR_SECONDS = 1.5
RECEIVE_DEFAULT = pathlib.Path("/proc/sys/net/core/rmem_default")
RECEIVE_BYTES = 4 * 2**20
SECONDS_OVER = 20  # what a run may take beyond its duration
NAMESPACE_OF_NETWORK = 0x40000000  # CLONE_NEWNET


def enter(program, command, *options):
    """Runs `command` within `bench_lab enter`; its exit status."""
    arguments = [program, "enter", "--server-cpu", str(SERVER_CORE), "--load-cpu", str(LOAD_CORE)]
    with large_receive_queues():
        return subprocess.run(arguments + [*options, "--"] + command, check=False).returncode


@contextlib.contextmanager
def large_receive_queues():
    """Some servers ask for a large receive queue and others take the system's default, which an
    operator would raise: it is the same for all while the laboratory stands."""
    before = RECEIVE_DEFAULT.read_text(encoding="ascii")
    RECEIVE_DEFAULT.write_text(str(RECEIVE_BYTES), encoding="ascii")
    try:
        yield
    finally:
        RECEIVE_DEFAULT.write_text(before, encoding="ascii")


def is_inside():
    return "LAB_SERVER_NS_PID" in os.environ


class Lab:
    """Runs programs on either side. The one that the bench itself runs in is made by `enter`."""

    def __init__(self, program, surroundings=None):
        self.program = program
        self.surroundings = dict(surroundings or os.environ)
        self.address = self.surroundings["LAB_SERVER_ADDR4"]
        self.interface = self.surroundings["LAB_SERVER_IF"]
        self.server_pid = self.surroundings["LAB_SERVER_NS_PID"]
        self.load_pid = self.surroundings["LAB_LOAD_NS_PID"]

    @contextlib.contextmanager
    def beside(self):
        """Another one of the same kind, on the same cores, with namespaces and a veth pair of its
        own: for who attaches a program to the interface."""
        command = [self.program, "enter", "--server-cpu", str(SERVER_CORE), "--load-cpu",
                   str(LOAD_CORE), "--", "sh", "-c", "env | grep ^LAB_; echo; exec cat"]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as process:
            told = dict(line.strip().split("=", 1)
                        for line in iter(process.stdout.readline, "\n") if "=" in line)
            if "LAB_SERVER_NS_PID" not in told:
                raise RuntimeError("there is no second laboratory")
            try:
                yield Lab(self.program, {**os.environ, **told})
            finally:
                process.stdin.close()
                process.wait(SECONDS_OVER)

    def on_load_side(self, command):
        return ["nsenter", "-t", self.load_pid, "-n", "--", *command]

    def on_server_side(self, command):
        return ["nsenter", "-t", self.server_pid, "-n", "--", *command]

    def receive_threads(self):
        """The kernel's threads that receive for the server, looked up anew: attaching a program
        to the interface may have replaced them. ksoftirqd takes over when they are outrun."""
        tids = self.surroundings["LAB_SERVER_NAPI_TIDS"]
        named = [int(word) for word in tids.replace(",", " ").split()]
        found = processes.kernel_threads(f"napi/{self.interface}-") or named
        return found + processes.kernel_threads(f"ksoftirqd/{SERVER_CORE}")

    def ask(self, port, name, rtype, timeout=0.3):
        """The response's bytes, or None."""
        query = struct.pack(">6H", 4711, 0, 1, 0, 0, 0) + peers.wire_name(name)
        with self.socket_of_load_side() as udp:
            udp.settimeout(timeout)
            udp.connect((self.address, port))
            try:
                udp.send(query + struct.pack(">2H", rtype, 1))
                return udp.recv(65535)
            except OSError:
                return None

    def socket_of_load_side(self):
        """A socket stays in the namespace it was made in."""
        library = ctypes.CDLL(None, use_errno=True)
        with open("/proc/thread-self/ns/net", "rb") as ours, \
                open(f"/proc/{self.load_pid}/ns/net", "rb") as theirs:
            if library.setns(theirs.fileno(), NAMESPACE_OF_NETWORK) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            try:
                return socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            finally:
                library.setns(ours.fileno(), NAMESPACE_OF_NETWORK)

    def load(self, questions, port, pids, rate, seconds, windows, latency_rate=0):
        """Windows of load, one after the other; what the generator printed. `pids` are the
        server's processes."""
        command = [self.program, "load", *questions, "--port", str(port), "--rate", str(int(rate))]
        command += ["--seconds", str(seconds), "--windows", str(windows)]
        command += ["--server-pids", ",".join(map(str, pids))]
        command += ["--server-tids", ",".join(map(str, self.receive_threads()))]
        if latency_rate:
            command += ["--latency-rate", str(latency_rate)]
        return self.run_json(self.on_load_side(command), windows * (seconds + 1))

    def run_json(self, command, seconds):
        done = subprocess.run(command, capture_output=True, text=True, check=False,
                              timeout=seconds + SECONDS_OVER, env=self.surroundings)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stdout}{done.stderr}")
        return json.loads(done.stdout)

    @contextlib.contextmanager
    def floor(self, kind, answer_bytes):
        """An echo in the server's place; gives (port, its process id)."""
        name, *options = kind.split("+")
        command = [self.program, "echo", "--kind", name, "--port", str(FLOOR_PORT),
                   *(f"--{option}" for option in options)]
        if name != "xdptx":  # whose answers are as long as their questions
            command += ["--bytes", str(answer_bytes)]
        with subprocess.Popen(
            self.on_server_side(["taskset", "-c", str(SERVER_CORE), *command]),
            stdout=subprocess.DEVNULL, env=self.surroundings, start_new_session=True,
        ) as process:
            try:
                self.wait_for_floor(process)
                yield FLOOR_PORT, process.pid
            finally:
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGCONT)  # it may have been stopped
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()

    def wait_for_floor(self, process):
        """Until it answers. An echo by XDP_TX answers only who receives by XDP, which is the
        generator: for that one a while must do."""
        deadline = time.monotonic() + FLOOR_SECONDS
        while time.monotonic() < deadline and not self.ask(FLOOR_PORT, "ready.", 1):
            if process.poll() is not None:
                raise RuntimeError("the echo does not run")
