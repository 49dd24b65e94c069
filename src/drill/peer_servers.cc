// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/peer_servers.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"

namespace holdfast::drill {
namespace {

constexpr unsigned file_mode = 0644;
constexpr uint16_t backend_port = 5301;

// In the default directories, as root's PATH may lack sbin.
Result<std::string> find_program(const std::string& name) {
  for (const char* folder : {"/usr/sbin/", "/usr/bin/", "/usr/local/sbin/", "/usr/local/bin/"}) {
    if (access((folder + name).c_str(), X_OK) == 0) return folder + name;
  }
  return fail(name + " is not installed");
}

Result<std::string> write_text(const std::string& path, const std::string& text) {
  const Bytes bytes(static_cast<const uint8_t*>(static_cast<const void*>(text.data())),
                    text.size());
  TRY(replace_file(path, bytes, file_mode));
  return path;
}

Result<ServerPlan> plan_knot(const std::string& name, const ZoneSet& zones,
                             const PeerSurroundings& at) {
  const bool xdp = name.find("xdp") != std::string::npos;
  const bool rrl = name.find("rrl") != std::string::npos;
  std::string text = fmt::format(
      "server:\n  rundir: {0}\n  pidfile: {0}/pid\n  listen: {1}@{2}\n  udp-workers: 1\n"
      "  tcp-workers: 1\n  background-workers: 1\n  udp-max-payload: 1232\n"
      "  tcp-max-clients: 2000\n",
      at.directory, at.address, at.port);
  if (xdp) text += fmt::format("xdp:\n  listen: {}@{}\n", at.interface_name, at.port);
  if (rrl) text += "mod-rrl:\n  - id: default\n    rate-limit: 200\n    slip: 2\n";
  text += fmt::format(
      "control:\n  listen: {0}/control\ndatabase:\n  storage: {0}\n"
      "log:\n  - target: stderr\n    any: warning\n"
      "template:\n  - id: default\n    storage: {0}\n    zonefile-sync: -1\n"
      "    journal-content: none\n    semantic-checks: off\n{1}zone:\n",
      at.directory, rrl ? "    global-module: mod-rrl/default\n" : "");
  for (const DrillZone& zone : zones.zones) {
    text += fmt::format("  - domain: \"{}\"\n    file: {}\n", zone.name, zone.file);
  }
  const std::string file = TRY(write_text(at.directory + "/knot.conf", text));
  return ServerPlan{name, {{TRY(find_program("knotd")), "-c", file}}, at.directory};
}

Result<ServerPlan> plan_nsd(const std::string& name, const ZoneSet& zones,
                            const PeerSurroundings& at) {
  const bool rrl = name.find("rrl") != std::string::npos;
  std::string text = fmt::format(
      "server:\n  ip-address: {1}@{2}\n  username: \"\"\n  zonesdir: \"{0}\"\n  database: \"\"\n"
      "  server-count: 1\n  pidfile: \"{0}/pid\"\n  xfrdfile: \"{0}/xfrd.state\"\n"
      "  zonelistfile: \"{0}/zone.list\"\n  ipv4-edns-size: 1232\n  ipv6-edns-size: 1232\n"
      "  minimal-responses: yes\n  round-robin: no\n  rrl-ratelimit: {3}\n  tcp-count: 2000\n"
      "remote-control:\n  control-enable: no\n",
      at.directory, at.address, at.port, rrl ? 200 : 0);
  for (const DrillZone& zone : zones.zones) {
    text += fmt::format("zone:\n  name: \"{}\"\n  zonefile: \"{}\"\n", zone.name, zone.file);
  }
  const std::string file = TRY(write_text(at.directory + "/nsd.conf", text));
  return ServerPlan{name, {{TRY(find_program("nsd")), "-d", "-c", file}}, at.directory};
}

Result<ServerPlan> plan_bind(const std::string& name, const ZoneSet& zones,
                             const PeerSurroundings& at) {
  const bool rrl = name.find("rrl") != std::string::npos;
  std::string text = fmt::format(
      "options {{\n  listen-on port {2} {{ {1}; }};\n  listen-on-v6 {{ none; }};\n"
      "  directory \"{0}\";\n  pid-file \"{0}/pid\";\n  session-keyfile \"{0}/session.key\";\n"
      "  recursion no;\n  allow-query {{ any; }};\n  allow-transfer {{ none; }};\n"
      "  dnssec-validation no;\n  minimal-responses yes;\n  edns-udp-size 1232;\n"
      "  max-udp-size 1232;\n  notify no;\n  zone-statistics none;\n  querylog no;\n"
      "  tcp-clients 2000;\n  empty-zones-enable no;\n",
      at.directory, at.address, at.port);
  if (rrl) text += "  rate-limit { responses-per-second 10; slip 2; };\n";
  text += "};\ncontrols {};\n";
  for (const DrillZone& zone : zones.zones) {
    text += fmt::format("zone \"{}\" {{ type primary; file \"{}\"; check-names ignore; }};\n",
                        zone.name, zone.file);
  }
  const std::string file = TRY(write_text(at.directory + "/named.conf", text));
  const std::string program = TRY(find_program("named"));
  return ServerPlan{name, {{program, "-4", "-g", "-n", "1", "-c", file}}, at.directory};
}

Result<std::vector<std::string>> powerdns_command(const ZoneSet& zones, const PeerSurroundings& at,
                                                  const std::string& address, uint16_t port) {
  std::string list = fmt::format("options {{ directory \"{}\"; }};\n", at.directory);
  for (const DrillZone& zone : zones.zones) {
    list += fmt::format("zone \"{}\" {{ type master; file \"{}\"; }};\n", zone.name, zone.file);
  }
  TRY(write_text(at.directory + "/zones.conf", list));
  TRY(write_text(
      at.directory + "/pdns.conf",
      fmt::format("daemon=no\nguardian=no\nlaunch=bind\nsocket-dir={0}\nlocal-address={1}:{2}\n"
                  "bind-config={0}/zones.conf\nreceiver-threads=1\n"
                  "distributor-threads=1\nreuseport=no\ncache-ttl=60\nquery-cache-ttl=60\n"
                  "negquery-cache-ttl=60\nudp-truncation-threshold=1232\n"
                  "max-tcp-connections=2000\nmax-tcp-connections-per-client=0\n"
                  "consistent-backends=yes\ndisable-axfr=yes\nversion-string=anonymous\n"
                  "loglevel=3\nsecurity-poll-suffix=\n",
                  at.directory, address, port)));
  return std::vector<std::string>{TRY(find_program("pdns_server")), "--config-dir=" + at.directory};
}

Result<ServerPlan> plan_powerdns(const std::string& name, const ZoneSet& zones,
                                 const PeerSurroundings& at) {
  return ServerPlan{name, {TRY(powerdns_command(zones, at, at.address, at.port))}, at.directory};
}

// dnsdist before PowerDNS, with its packet cache and the dynamic blocks that its guide shows.
Result<ServerPlan> plan_dnsdist(const std::string& name, const ZoneSet& zones,
                                const PeerSurroundings& at) {
  const std::string text = fmt::format(
      "setLocal(\"{}:{}\")\nsetACL({{\"0.0.0.0/0\"}})\nnewServer({{address=\"127.0.0.1:{}\","
      " name=\"backend\", healthCheckMode=\"up\"}})\n"
      "getPool(\"\"):setCache(newPacketCache(1000000, {{maxTTL=60}}))\n"
      "setMaxTCPClientThreads(1)\nsetSecurityPollSuffix(\"\")\n"
      "local blocks = dynBlockRulesGroup()\n"
      "blocks:setQueryRate(300, 10, \"query rate\", 60)\n"
      "blocks:setRCodeRate(DNSRCode.NXDOMAIN, 100, 10, \"NXDOMAIN rate\", 60)\n"
      "function maintenance() blocks:apply() end\n",
      at.address, at.port, backend_port);
  const std::string file = TRY(write_text(at.directory + "/dnsdist.conf", text));
  const std::string program = TRY(find_program("dnsdist"));
  return ServerPlan{name,
                    {TRY(powerdns_command(zones, at, "127.0.0.1", backend_port)),
                     {program, "--supervised", "-C", file}},
                    at.directory};
}

}  // namespace

const std::vector<std::string>& peer_names() {
  static const std::vector<std::string> names{"knot",     "knot+rrl", "knot-xdp", "knot-xdp+rrl",
                                              "nsd",      "nsd+rrl",  "bind",     "bind+rrl",
                                              "powerdns", "dnsdist"};
  return names;
}

Result<ServerPlan> plan_peer(const std::string& name, const ZoneSet& zones,
                             const PeerSurroundings& surroundings) {
  if (std::ranges::find(peer_names(), name) == peer_names().end()) {
    std::string known = "holdfast";
    for (const std::string& each : peer_names()) known += ", " + each;
    known += ", ideal";
    return fail("server '" + name + "': expected one of " + known);
  }
  if (name.starts_with("knot")) return plan_knot(name, zones, surroundings);
  if (name.starts_with("nsd")) return plan_nsd(name, zones, surroundings);
  if (name.starts_with("bind")) return plan_bind(name, zones, surroundings);
  if (name == "powerdns") return plan_powerdns(name, zones, surroundings);
  return plan_dnsdist(name, zones, surroundings);
}

}  // namespace holdfast::drill
