# SPDX-License-Identifier: GPL-3.0-or-later
"""AF_XDP comes and goes: modes, deaths of workers and of the whole server, queues, reloads."""
import os
import pathlib
import signal
import sys
import time
import unittest

import dns.exception

HERE = pathlib.Path(__file__).resolve().parent
sys.path += [str(HERE.parent / "resilience")]

# It finds what follows.
from laboratory import SERVER4, SERVER6, Laboratory, run, skip_without_rights  # noqa: E402

import harness  # noqa: E402
from control_client import wait_until  # noqa: E402
from load import Load  # noqa: E402

ZONE = """\
$ORIGIN example.
$TTL 300
@ SOA ns1 host 1 3600 600 86400 300
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.80
"""
RATE = 4000


@skip_without_rights
class LifeTest(unittest.TestCase):
    def laboratory(self, **keywords):
        lab = Laboratory(**keywords)
        lab.__enter__()
        self.addCleanup(lab.__exit__)
        return lab

    def start(self, lab, **keywords):
        server = lab.server({"example": ZONE}, **keywords)
        self.addCleanup(server.__exit__)
        return server.start()

    def ask_all(self, server, count=20):
        for address in (SERVER4, SERVER6):
            for _ in range(count):
                self.assertTrue(server.ask("www.example", "A", address=address).answer)

    def answers(self, server):
        try:
            return bool(server.ask("www.example", "A", address=SERVER4, timeout=3).answer)
        except dns.exception.Timeout:
            return False

    def taken(self, server):
        server.wait_counted()
        return server.packets("taken_others")

    @staticmethod
    def wait_open(server, queues):
        wait_until("its queues to be open", lambda: [
            queue["state"] for queue in server.status()["xdp"]["queues"]] == ["open"] * queues)

    # --- modes

    def test_off_attaches_nothing(self):
        lab = self.laboratory()
        server = self.start(lab, xdp={"mode": "off"})
        self.assertFalse(lab.has_program())
        self.ask_all(server, 3)

    def test_on_without_an_interface_for_it_fails_in_one_sentence(self):
        lab = self.laboratory()
        for interface, reason in (("lo", "not an Ethernet"), ("nosuch0", "no interface")):
            server = lab.server({"example": ZONE}, {"mode": "on", "interfaces": [interface]})
            self.addCleanup(server.__exit__)
            with self.assertRaisesRegex(AssertionError, reason):
                server.start()

    def test_auto_uses_the_sockets_where_it_does_not_work(self):
        lab = self.laboratory()
        server = self.start(lab, xdp={"mode": "auto", "interfaces": ["lo"]})
        self.ask_all(server, 3)
        self.assertIn("lo: it is not an Ethernet interface", server.log_text())
        self.assertIn("not an Ethernet", server.status()["xdp"]["unused_because"])

    def test_a_program_of_somebody_else_stays(self):
        lab = self.laboratory()
        first = self.start(lab)
        second = lab.server({"example": ZONE}, {"mode": "auto"}, listen=("192.0.2.1",))
        self.addCleanup(second.__exit__)
        second.start()
        self.assertEqual(second.status()["xdp"]["queues"], [])
        self.assertRegex(second.log_text(), "another program|attached to it")
        self.ask_all(first, 3)

    def test_a_wildcard_stands_for_the_addresses_that_there_are(self):
        lab = self.laboratory()
        server = lab.server({"example": ZONE}, listen=("0.0.0.0", "::"))
        self.addCleanup(server.__exit__)
        server.address = SERVER4
        server.start()
        before = self.taken(server)
        self.ask_all(server, 5)
        self.assertEqual(self.taken(server) - before, 10)
        run("ip", "-n", lab.inside, "addr", "add", "192.0.2.9/24", "dev", lab.interface)
        before = self.taken(server)

        def is_taken():  # addresses are looked at every five seconds
            self.assertTrue(server.ask("www.example", "A", address="192.0.2.9").answer)
            return self.taken(server) > before
        wait_until("its questions to be taken", is_taken)

    # --- rights

    def test_without_rights_the_sockets_answer(self):
        lab = self.laboratory()
        server = lab.server({"example": ZONE}, {"mode": "auto"})
        self.addCleanup(server.__exit__)
        server.directory.chmod(0o777)
        server.prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        server.start()
        self.ask_all(server, 3)
        self.assertIn("needs root", server.log_text())
        self.assertFalse(lab.has_program())

    def test_rights_are_given_up(self):
        lab = self.laboratory()
        server = lab.server({"example": ZONE}, settings={"server": {"user": "nobody"}})
        self.addCleanup(server.__exit__)
        server.directory.chmod(0o755)
        server.start()
        self.ask_all(server, 3)
        kept = []
        for pid in [server.pid, *harness.children(server.pid)]:
            status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            kept.append(int(status.split("CapEff:")[1].split()[0], 16))
        bind_service = 1 << 10
        self.assertEqual(kept[0] & ~bind_service, 0)
        self.assertEqual(kept[1:], [0] * len(kept[1:]))

    # --- queues

    def test_two_queues_and_two_workers(self):
        lab = self.laboratory(queues=2)
        server = self.start(lab, workers=2)
        self.ask_all(server, 40)
        server.wait_counted()
        queues = server.status()["xdp"]["queues"]
        self.assertEqual([(queue["queue"], queue["worker"]) for queue in queues], [(0, 0), (1, 1)])
        taken = [queue["packets"]["taken_others"] for queue in queues]
        self.assertGreaterEqual(sum(taken), 80)
        self.assertGreater(min(taken), 0, "the kernel spreads flows over queues")

    def test_more_queues_than_workers_and_another_number_of_them(self):
        lab = self.laboratory(queues=2)
        server = self.start(lab, workers=1)
        with Load(SERVER4, server.port, "www.example", RATE) as load:
            for workers in (2, 1, 2):
                time.sleep(0.7)
                server.settings["server"]["workers"] = workers
                server.write_config()
                reply = server.run("reload", "--config", str(server.config))
                self.assertEqual(reply.returncode, 0, reply.stderr)
            time.sleep(0.7)
        self.assertLessEqual(len(load.lost()), 3 * 64, "more than what was in hand")
        self.wait_open(server, 2)

    # --- deaths

    def kill_under_load(self, number):
        lab = self.laboratory()
        server = self.start(lab)
        server.may_crash = number != signal.SIGKILL
        with Load(SERVER4, server.port, "www.example", RATE) as load:
            for _ in range(5):
                time.sleep(0.7)
                victim = server.worker()
                os.kill(victim, number)
                wait_until("another worker",
                           lambda gone=victim: server.worker() != gone)
            time.sleep(1)
        lost = len(load.lost())
        print(f"  {signal.Signals(number).name} five times at {RATE}/s: {lost} lost", flush=True)
        self.assertLessEqual(lost, 5 * 64, "more than what was in hand")
        self.wait_open(server, 1)
        before = self.taken(server)
        self.ask_all(server)
        self.assertEqual(self.taken(server) - before, 40, "by AF_XDP again")

    def test_sigkill_of_a_worker(self):
        self.kill_under_load(signal.SIGKILL)

    def test_sigsegv_of_a_worker(self):
        self.kill_under_load(signal.SIGSEGV)

    def test_no_frame_is_lost_by_deaths(self):
        """After many deaths there is as much room as ever."""
        lab = self.laboratory()
        server = self.start(lab)
        with Load(SERVER4, server.port, "www.example", 3 * RATE):
            for _ in range(20):
                time.sleep(0.15)
                # The oldest, as soon as one is there: they are started again after pauses.
                (oldest,) = wait_until("a process", lambda: harness.children(server.pid)[:1])
                os.kill(oldest, signal.SIGKILL)
        server.wait_ready()
        self.ask_all(server, 100)
        server.wait_counted()
        self.assertEqual(server.status()["xdp"]["queues"][0]["ring_events"]["fill_empty"], 0)

    def test_a_stopped_worker_loses_its_queue_for_a_while(self):
        lab = self.laboratory()
        server = self.start(lab, workers=2)
        with Load(SERVER4, server.port, "www.example", 500):
            os.kill(server.worker(), signal.SIGSTOP)
            for told in ("nobody took its packets", "are taken again"):
                wait_until(told, lambda: told in server.log_text())
        # On a busy machine the new worker may need another moment.
        wait_until("answers", lambda: self.answers(server))
        self.ask_all(server)

    def test_a_killed_server_leaves_no_program(self):
        lab = self.laboratory()
        server = self.start(lab)
        self.assertTrue(lab.has_program())
        children = harness.children(server.pid)
        server.process.kill()
        server.process.wait()
        wait_until("the program to go", lambda: not lab.has_program())
        wait_until("all to end",
                   lambda: not any(pathlib.Path(f"/proc/{pid}").exists() for pid in children))
        server.process = None
        server.start()
        self.ask_all(server, 3)

    def test_an_interface_that_vanishes_does_not_take_the_server_along(self):
        lab = self.laboratory()
        run("ip", "-n", lab.inside, "addr", "add", "198.51.100.1/32", "dev", "lo")
        server = self.start(lab)
        run("ip", "-n", lab.inside, "link", "del", lab.interface)
        wait_until("it to be seen",
                   lambda: server.status()["xdp"]["queues"][0]["state"] == "gone")
        self.assertIsNone(server.process.poll())

    # --- reloads

    def test_reload_of_addresses(self):
        lab = self.laboratory()
        server = self.start(lab, listen=(SERVER4,))
        both = [f"{address}@{server.port}" for address in (SERVER4, SERVER6)]
        for listen in (both, both[1:], both):
            server.settings["server"]["listen"] = listen
            server.write_config()
            reply = server.run("reload", "--config", str(server.config))
            self.assertEqual(reply.returncode, 0, reply.stderr)
            before = self.taken(server)
            for endpoint in listen:
                address = endpoint.split("@")[0]
                self.assertTrue(server.ask("www.example", "A", address=address).answer)
            self.assertEqual(self.taken(server) - before, len(listen))

    def test_the_shield_alone_leaves_all_to_the_sockets(self):
        lab = self.laboratory()
        server = self.start(lab, xdp={"mode": "shield"})
        self.assertTrue(lab.has_program())
        self.ask_all(server)
        server.wait_counted()
        queues = server.status()["xdp"]["queues"]
        self.assertEqual([queue["state"] for queue in queues], ["shield"])
        # On a busy machine a question may be asked twice.
        self.assertGreaterEqual(server.packets("passed_shielded"), 40)
        self.assertEqual(server.packets("taken_others"), 0)

    def test_mode_needs_a_new_start(self):
        lab = self.laboratory()
        server = self.start(lab)
        server.settings["xdp"]["mode"] = "off"
        server.write_config()
        reply = server.run("reload", "--config", str(server.config))
        self.assertEqual(reply.returncode, 1)
        self.assertIn("xdp.mode", reply.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
