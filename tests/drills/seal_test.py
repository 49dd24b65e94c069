#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing is sent anywhere but between the two ends of a laboratory."""
import json
import os
import subprocess
import unittest

import laboratory

ORDER = ["--random-under", "example.com", "--rate", "100", "--seconds", "0.1"]


def refusal(environment=None, command=()):
    """Standard error of a load that must not run."""
    done = subprocess.run([*command, laboratory.PROGRAM, "load", *ORDER], env=environment,
                          capture_output=True, text=True, timeout=60)
    if done.returncode == 0 or done.stdout:
        raise AssertionError(f"sent: {done.stdout}")
    return done.stderr


def change_and_load(*commands):
    """Inside: runs commands that open the laboratory, then a load, and prints its refusal."""
    for command in commands:
        words = command.split()
        if words[0] == "SERVER":
            words = laboratory.on_server_side(words[1:])
        subprocess.run(words, check=True)
    print(json.dumps(refusal()))


def load_untouched():
    result, error = laboratory.load(*ORDER)
    print(json.dumps([result is not None, error]))


class Foreign:
    """Two namespaces joined by a veth pair that no laboratory has made."""

    def __enter__(self):
        self.holders = [subprocess.Popen(["unshare", "-n", "sleep", "120"]) for _ in range(2)]
        first, second = (str(holder.pid) for holder in self.holders)
        own = os.stat("/proc/self/ns/net").st_ino
        for holder in self.holders:
            path = f"/proc/{holder.pid}/ns/net"
            assert laboratory.wait_until(lambda where=path: os.stat(where).st_ino != own)
        within = ["nsenter", "-t", first, "-n", "ip", "link"]
        subprocess.run([*within, "add", "v0", "type", "veth", "peer", "name", "v1", "netns",
                        second], check=True)
        subprocess.run([*within, "set", "v0", "up"], check=True)
        return {**os.environ, "LAB_LOAD_NS_PID": first, "LAB_SERVER_NS_PID": second,
                "LAB_SERVER_ADDR4": "198.18.0.1", "LAB_SERVER_ADDR6": "fd48:4600:0:1::1",
                "LAB_LOAD_CPU": "0"}

    def __exit__(self, *unused):
        for holder in self.holders:
            holder.kill()
            holder.wait()


class Seal(unittest.TestCase):
    def test_without_a_laboratory(self):
        self.assertIn("not in a laboratory", refusal())

    def test_in_the_namespace_of_the_caller(self):
        pid = str(os.getpid())
        environment = {**os.environ, "LAB_LOAD_NS_PID": pid, "LAB_SERVER_NS_PID": pid,
                       "LAB_SERVER_ADDR4": "127.0.0.1", "LAB_SERVER_ADDR6": "::1"}
        self.assertIn("same network namespace", refusal(environment))

    def test_on_a_veth_that_somebody_else_made(self):
        with Foreign() as environment:
            self.assertIn("was not made by a laboratory", refusal(environment))

    def test_between_halves_of_two_laboratories(self):
        with Foreign() as environment:
            other = {**environment, "LAB_SERVER_NS_PID": str(os.getpid())}
            self.assertNotEqual(refusal(other), "")

    def test_with_only_a_loopback(self):
        self.assertIn("no veth", refusal(
            {**os.environ, "LAB_SERVER_ADDR4": "198.18.0.1", "LAB_SERVER_ADDR6": "fd48::1"},
            ["unshare", "-n", "--fork", "bash", "-c",
             'unshare -n sleep 60 & LAB_LOAD_NS_PID=$$ LAB_SERVER_NS_PID=$! ; '
             'while [ /proc/$!/ns/net -ef /proc/$$/ns/net ]; do sleep 0.01; done; '
             'export LAB_LOAD_NS_PID LAB_SERVER_NS_PID; "$@"; status=$?; kill %1; exit $status',
             "-"]))

    def test_with_a_way_out(self):
        for commands, words in (
            (["ip route add default via 198.18.0.1"], "a way out"),
            (["ip -6 route add default via fd48:4600:0:1::1"], "a way out"),
            (["ip route add 192.0.2.0/24 via 198.18.0.1"], "a way out"),
            (["ip link add x0 type veth peer name x1"], "second interface"),
            (["ip address add 192.0.2.1/32 dev lo"], "not one of a laboratory"),
            (["SERVER ip route add default via 198.18.0.2"], "a way out"),
        ):
            with self.subTest(commands=commands):
                self.assertIn(words, laboratory.enter("change_and_load", *commands))

    def test_untouched_it_runs(self):
        self.assertEqual(laboratory.enter("load_untouched"), [True, ""])

    def test_bounds(self):
        for order in (["--rate", "20000000"], ["--seconds", "601"], ["--seconds", "-1"]):
            with self.subTest(order=order):
                self.assertFalse(laboratory.enter("load_ordered", *order)[0])


def load_ordered(*order):
    result, error = laboratory.load("--random-under", "example.com", *order)
    print(json.dumps([result is not None, error]))


if __name__ == "__main__":
    laboratory.main()
