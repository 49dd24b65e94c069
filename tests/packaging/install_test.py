#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""usage: install_test.py BUILD_FOLDER. Installs into a temporary folder; checks what came there."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
# systemd-analyze's scale from 0 (safe) to 10. A tenth of it is sched_setattr, by which threads can
# only give up what they have.
EXPOSURE_MAX = 1.6


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120, check=False)


class Install(unittest.TestCase):
    build = None

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="holdfast-install-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        done = subprocess.run(["cmake", "--install", cls.build, "--prefix", "/usr"], text=True,
                              env=os.environ | {"DESTDIR": str(cls.folder)}, capture_output=True,
                              timeout=120, check=False)
        assert done.returncode == 0, done.stderr
        cls.usr = cls.folder / "usr"
        cls.program = cls.usr / "bin" / "holdfast"

    def test_the_program_runs(self):
        self.assertRegex(run(str(self.program), "--version").stdout, r"^holdfast \d")

    def test_completion_is_that_of_the_program(self):
        installed = self.usr / "share" / "bash-completion" / "completions" / "holdfast"
        self.assertEqual(installed.read_text(), run(str(self.program), "completion", "bash").stdout)

    def test_the_example_configurations_are_good(self):
        documents = next((self.usr / "share" / "doc").iterdir())
        for file in (documents / "examples" / "holdfast.toml",
                     self.folder / "etc" / "holdfast" / "holdfast.toml"):
            done = run(str(self.program), "config", "check", "-c", str(file))
            self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_the_manual_names_every_command(self):
        manual = (self.usr / "share" / "man" / "man8" / "holdfast.8").read_text()
        manual = re.sub(r"\\f.|\\", "", manual)
        completion = run(str(self.program), "completion", "bash").stdout
        commands = set(re.findall(r"path='holdfast ([a-z ]+)'", completion))
        self.assertGreater(len(commands), 10)
        for command in commands - {"config", "zone", "key", "shield", "completion"}:
            self.assertRegex(manual, rf'\.BI? "?{command}\b', command)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_the_unit_is_good_and_tight(self):
        text = (self.usr / "lib" / "systemd" / "system" / "holdfast.service").read_text()
        self.assertEqual(text.count("/usr/bin/holdfast"), 2)
        unit = self.folder / "holdfast.service"
        unit.write_text(text.replace("/usr/bin/holdfast", str(self.program)))
        done = run("systemd-analyze", "verify", "--man=no", str(unit))
        self.assertEqual(done.stdout.replace("\n", ""), "")
        done = run("systemd-analyze", "security", "--offline=yes", "--no-pager", str(unit))
        exposure = float(re.search(r"Overall exposure level .*: ([0-9.]+)", done.stdout).group(1))
        self.assertLessEqual(exposure, EXPOSURE_MAX, done.stdout)


if __name__ == "__main__":
    Install.build = sys.argv.pop()
    unittest.main()
