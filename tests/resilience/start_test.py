# SPDX-License-Identifier: GPL-3.0-or-later
"""What a start says when the machine does not give what the configuration asks for: one sentence
with the place and the value, on standard error, and exit status 1."""
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import time
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))

import dns.exception  # noqa: E402
import dns.rcode  # noqa: E402
import harness  # noqa: E402

ZONE = """\
$ORIGIN example.
$TTL 300
@ SOA ns1 host 1 3600 600 86400 300
@ NS ns1
ns1 A 192.0.2.1
"""
NOBODY = 65534


class StartTest(unittest.TestCase):
    def server(self, **keywords):
        server = harness.Server({"example": ZONE}, **keywords)
        self.addCleanup(server.__exit__)
        return server

    def failed_start(self, server, prefix=(), program=None, **keywords):
        """Starts, expects an end with status 1, and returns what was said: a single line."""
        ended = subprocess.run([*prefix, program or harness.program(), "serve", "--config",
                                str(server.config)],
                               capture_output=True, text=True, timeout=120, **keywords)
        self.assertEqual(ended.returncode, 1, ended.stderr)
        self.assertEqual(len(ended.stderr.strip().splitlines()), 1, ended.stderr)
        print("  " + ended.stderr.strip(), flush=True)
        return ended.stderr

    def test_a_udp_port_in_use(self):
        server = self.server(listen=("127.0.0.1",))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            other.bind(("127.0.0.1", server.port))
            said = self.failed_start(server)
        self.assertIn(f"127.0.0.1@{server.port} (UDP)", said)
        self.assertIn("in use", said)

    def test_a_tcp_port_in_use(self):
        server = self.server(listen=("127.0.0.1",))
        with socket.socket() as other:
            other.bind(("0.0.0.0", server.port))
            other.listen()
            said = self.failed_start(server)
        self.assertIn(f"127.0.0.1@{server.port} (TCP)", said)

    def test_a_second_server_on_the_same_port(self):
        first = self.server().start()
        second = self.server()
        second.settings["server"]["listen"] = first.settings["server"]["listen"]
        second.write_config()
        self.assertIn("in use", self.failed_start(second))
        self.assertTrue(first.ask("example", "SOA").answer, "the first one goes on")

    def test_a_second_server_in_the_same_state_directory(self):
        first = self.server().start()
        second = self.server()
        second.settings["server"]["state"] = str(first.state)
        second.write_config()
        said = self.failed_start(second)
        self.assertIn(f"{first.state} is in use by another server (process {first.pid})", said)
        self.assertTrue(first.ask("example", "SOA").answer)

    def test_an_address_of_another_machine(self):
        said = self.failed_start(self.server(listen=("192.0.2.1",)))
        self.assertIn("192.0.2.1@", said)
        self.assertIn("does not have the address", said)

    @unittest.skipUnless(os.geteuid() == 0, "needs root for a network namespace")
    def test_no_ipv6(self):
        server = self.server()
        server.settings["server"]["listen"] = [f"::1@{server.port}"]
        server.write_config()
        script = ('ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6'
                  ' && exec "$@"')
        prefix = ["unshare", "--net", "--mount-proc", "--fork", "--pid", "sh", "-c", script, "sh"]
        if subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode != 0:
            self.skipTest("no network namespaces here")
        said = self.failed_start(server, prefix)
        self.assertIn(f"::1@{server.port} (UDP)", said)
        self.assertIn("IPv6 is switched off", said)

    @unittest.skipUnless(os.geteuid() == 0, "root can become somebody without rights")
    def test_too_few_descriptors(self):
        server = self.server()
        os.chmod(server.directory, 0o777)
        # Where it was built, nobody may not be allowed to look: below /root, say.
        program = shutil.copy(harness.program(), server.directory)

        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)

        said = self.failed_start(server, program=program, preexec_fn=limit)
        self.assertIn("the limit is 100", said)
        self.assertRegex(said, r"needs \d+,")

    def test_an_unknown_user(self):
        server = self.server()
        server.settings["server"]["user"] = "nobody-by-this-name"
        server.write_config()
        self.assertIn("nobody-by-this-name", self.failed_start(server))

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_another_user_serves_with_its_rights_alone(self):
        server = self.server()
        os.chmod(server.directory, 0o755)
        server.settings["server"]["user"] = "nobody"
        server.write_config()
        server.start()
        for pid in [server.pid, *harness.children(server.pid)]:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            self.assertEqual(fields["Uid"].split(), [str(NOBODY)] * 4)
            held = 1 << 10 if pid == server.pid else 0  # CAP_NET_BIND_SERVICE
            self.assertEqual(int(fields["CapEff"], 16) & ~held, 0)
            self.assertEqual(int(fields["CapPrm"], 16) & ~held, 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become another user")
    def test_a_state_directory_of_somebody_else(self):
        server = self.server()
        os.chmod(server.directory, 0o755)
        server.state.mkdir(mode=0o755)
        server.settings["server"]["user"] = "nobody"
        server.write_config()
        said = self.failed_start(server)
        self.assertIn(f"as user {NOBODY}, cannot write in {server.state}: Permission denied", said)

    def test_a_state_directory_that_is_a_file(self):
        server = self.server()
        server.state.write_text("x")
        self.assertIn(f"{server.state}", self.failed_start(server))

    @unittest.skipUnless(os.geteuid() == 0, "needs root to mount a small file system")
    def test_a_full_disk(self):
        server = self.server()
        server.zones["example"] = ZONE + "".join(f"a{i} A 192.0.2.1\n" for i in range(30000))
        server.write_config()
        server.state.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(server.state)]
        if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
            self.skipTest("cannot mount here")
        try:
            with open(server.log, "ab") as log:
                server.process = subprocess.Popen(
                    [harness.program(), "serve", "--config", str(server.config)],
                    stdout=log, stderr=log, start_new_session=True)
            # It runs, tells what is missing, and does not deny names that it could not load.
            told = re.compile(rf"{server.state}/zones.mem: .*: No space left on device")
            deadline = time.monotonic() + 60
            while not told.search(server.log_text()) and time.monotonic() < deadline:
                time.sleep(0.05)
            self.assertRegex(server.log_text(), told)
            self.assertEqual(self.first_rcode(server), dns.rcode.SERVFAIL)
        finally:
            server.stop()
            subprocess.run(["umount", str(server.state)], check=True)

    @staticmethod
    def first_rcode(server):
        for _ in range(100):
            try:
                return server.ask("example", "SOA", timeout=1).rcode()
            except (dns.exception.Timeout, OSError):
                time.sleep(0.05)
        raise AssertionError("no answer: " + server.log_text())

    def test_a_broken_configuration(self):
        server = self.server()
        server.config.write_text(server.config.read_text() + "\n[server.x]\ny = 1\n")
        self.assertIn(f"{server.config}:", self.failed_start(server))


if __name__ == "__main__":
    unittest.main(verbosity=2)
