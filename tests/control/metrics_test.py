#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""/metrics by a strict reader of the text format, /health and /ready."""
import os
import pathlib
import re
import signal
import unittest
import urllib.error
import urllib.request

from control_client import Control, wait_until, zone

from harness import Server, free_port

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)(\{([^{}]*)\})? (-?[0-9][0-9.e+-]*)$')
LABEL = re.compile(r'([a-z_][a-z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def parse(text):
    """{family: (type, {(sample name, labels): value})}; raises on whatever is not in order."""
    assert text.endswith("\n")
    families, family, helped = {}, None, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            helped = line.split(" ", 3)[2]
            assert helped not in families, f"{helped} twice"
        elif line.startswith("# TYPE "):
            _, _, family, kind = line.split(" ")
            assert family == helped, f"{family} without help"
            assert kind in ("counter", "gauge", "histogram"), line
            assert (kind == "counter") == family.endswith("_total"), line
            families[family] = (kind, {})
        else:
            match = SAMPLE.match(line)
            assert match, f"not a sample: {line}"
            name, _, labels, value = match.groups()
            kind, samples = families[family]
            suffixes = ("_bucket", "_sum", "_count") if kind == "histogram" else ("",)
            assert name in [family + suffix for suffix in suffixes], line
            pairs = tuple(sorted(LABEL.findall(labels or "")))
            assert len(dict(pairs)) == len(pairs), line
            assert (name, pairs) not in samples, f"twice: {line}"
            samples[name, pairs] = float(value)
    for family, (kind, samples) in families.items():
        assert samples, f"{family} has no sample"
        if kind == "histogram":
            check_histogram(family, samples)
    return families


def check_histogram(family, samples):
    series = {}
    for (name, labels), value in samples.items():
        if name == family + "_bucket":
            rest = tuple(pair for pair in labels if pair[0] != "le")
            bound = float(dict(labels)["le"].replace("+Inf", "inf"))
            series.setdefault(rest, []).append((bound, value))
    for rest, buckets in series.items():
        bounds, counts = zip(*buckets)
        assert list(bounds) == sorted(bounds) and bounds[-1] == float("inf"), family
        assert list(counts) == sorted(counts), f"{family}: buckets do not accumulate"
        assert samples[family + "_count", rest] == counts[-1], family


class Metrics(unittest.TestCase):
    def setUp(self):
        self.metrics_port = free_port()
        settings = {"metrics": {"listen": f"127.0.0.1:{self.metrics_port}"}}
        self.server = Server({"one.example": zone(3), "bad.example": "broken\n"}, settings)
        self.server.__enter__()
        self.addCleanup(self.server.__exit__)
        wait_until("ready", lambda: self.get("/ready")[0] == 200)

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}{path}",
                                        timeout=60) as reply:
                return reply.status, reply.read().decode(), reply.headers
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode(), error.headers
        except OSError:
            return 0, "", {}

    def scrape(self):
        status, text, headers = self.get("/metrics")
        self.assertEqual(status, 200)
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
        return parse(text)

    def value(self, families, name, **labels):
        return families[name][1][name, tuple(sorted(labels.items()))]

    def test_queries_are_counted(self):
        before = self.scrape()
        for _ in range(10):
            self.server.ask("ns.one.example", "AAAA")
        self.server.ask("nothing.one.example", "A", tcp=True)

        def risen(name, **labels):
            after = self.scrape()
            return (self.value(after, name, **labels) - self.value(before, name, **labels))
        # A client may have its answer before that is counted.
        udp = {"protocol": "udp", "family": "ipv4"}
        wait_until("ten queries", lambda: risen("holdfast_queries_total", **udp) >= 10)
        for name, count, labels in (
                ("holdfast_queries_by_type_total", 10, {"qtype": "AAAA"}),
                ("holdfast_responses_total", 1, {"protocol": "tcp", "rcode": "NXDOMAIN"}),
                ("holdfast_responses_by_kind_total", 10, {"kind": "no_data"}),
                ("holdfast_tcp_accepted_total", 1, {})):
            wait_until(name, lambda: risen(name, **labels) >= count)
            self.assertEqual(risen(name, **labels), count, name)

    def test_zones_and_reloads(self):
        families = self.scrape()
        self.assertEqual(self.value(families, "holdfast_zones", state="serving"), 1)
        self.assertEqual(self.value(families, "holdfast_zones", state="failed"), 1)
        self.assertEqual(self.value(families, "holdfast_zone_serial", zone="one.example."), 3)
        self.assertGreater(self.value(families, "holdfast_zone_failing_since_timestamp_seconds",
                                      zone="bad.example."), 1.6e9)
        self.assertFalse(Control(self.server).ask("reload")["ok"])
        families = self.scrape()
        self.assertEqual(self.value(families, "holdfast_reloads_total", result="refused"), 1)

    def test_zones_whose_keys_wait_are_counted_and_told(self):
        def waiting():
            return self.value(self.scrape(), "holdfast_zones_awaiting_secondaries")

        self.server.zones = {"one.example": zone(3)}
        self.server.zone_settings["one.example"] = {"policy": "p"}
        self.assertEqual(waiting(), 0)
        for secondaries in (["127.0.0.1@1"], []):
            self.server.tables = [("policy", {"name": "p", "secondaries": secondaries})]
            self.server.write_config()
            reply = Control(self.server).ask("reload")
            self.assertTrue(reply["ok"], reply)
            wait_until("the count", lambda: waiting() == len(secondaries))
            # Long before the next step would be due.
            wait_until("the log", lambda: "roll-waits" in self.server.log_text(10**6))

    def test_the_table_of_a_large_zone_grows_between_changes(self):
        def growths(result):
            return self.value(self.scrape(), "holdfast_zone_memory_growths_total", result=result)
        # The first fills its table to the brim; the second leaves a third of what is left then.
        for serial, names in ((4, 66_000), (5, 67_400)):
            self.assertEqual(growths("done"), 0)
            self.server.zones["one.example"] = zone(
                serial, *(f"host{number} 3600 IN A 192.0.2.1" for number in range(names)))
            self.server.write_config()
            reply = Control(self.server).ask("reload", zone="one.example")
            self.assertTrue(reply["ok"], reply)
        wait_until("a larger table", lambda: growths("done") == 1)
        self.assertEqual(growths("postponed"), 0)
        for name in ("host0", "host67399"):
            self.assertEqual(len(self.server.ask(f"{name}.one.example", "A").answer), 1)

    def test_the_documentation_names_every_family_and_no_other(self):
        text = (ROOT / "docs" / "metrics.md").read_text()
        tables = "\n".join(line for line in text.splitlines() if line.startswith("| `"))
        documented = set(re.findall(r"`((?:holdfast|process)_[a-z0-9_]+)`", tables))
        # Those of AF_XDP are there where it is used, as in tests/xdp, and some of the shield while
        # a zone is watched closely.
        documented = {family for family in documented
                      if not family.startswith(("holdfast_xdp_", "holdfast_shield_zone_names",
                                                "holdfast_shield_zone_usual_names"))}
        self.assertEqual(documented, set(self.scrape()))

    def test_health_ready_and_others(self):
        self.assertEqual(self.get("/health")[:2], (200, "alive\n"))
        self.assertEqual(self.get("/ready")[:2], (200, "ready\n"))
        self.assertEqual(self.get("/nothing")[0], 404)

    def test_counters_survive_the_restart_of_a_worker(self):
        self.server.ask("ns.one.example", "A")
        udp = {"protocol": "udp", "family": "ipv4"}
        before = self.value(self.scrape(), "holdfast_queries_total", **udp)
        control = Control(self.server)
        os.kill(control.status()["workers"][0]["pid"], signal.SIGKILL)
        wait_until("a restart", lambda: control.status()["workers"][0]["restarts"] == 1)
        families = self.scrape()
        self.assertGreaterEqual(self.value(families, "holdfast_queries_total", **udp), before)
        self.assertEqual(self.value(families, "holdfast_worker_restarts_total", worker="0"), 1)


if __name__ == "__main__":
    unittest.main()
