#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""However a drill ends, no process, namespace or file of it stays."""
import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

import program

WAIT_S = 60


def descendants(pid):
    found = [pid]
    for parent in found:
        for task in pathlib.Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(word) for word in task.read_text().split()]
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found[1:]


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def name_of(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def namespace_of(pid):
    try:
        return os.readlink(f"/proc/{pid}/ns/net")
    except OSError:
        return None


def namespaces():
    return {namespace_of(entry.name) for entry in pathlib.Path("/proc").iterdir()
            if entry.name.isdigit()}


def wait_until(condition):
    deadline = time.monotonic() + WAIT_S
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


class CleanUp(unittest.TestCase):
    def end_by(self, end):
        """Starts a drill, ends it amid the attack by `end(process)`, and looks for remains."""
        with tempfile.TemporaryDirectory() as folder:
            scenario = pathlib.Path(folder, "long.toml")
            scenario.write_text(program.scenario_text().replace("seconds = 1.5", "seconds = 60"),
                                encoding="ascii")
            environment = {**os.environ, "TMPDIR": folder}
            with subprocess.Popen([program.PROGRAM, "drill", str(scenario)], env=environment,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
                try:
                    self.end_and_look(process, folder, end)
                finally:
                    process.kill()

    def end_and_look(self, process, folder, end):
        def is_playing():
            # Supervisor, worker and control of the server, beside the drill's own processes.
            return len(descendants(process.pid)) >= 7
        self.assertTrue(wait_until(is_playing), [name_of(p) for p in descendants(process.pid)])
        everything = descendants(process.pid)
        here = namespace_of("self")
        theirs = {namespace_of(pid) for pid in everything} - {here, None}
        self.assertEqual(len(theirs), 2)
        end(process)
        process.wait(WAIT_S)
        self.assertTrue(wait_until(lambda: not any(map(is_alive, everything))),
                        [(pid, name_of(pid)) for pid in everything if is_alive(pid)])
        self.assertFalse(theirs & namespaces())
        self.assertTrue(wait_until(lambda: os.listdir(folder) == ["long.toml"]),
                        os.listdir(folder))

    def test_after_sigterm(self):
        self.end_by(lambda process: process.terminate())

    def test_after_sigkill(self):
        self.end_by(lambda process: process.kill())

    def test_after_sigkill_of_the_process_that_keeps_the_laboratory(self):
        self.end_by(lambda process: os.kill(descendants(process.pid)[0], signal.SIGKILL))


if __name__ == "__main__":
    program.main()
