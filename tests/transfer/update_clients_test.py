#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients of dynamic update beside nsupdate, with a zone that is signed here. certbot and lego get
certificates from an authority of the test's own (pebble), whose names they prove by DNS. What
external-dns, dnscontrol and Kea send is sent message by message, as their sources have it, because
Debian has the first two not at all and the third needs a network to give addresses in.
"""
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import unittest
import urllib.request

TESTS = pathlib.Path(__file__).resolve().parent.parent
sys.path[:0] = [str(TESTS), str(TESTS / "control")]

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import dns.zone
from certificates import Authority
from control_client import Control, wait_until
from harness import Server, free_port

ZONE = "u.example"
SECRET = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
ALGORITHM = "hmac-sha256"
# As docs/operating.md gives them.
RULES = ["acme-key name:_acme-challenge.www.u.example TXT",
         "external-dns under:k8s.u.example A,AAAA,CNAME,TXT", "dnscontrol",
         "dhcp under:lan.u.example A,AAAA,DHCID"]
KEYS = [{"name": rule.split()[0], "algorithm": ALGORITHM, "secret": SECRET} for rule in RULES]
KEYRING = dns.tsigkeyring.from_text({key["name"]: SECRET for key in KEYS})
SIGNER_TYPES = {"RRSIG", "NSEC", "DNSKEY", "CDS", "CDNSKEY"}
BULK = 600  # records; a transfer of more than one message
TEXT = "\n".join(["@ 3600 SOA ns1 host 1 3600 600 86400 300", "@ 3600 NS ns1",
                  "ns1 3600 A 192.0.2.1", "alias 300 CNAME www", "www 300 A 192.0.2.2",
                  *(f'n{i} 300 TXT "{"x" * 60}"' for i in range(BULK))]) + "\n"


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server({ZONE: TEXT}, keys=KEYS, zone_settings={ZONE: {
            "policy": "default", "update": RULES,
            "transfer_to": ["127.0.0.1 external-dns", "127.0.0.1 dnscontrol"]}})
        cls.server.__enter__()
        cls.addClassCleanup(cls.server.__exit__)
        control = Control(cls.server)
        wait_until("ready", lambda: control.is_up() and control.status()["ready"])

    def update(self, key):
        return dns.update.Update(ZONE, keyring=KEYRING, keyname=key, keyalgorithm=ALGORITHM)

    def send(self, message, tcp=False):
        send = dns.query.tcp if tcp else dns.query.udp
        reply = send(message, self.server.address, port=self.server.port, timeout=60)
        return dns.rcode.to_text(reply.rcode())

    def zone(self, key):
        """By AXFR, each message of it signed: what these clients rely on. {name: {type: values}}"""
        found = {}
        for message in dns.query.xfr(self.server.address, ZONE, port=self.server.port,
                                     keyring=KEYRING, keyname=key, keyalgorithm=ALGORITHM,
                                     relativize=False, lifetime=60):
            self.assertTrue(message.had_tsig)
            for rrset in message.answer:
                name = rrset.name.to_text(omit_final_dot=True).removesuffix(ZONE).rstrip(".")
                types = found.setdefault(name, {})
                types.setdefault(dns.rdatatype.to_text(rrset.rdtype), set()).update(
                    record.to_text() for record in rrset)
        return found

    def verify(self):
        """What is served, by ldns."""
        file = self.server.directory / "served"
        file.write_text(self.server.run("zone", "print", ZONE, "--config",
                                        str(self.server.config)).stdout)
        done = subprocess.run(["ldns-verify-zone", str(file)], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Replayed(Clients):
    def test_external_dns(self):
        """It lists by AXFR, then sends what is new, what differs and what goes in updates of their
        own, by UDP and without prerequisites. Records that differ go and come in one message."""
        key = "external-dns"
        self.assertEqual(len([name for name in self.zone(key) if name.startswith("n")]), BULK + 1)
        new = self.update(key)
        for name, *data in (("web.k8s", "A", "192.0.2.10"), ("web.k8s", "A", "192.0.2.11"),
                            ("six.k8s", "AAAA", "2001:db8::1"), ("to.k8s", "CNAME", "web.k8s"),
                            ("a-web.k8s", "TXT", '"heritage=external-dns,external-dns/owner=us"')):
            new.add(name, 300, *data)
        self.assertEqual(self.send(new), "NOERROR")
        found = self.zone(key)
        self.assertEqual(found["web.k8s"]["A"], {"192.0.2.10", "192.0.2.11"})
        self.assertIn("heritage=external-dns", str(found["a-web.k8s"]["TXT"]))
        other = self.update(key)
        other.delete("web.k8s", "A", "192.0.2.10")
        other.delete("web.k8s", "A", "192.0.2.11")
        other.add("web.k8s", 60, "A", "192.0.2.12")
        self.assertEqual(self.send(other), "NOERROR")
        self.assertEqual(self.zone(key)["web.k8s"]["A"], {"192.0.2.12"})
        gone = self.update(key)
        for name, *data in (("web.k8s", "A", "192.0.2.12"), ("six.k8s", "AAAA", "2001:db8::1"),
                            ("to.k8s", "CNAME", "web.k8s"),
                            ("a-web.k8s", "TXT", '"heritage=external-dns,external-dns/owner=us"')):
            gone.delete(name, *data)
        self.assertEqual(self.send(gone), "NOERROR")
        self.assertFalse([name for name in self.zone(key) if name.endswith("k8s")])
        foreign = self.update(key)
        foreign.add("www", 300, "A", "192.0.2.66")
        self.assertEqual(self.send(foreign), "REFUSED")
        self.verify()

    def test_dnscontrol(self):
        """It lists by AXFR, takes RRSIG and DNSKEY there as a sign that the zone is signed, and
        sends one update of all that differs: what goes before what comes, names with a CNAME as a
        whole, and a name server of no meaning while those of the apex are replaced."""
        key = "dnscontrol"
        before = self.zone(key)
        self.assertTrue(SIGNER_TYPES <= {kind for types in before.values() for kind in types})
        change = self.update(key)
        change.add("@", 3600, "NS", "dnscontrol.invalid.")
        change.delete("@", "NS", "ns1")
        change.add("@", 3600, "NS", "ns1.elsewhere.example.")
        change.delete("alias")
        change.add("alias", 300, "A", "192.0.2.7")
        change.delete("www", "A", "192.0.2.2")
        change.delete("www")
        change.add("www", 300, "CNAME", "alias")
        change.add("mail", 300, "MX", "10 alias")
        change.add("@", 300, "CAA", '0 issue "ca.example"')
        change.add("_443._tcp", 300, "TLSA", "3 1 1 " + "ab" * 32)
        change.delete("@", "NS", "dnscontrol.invalid.")
        self.assertEqual(self.send(change, tcp=True), "NOERROR")
        after = self.zone(key)
        self.assertEqual(after[""]["NS"], {"ns1.elsewhere.example."})
        self.assertEqual(after["alias"].keys() - SIGNER_TYPES, {"A"})
        self.assertEqual(after["www"]["CNAME"], {f"alias.{ZONE}."})
        self.assertEqual(after["mail"]["MX"], {f"10 alias.{ZONE}."})
        self.assertEqual(after[""]["CAA"], {'0 issue "ca.example"'})
        self.verify()
        back = self.update(key)
        for name in ("alias", "www", "mail", "_443._tcp"):
            back.delete(name)
        back.add("@", 3600, "NS", "ns1")
        back.delete("@", "NS", "ns1.elsewhere.example.")
        back.delete("@", "CAA", '0 issue "ca.example"')
        back.add("alias", 300, "CNAME", "www")
        back.add("www", 300, "A", "192.0.2.2")
        self.assertEqual(self.send(back, tcp=True), "NOERROR")
        self.assertEqual({name: types.keys() for name, types in self.zone(key).items()},
                         {name: types.keys() for name, types in before.items()})

    def test_dhcp(self):
        """RFC 4703 §5.3: a name goes to the client that has it already, or to the first."""
        def claim(address, client):
            first = self.update("dhcp")
            first.absent("laptop.lan")
            again = self.update("dhcp")
            again.present("laptop.lan", "DHCID", client)
            again.delete("laptop.lan", "A")
            for message in (first, again):
                message.add("laptop.lan", 300, "A", address)
                message.add("laptop.lan", 300, "DHCID", client)
            answer = self.send(first)
            return answer if answer == "NOERROR" else (answer, self.send(again))
        one = "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="
        other = "AAEBOSD+XR3Os/0LozeXVqcNc7FwCfQdWL3b/NaiUDlW2No="
        self.assertEqual(claim("192.0.2.20", one), "NOERROR")
        self.assertEqual(claim("192.0.2.21", one), ("YXDOMAIN", "NOERROR"))
        self.assertEqual(claim("192.0.2.22", other), ("YXDOMAIN", "NXRRSET"))
        self.assertEqual(self.server.ask(f"laptop.lan.{ZONE}", "A").answer[0][0].address,
                         "192.0.2.21")
        release = self.update("dhcp")
        release.present("laptop.lan", "DHCID", one)
        release.delete("laptop.lan", "A", "192.0.2.21")
        last = self.update("dhcp")
        last.present("laptop.lan", "DHCID", one)
        last.absent("laptop.lan", "A")
        last.absent("laptop.lan", "AAAA")
        last.delete("laptop.lan")
        self.assertEqual([self.send(release), self.send(last)], ["NOERROR", "NOERROR"])
        self.assertEqual(self.server.ask(f"laptop.lan.{ZONE}", "A").rcode(), dns.rcode.NXDOMAIN)


class Acme(Clients):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.folder = pathlib.Path(cls.server.directory)
        cls.authority = Authority(cls.folder, "ca")
        own = cls.authority.issue("localhost")
        cls.port = free_port()
        config = cls.folder / "pebble.json"
        config.write_text(json.dumps({"pebble": {
            "listenAddress": f"127.0.0.1:{cls.port}", "managementListenAddress": "",
            "certificate": own.certificate, "privateKey": own.key, "httpPort": 1, "tlsPort": 1}}))
        with open(cls.folder / "pebble.log", "wb") as log:
            cls.pebble = subprocess.Popen(
                [shutil.which("pebble"), "-config", str(config), "-dnsserver",
                 f"{cls.server.address}:{cls.server.port}"], stdout=log, stderr=log,
                env={**os.environ, "PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"})
        cls.addClassCleanup(cls.end_pebble)
        context = ssl.create_default_context(cafile=cls.authority.certificate)

        def is_up():
            try:
                return urllib.request.urlopen(cls.directory(), context=context, timeout=1).read()
            except OSError:
                return False
        wait_until("pebble", is_up)

    @classmethod
    def end_pebble(cls):
        cls.pebble.terminate()
        cls.pebble.wait(60)

    @classmethod
    def directory(cls):
        return f"https://localhost:{cls.port}/dir"

    def run_client(self, name, *arguments, **environment):
        """A certificate for www, after which nothing is left of how it was had."""
        done = subprocess.run([name, *arguments], capture_output=True, text=True, timeout=200,
                              cwd=self.folder, check=False, env={**os.environ, **environment})
        self.assertEqual(done.returncode, 0, "\n".join([
            done.stdout, done.stderr, (self.folder / "pebble.log").read_text(),
            self.server.log_text()]))
        history = self.server.run("zone", "history", ZONE, "--config",
                                  str(self.server.config)).stdout
        self.assertGreaterEqual(history.count("UPDATE from 127.0.0.1"), 2, history)
        self.assertEqual(self.server.ask(f"_acme-challenge.www.{ZONE}", "TXT").rcode(),
                         dns.rcode.NXDOMAIN)
        self.verify()

    def test_lego(self):
        self.run_client(
            "lego", "--accept-tos", "--server", self.directory(), "--email", f"host@{ZONE}",
            "--domains", f"www.{ZONE}", "--dns", "rfc2136", "--dns.disable-cp", "--dns.resolvers",
            f"{self.server.address}:{self.server.port}", "--path", str(self.folder / "lego"), "run",
            LEGO_CA_CERTIFICATES=self.authority.certificate,
            RFC2136_NAMESERVER=f"{self.server.address}:{self.server.port}",
            RFC2136_TSIG_KEY="acme-key", RFC2136_TSIG_SECRET=SECRET,
            RFC2136_TSIG_ALGORITHM=f"{ALGORITHM}.", RFC2136_POLLING_INTERVAL="1")

    def test_certbot(self):
        credentials = self.folder / "certbot.ini"
        credentials.write_text("".join(f"dns_rfc2136_{name} = {value}\n" for name, value in (
            ("server", self.server.address), ("port", self.server.port), ("name", "acme-key"),
            ("secret", SECRET), ("algorithm", "HMAC-SHA256"))))
        credentials.chmod(0o600)
        folders = [f"--{name}-dir={self.folder / 'certbot'}" for name in ("config", "work", "logs")]
        self.run_client(
            "certbot", "certonly", "--non-interactive", "--agree-tos", *folders, "--server",
            self.directory(), "--register-unsafely-without-email", "-d", f"www.{ZONE}",
            "--dns-rfc2136", "--dns-rfc2136-credentials", str(credentials),
            "--dns-rfc2136-propagation-seconds", "0",
            REQUESTS_CA_BUNDLE=self.authority.certificate)


if __name__ == "__main__":
    unittest.main()
