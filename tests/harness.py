# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts `holdfast serve` with a configuration of the test's own, and ends it again.

    with Server({"example.com": ZONE_TEXT}, {"tcp": {"idle_ms": 500}}) as server:
        response = server.ask("www.example.com", "A")

The program is named by the environment variable HOLDFAST; without it, it is build/release/holdfast.
Everything lies in a temporary folder; the port is a free one of loopback. A server that does not
come up, or that ends by itself, fails the test with the end of its log; so does, when it is ended,
one of which a process had died by a fault of the program (see `may_crash`).
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import dns.flags
import dns.message
import dns.query
import dns.rcode

from ports import free_port, has_ipv6

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Where servers listen and where their clients ask from, IPv4 and IPv6; tests/xdp changes both.
LISTEN = ("127.0.0.1", "::1")
CLIENTS = ("127.0.0.1", "::1")
# Of what must happen; sanitizer builds on a busy machine included.
START_S = STOP_S = 60
ANSWER_S = 20
RUN_S = 120
# How a process ends by a fault of its own, what the supervisor says of that, and sanitizers. One
# that is aborted for being silent too long may only have had no processor.
FAULTS = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
FAULT_TOLD = re.compile(
    f"was ended by (?:{'|'.join(fault.name for fault in FAULTS)})(?! because it had hung)"
    r"|(?:ERROR|WARNING): \w+Sanitizer|: runtime error: ")


def program():
    return os.environ.get("HOLDFAST", str(ROOT / "build" / "release" / "holdfast"))


