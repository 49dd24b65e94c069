#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands that need no running server: exit codes, output and completion."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PROGRAM = os.environ.get("HOLDFAST", str(ROOT / "build" / "release" / "holdfast"))


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=60,
                          check=False)


class CommandLine(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    def assert_ends(self, done, code, output=None, error=None):
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        if output is not None:
            self.assertIn(output, done.stdout)
        if error is not None:
            self.assertIn(error, done.stderr)


class Use(CommandLine):
    def test_version_and_help_are_good(self):
        self.assertRegex(run("--version").stdout, r"^holdfast \d+\.\d+\.\d+\n$")
        self.assert_ends(run("--version"), 0)
        self.assert_ends(run("--help"), 0, output="config")
        self.assert_ends(run("config", "check", "--help"), 0, output="--config")

    def test_wrong_use_ends_with_2_and_says_what_is_known(self):
        self.assert_ends(run(), 2, error="subcommand is required")
        self.assert_ends(run("confg"), 2, error="unknown word 'confg'; the nearest known one is "
                                                "'config'")
        self.assert_ends(run("config", "chek"), 2, error="'check'")
        self.assert_ends(run("config", "check", "--jsn"), 2, error="'--json'")
        self.assert_ends(run("config", "check", "--config"), 2, error="--config")
        self.assert_ends(run("config", "check", "surplus"), 2, error="surplus")


class Config(CommandLine):
    def test_a_good_one_is_silent(self):
        self.write("a.test.zone", "")
        path = self.write("holdfast.toml", "[[zones]]\ndirectory = '.'\n")
        done = run("config", "check", "--config", path)
        self.assert_ends(done, 0)
        self.assertEqual(done.stdout + done.stderr, "")
        verdict = json.loads(run("config", "check", "--json", "--config", path).stdout)
        self.assertEqual(verdict, {"file": path, "ok": True, "zones": 1, "problems": [],
                                   "problems_suppressed": 0, "warnings": []})

    def test_what_is_allowed_and_yet_dangerous_is_told(self):
        self.write("a.test.zone", "")
        path = self.write("holdfast.toml", "[[policy]]\nname = 'p'\nzsk_lifetime_s = 1\n"
                                           "[[zones]]\ndirectory = '.'\npolicy = 'p'\n"
                                           "notify = ['192.0.2.2']\n")
        done = run("config", "check", "--config", path)
        self.assert_ends(done, 0, output=f"warning: {path}:1:1: policy \"p\": its keys roll")
        self.assertIn("secondaries is empty", done.stdout)
        verdict = json.loads(run("config", "check", "--json", "--config", path).stdout)
        self.assertTrue(verdict["ok"])
        self.assertEqual([warning["line"] for warning in verdict["warnings"]], [1])

    def test_a_bad_one_is_told_with_all_places(self):
        path = self.write("holdfast.toml", "[server]\nlisen = []\nworkers = -1\n")
        self.assert_ends(run("config", "check", "--config", path), 1,
                         output=f"{path}:2:1: unknown key server.lisen; the nearest known one is "
                                f"server.listen\n{path}:3:11: server.workers is -1; expected")
        problem = json.loads(run("config", "check", "--json", "--config", path).stdout)["problems"]
        self.assertEqual([(p["line"], p["column"]) for p in problem], [(2, 1), (3, 11)])
        self.assert_ends(run("config", "print", "--config", path), 1, error="server.lisen")

    def test_files_that_cannot_be_read_are_told(self):
        path = self.write("holdfast.toml", "[[zone]]\nname = 'a.test'\nfile = 'missing'\n"
                                           "[[zones]]\ndirectory = 'nowhere'\n")
        done = run("config", "check", "--config", path)
        self.assert_ends(done, 1, output=f"zone a.test.: {self.folder}/missing: No such file")
        self.assertIn(f"zones.directory: {self.folder}/nowhere: No such file", done.stdout)
        self.assert_ends(run("config", "check", "--config", "/nonexistent"), 1,
                         output="/nonexistent: No such file or directory")

    def test_what_is_printed_parses_to_the_same(self):
        path = self.write("holdfast.toml", "[server]\nworkers = 3\n[[zone]]\nname = 'a.test'\n"
                                           "file = 'a'\n[[zones]]\ndirectory = 'b'\n")
        printed = run("config", "print", "--config", path).stdout
        again = self.write("again.toml", printed)
        self.assertEqual(run("config", "print", "--config", again).stdout, printed)
        values = json.loads(run("config", "print", "--json", "--config", path).stdout)
        self.assertEqual(values["server"]["workers"], 3)
        self.assertEqual(values["zone"], [{"name": "a.test", "file": f"{self.folder}/a",
                                           "policy": "", "account": "", "primaries": [],
                                           "notify": [], "transfer_to": [],
                                           "receive_mebibytes_max": 1024,
                                           "update": [], "forward_updates": False,
                                           "catalog": "", "catalog_group": "",
                                           "catalog_next": ""}])


class Completion(CommandLine):
    def complete(self, line):
        script = f"""
            eval "$('{PROGRAM}' completion bash)"
            COMP_WORDS=({line} "$0"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
            _holdfast; printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        words, last = line.rsplit(" ", 1)
        done = subprocess.run(["bash", "-c", script.replace(line, words), last], text=True,
                              capture_output=True, cwd=self.folder, timeout=60, check=False)
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_each_command_of_the_help_is_offered(self):
        commands = set()
        listed = False
        for text in run("--help").stdout.splitlines():
            if listed and text.startswith("  "):
                commands.add(text.split()[0])
            listed = listed or text.startswith("Subcommands:")
        self.assertGreater(len(commands), 1)
        self.assertEqual(self.complete("holdfast "), commands | {"--help", "--version"})

    def test_commands_options_and_files_are_offered_where_they_belong(self):
        self.assertEqual(self.complete("holdfast conf"), {"config"})
        self.assertLessEqual({"check", "print", "schema"}, self.complete("holdfast config "))
        self.assertEqual(self.complete("holdfast config check --j"), {"--json"})
        self.write("my.toml", "")
        self.assertEqual(self.complete("holdfast config check --config m"), {"my.toml"})
        self.assertEqual(self.complete("holdfast config check --config my.toml --j"), {"--json"})


if __name__ == "__main__":
    unittest.main()
