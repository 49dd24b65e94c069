#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `./dev run` prints to try next must work: each dig line of examples/holdfast.toml."""

import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import harness  # noqa: E402

EXAMPLE = ROOT / "examples" / "holdfast.toml"


def suggestions():
    """The commands after `# try:`, without their comments."""
    lines = [line.partition("# try:")[2] for line in EXAMPLE.read_text().splitlines()]
    return [line.partition("#")[0].strip() for line in lines if line.strip().startswith("dig ")]


class FirstQuestions(unittest.TestCase):
    def test_every_suggested_question_is_answered(self):
        zones = {path.name.removesuffix(".zone"): str(path)
                 for path in sorted((EXAMPLE.parent / "zones").glob("*.zone"))}
        self.assertTrue(zones)
        asked = suggestions()
        self.assertGreaterEqual(len(asked), 5)
        with harness.Server(zones) as server:
            for command in asked:
                if "@::1" in command and not harness.has_ipv6():
                    continue
                with self.subTest(command):
                    command = re.sub(r"-p 5300\b", f"-p {server.port}", command)
                    done = subprocess.run([*shlex.split(command), "+tries=2"], timeout=30,
                                          capture_output=True, text=True, check=False)
                    self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                    self.assertRegex(done.stdout, r"status: (NOERROR|NXDOMAIN)")
                    self.assertRegex(done.stdout, r"(ANSWER|AUTHORITY): [1-9]")

    def test_the_example_itself_is_valid(self):
        """With the file as it is, but for ports and state."""
        with tempfile.TemporaryDirectory() as directory:
            text = EXAMPLE.read_text()
            port = harness.free_port()
            text = re.sub(r'^listen += \[.*$', f'listen = ["127.0.0.1@{port}"]', text, flags=re.M)
            text = text.replace('"127.0.0.1:9153"', '""')
            text = re.sub(r'^state .*$', f'state = "{directory}/state"', text, flags=re.M)
            text = text.replace('directory = "zones"', f'directory = "{EXAMPLE.parent}/zones"')
            config = pathlib.Path(directory) / "holdfast.toml"
            config.write_text(text)
            done = subprocess.run([harness.program(), "config", "check", "--config", str(config)],
                                  capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
