#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""However a laboratory ends, nothing of it stays: no process, no interface, no kernel thread."""
import json
import os
import pathlib
import signal
import subprocess
import time
import unittest

import laboratory


def children(pid):
    try:
        return [int(word) for word in
                pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def is_alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        return state != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def linger():
    """Inside: leaves processes on both sides that nobody waits for, tells of them, and stays."""
    started = []
    for command in (["sleep", "600"], laboratory.on_server_side(["sleep", "600"])):
        started.append(subprocess.Popen(["setsid", *command], stdout=subprocess.DEVNULL).pid)
    load = subprocess.Popen(
        [laboratory.PROGRAM, "load", "--random-under", "example.com", "--rate", "10",
         "--seconds", "500"], stdout=subprocess.DEVNULL)
    holders = [int(os.environ[f"LAB_{side}_NS_PID"]) for side in ("LOAD", "SERVER")]
    threads = [int(os.environ[f"LAB_{side}_NAPI_TIDS"]) for side in ("LOAD", "SERVER")]
    print(json.dumps({"processes": [os.getpid(), load.pid, *started, *holders],
                      "threads": threads}), flush=True)
    time.sleep(600)


class Clearing(unittest.TestCase):
    def end_by(self, end):
        """Starts a laboratory, ends it by `end(process)`, and checks that all of it goes."""
        with subprocess.Popen([laboratory.PROGRAM, "enter", "--", *laboratory.inside("linger")],
                              stdout=subprocess.PIPE, text=True) as process:
            try:
                told = json.loads(process.stdout.readline())
                everything = told["processes"] + told["threads"]
                for pid in everything:
                    self.assertTrue(is_alive(pid), pid)
                end(process)
                process.wait(laboratory.WAIT_S)
                gone = laboratory.wait_until(lambda: not any(map(is_alive, everything)))
                self.assertTrue(gone, [pid for pid in everything if is_alive(pid)])
            finally:
                process.kill()

    def test_after_sigterm(self):
        self.end_by(lambda process: process.terminate())

    def test_after_sigint(self):
        self.end_by(lambda process: process.send_signal(signal.SIGINT))

    def test_after_sigkill(self):
        self.end_by(lambda process: process.kill())

    def test_after_sigkill_of_the_keeper(self):
        self.end_by(lambda process: os.kill(children(process.pid)[0], signal.SIGKILL))

    def test_the_command_s_status_is_passed_on(self):
        for command, status in ((["sh", "-c", "exit 7"], 7), (["sh", "-c", "kill -9 $$"], 137),
                                (["/no/such/program"], 127)):
            done = subprocess.run([laboratory.PROGRAM, "enter", "--", *command],
                                  capture_output=True, timeout=60)
            self.assertEqual(done.returncode, status, command)

    def test_what_the_command_leaves_behind_ends_with_it(self):
        done = subprocess.run(
            [laboratory.PROGRAM, "enter", "--", "sh", "-c", "setsid sleep 600 >&2 & echo $!"],
            stdout=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual(done.returncode, 0)
        self.assertFalse(is_alive(int(done.stdout)))


if __name__ == "__main__":
    laboratory.main()