def children(pid):
    """The pids of the processes that `pid` has started and that still are, in the order in which it
    has started them; pids themselves begin anew at the end of their range."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            return [int(word) for word in file.read().split()]
    except FileNotFoundError:
        return []


def to_toml(settings, zones, zone_settings, keys, tables):
    """TOML of {table: {key: value}}, [(zone, file)], {zone: {key: value}}, [{key: value}] for
    [[key]] and [(table, {key: value})] for others; JSON writes our values alike."""
    def entries(values):
        return [f"{key} = {json.dumps(value)}" for key, value in values.items()]
    lines = []
    for table, values in settings.items():
        lines += [f"[{table}]", *entries(values)]
    for key in keys:
        lines += ["[[key]]", *entries(key)]
    for table, values in tables:
        lines += [f"[[{table}]]", *entries(values)]
    for name, file in zones:
        values = {"name": name, **({"file": file} if file else {}), **zone_settings.get(name, {})}
        lines += ["[[zone]]", *entries(values)]
    return "\n".join(lines) + "\n"


class Server:
    """One running server. `zones` maps names to zone text, to the path of a zone file, or to None
    for a zone without a file. `zone_settings` are further keys of zones, `keys` the [[key]]s,
    `tls_peers` the [[tls_peer]]s, `tables` further (table, {key: value})."""

    # Set by tests that make its processes die as by a fault of the program.
    may_crash = False

    def __init__(self, zones, settings=None, listen=None, workers=1, zone_settings=None,
                 keys=(), tls_peers=(), tables=()):
        self.zones = zones
        self.zone_settings = zone_settings or {}
        self.keys = list(keys)
        self.tables = [*(("tls_peer", peer) for peer in tls_peers), *tables]
        self.port = free_port()
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-test-"))
        self.state = self.directory / "state"
        self.config = self.directory / "holdfast.toml"
        self.log = self.directory / "log"
        self.process = None
        addresses = [address for address in listen or LISTEN if has_ipv6() or ":" not in address]
        self.address = addresses[0] if addresses[0] not in ("0.0.0.0", "::") else "127.0.0.1"
        self.settings = {
            "server": {"listen": [f"{address}@{self.port}" for address in addresses],
                       "workers": workers, "state": str(self.state)},
            "metrics": {"listen": ""},
        }
        for table, keys in (settings or {}).items():
            self.settings.setdefault(table, {}).update(keys)
        self.write_config()

    def write_config(self):
        """Writes configuration and zones anew, from `settings` and `zones`; for reloads too."""
        files = []
        for name, content in self.zones.items():
            if content is None:
                files.append((name, None))
                continue
            file = pathlib.Path(str(content)) if "\n" not in str(content) else None
            if file is None:
                file = self.directory / f"{name.rstrip('.') or '@'}.zone"
                file.write_text(content)
            files.append((name, str(file)))
        self.config.write_text(
            to_toml(self.settings, files, self.zone_settings, self.keys, self.tables))

    # --- life

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.clean_up()
            raise

    def __exit__(self, *unused):
        faults = self.clean_up()
        if faults and not self.may_crash:
            raise AssertionError("the server had faults:\n" + "\n".join(faults))

    def clean_up(self):
        """Ends it and removes its folder. Returns what its log says of faults."""
        try:
            status = self.stop()
            log = self.log.read_text(errors="replace") if self.log.exists() else ""
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)
        faults = [line for line in log.splitlines() if FAULT_TOLD.search(line)]
        if status is not None and -status in FAULTS:
            faults.append(f"the supervisor was ended by {signal.Signals(-status).name}")
        return faults

    def serve_command(self):
        """What is run as the server."""
        return [program(), "serve", "--config", str(self.config)]

    def start(self):
        """Starts the server and waits until it answers, and all its zones have been tried."""
        self.start_answering()
        self.wait_ready()
        return self

    def start_answering(self):
        """Starts the server and waits until it answers for the first of its zones; control may have
        to begin yet. Of one that was killed a process may have the port for a moment."""
        deadline = time.monotonic() + START_S
        while True:
            try:
                return self._start_once(deadline)
            except AssertionError as error:
                if "in use by another program" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    def wait_ready(self):
        deadline = time.monotonic() + START_S
        while not (self.control_status() or {}).get("ready"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"not ready {START_S} s after the start:\n" + self.log_text())
            time.sleep(0.02)

    def control_status(self):
        """What control says of the server; None without an answer."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(ANSWER_S)
            try:
                client.connect(str(self.state / "control.sock"))
                client.sendall(b'{"command": "status"}\n')
                return json.loads(client.makefile().readline())
            except (OSError, ValueError):  # nobody, or an end meanwhile
                return None

    def _start_once(self, deadline):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                self.serve_command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True)
        name = next(iter(self.zones), "example")
        wanted = dns.rcode.NOERROR if self.zones else dns.rcode.REFUSED
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n"
                                     + self.log_text())
            try:
                if self.ask(name, "SOA", timeout=0.2).rcode() == wanted:
                    return self
            except (dns.exception.Timeout, OSError):
                pass
            time.sleep(0.02)
        raise AssertionError(f"no answer {START_S} s after the start:\n" + self.log_text())

    def stop(self):
        """Ends the server, gently at first. Returns its exit status, None if it had none."""
        if self.process is None:
            return None
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its own session: nothing else is in it
            process.wait()
            raise AssertionError(f"still running {STOP_S} s after SIGTERM:\n" + self.log_text())

    def kill(self):
        """All of its processes at once, as the end of a machine would."""
        process, self.process = self.process, None
        os.killpg(process.pid, signal.SIGKILL)  # its own session: nothing else is in it
        process.wait()

    def begin_anew(self):
        """Kills it and starts it again."""
        self.kill()
        return self.start()

    @property
    def pid(self):
        return self.process.pid

    def log_text(self, bytes_max=8000):
        return self.log.read_text(errors="replace")[-bytes_max:] if self.log.exists() else ""

    def run(self, *arguments, **keywords):
        """Runs another command of the program, as `holdfast ARGUMENTS`."""
        return subprocess.run([program(), *arguments], capture_output=True, text=True,
                              timeout=RUN_S, **keywords)

    # --- questions

    def ask(self, name, rdtype, rdclass="IN", tcp=False, address=None, timeout=ANSWER_S,
            **keywords):
        """Asks with dnspython; `keywords` are those of dns.message.make_query."""
        keywords.setdefault("flags", 0)
        query = dns.message.make_query(name, rdtype, rdclass, **keywords)
        return self.send(query, tcp=tcp, address=address, timeout=timeout)

    def send(self, query, tcp=False, address=None, timeout=ANSWER_S):
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, address or self.address, port=self.port, timeout=timeout)

    def exchange(self, packet, address=None, timeout=ANSWER_S):
        """Sends bytes over UDP and returns the bytes that come back, or None."""
        address = address or self.address
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.settimeout(timeout)
            client.connect((address, self.port))
            client.send(packet)
            try:
                return client.recv(65535)
            except socket.timeout:
                return None

    def connect(self, address=None, timeout=ANSWER_S):
        """A TCP connection to the server."""
        return socket.create_connection((address or self.address, self.port), timeout)


def frame(message):
    """A message with the length before it, as TCP wants it (RFC 1035 §4.2.2)."""
    return len(message).to_bytes(2, "big") + message


def read_exactly(connection, size):
    """`size` bytes, or fewer if the other side closes before."""
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            break
        data += more
    return data


def read_frame(connection):
    """The next message of a connection, or None at its end."""
    head = read_exactly(connection, 2)
    if len(head) < 2:
        return None
    return read_exactly(connection, int.from_bytes(head, "big"))
