#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The control socket of a running server: its replies, and clients that misbehave."""
import json
import pathlib
import re
import stat
import subprocess
import unittest

from control_client import Control, wait_until, zone

from harness import Server, program

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
ROOT_FIELDS = {
    "ok", "version", "config_file", "state_directory", "listen", "metrics_listen",
    "started_unix_s", "ready", "not_ready_reason", "control", "workers", "zones", "memory",
    "catalogs", "journal", "reload", "dnstap", "deaths", "xdp"}
ZONE_FIELDS = {"zone", "file", "catalog", "state", "serial", "generation", "records", "names",
               "loaded_unix_s", "policy", "refresh_unix_s", "failing_since_unix_s", "findings"}


class ControlSocket(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        zones = {f"z{number}.example": zone(number + 1) for number in range(300)}
        cls.server = Server(zones)
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        cls.control = Control(cls.server)
        wait_until("ready", lambda: cls.control.is_up() and cls.control.status()["ready"])

    def test_status_has_the_fields_that_are_documented(self):
        status = self.control.status()
        self.assertEqual(set(status), ROOT_FIELDS)
        self.assertEqual(status["zones"], {"configured": 300, "waiting": 0, "serving": 300,
                                           "stale": 0, "failed": 0})
        self.assertEqual(status["memory"]["records"], 900)
        self.assertEqual(status["workers"][0]["state"], "answering")

    def test_zones_are_listed_in_full(self):
        _, lines = self.control.ask("zone-list")
        zones = [json.loads(line) for line in lines]
        self.assertEqual(len(zones), 300)
        self.assertEqual(set(zones[0]), ZONE_FIELDS)
        self.assertEqual({entry["zone"]: entry["serial"] for entry in zones},
                         {f"z{number}.example.": number + 1 for number in range(300)})

    def test_a_zone_is_printed_so_that_it_reads_back(self):
        _, lines = self.control.ask("zone-print", zone="z7.example")
        path = self.server.directory / "printed"
        path.write_text("\n".join(lines) + "\n")
        done = subprocess.run(["named-checkzone", "z7.example", str(path)], capture_output=True,
                              text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn("loaded serial 8", done.stdout)
        self.assertIn("z7.example. 3600 IN SOA", lines[0])

    def test_only_owner_and_group_may_use_it(self):
        mode = (self.server.state / "control.sock").stat().st_mode
        self.assertEqual(stat.S_IMODE(mode), 0o660)

    def connect_and_ask(self):
        """A client that was answered and stays; None if there was no room for it."""
        client = self.control.connect()
        try:
            client.sendall(b'{"command":"status"}\n')
            if json.loads(client.makefile().readline())["ok"]:
                return client
        except (OSError, ValueError):  # closed before it was asked
            pass
        client.close()
        return None

    def test_silent_clients_do_not_keep_others_out_of_what_is_left(self):
        held = []
        try:
            # Each place as soon as whoever had it before has left.
            while len(held) < 32:
                held.append(wait_until("a place", self.connect_and_ask))
            with self.control.connect() as refused:
                self.assertEqual(json.loads(refused.makefile().readline()),
                                 {"ok": False, "error": "too many clients on the control socket"})
        finally:
            for client in held:
                client.close()
        wait_until("room again", self.control.is_up)

    def test_a_client_that_never_reads_is_left(self):
        with self.control.connect() as client:
            client.sendall(b'{"command":"zone-list"}\n' * 100)
            self.assertTrue(self.control.status()["ok"])

    def test_the_command_line_speaks_it(self):
        state = ["--config", str(self.server.config)]
        done = subprocess.run([program(), "status", "--json", *state], capture_output=True,
                              text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout)["zones"]["serving"], 300)

    def test_the_documentation_names_the_fields(self):
        text = (ROOT / "docs" / "control-socket.md").read_text()
        named = set(re.findall(r"`([a-z_]+)`", text))
        self.assertLessEqual(ROOT_FIELDS - {"ok"}, named)
        self.assertLessEqual(ZONE_FIELDS, named)


if __name__ == "__main__":
    unittest.main()
