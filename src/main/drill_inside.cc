// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/drill_inside.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "config/load.h"
#include "drill/drill_json.h"
#include "drill/drop_floor.h"
#include "drill/peer_servers.h"
#include "drill/scenario_catalog.h"
#include "drill/seal.h"
#include "main/drill_config.h"
#include "main/drill_zones.h"

namespace holdfast {

namespace {

constexpr uint16_t port = 53;
constexpr unsigned file_mode = 0644;
constexpr unsigned folder_mode = 0755;
constexpr const char* holdfast_server = "holdfast";
constexpr const char* ideal_server = "ideal";

Bytes bytes_of(const std::string& text) {
  return {static_cast<const uint8_t*>(static_cast<const void*>(text.data())), text.size()};
}

std::string address_text(const drill::Prefix& address) {
  const std::string text = address.to_text();
  return text.substr(0, text.find('/'));
}

// Whether the program's reference of its settings names `key`: another build may know others.
bool knows(const std::string& program, const std::string& key) {
  const std::string command = "'" + program + "' config reference 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "re");
  if (pipe == nullptr) return false;
  std::string text;
  std::array<char, 4096> part{};
  while (const size_t got = fread(part.data(), 1, part.size(), pipe)) text.append(part.data(), got);
  pclose(pipe);
  return text.find(key) != std::string::npos;
}

// Without a configuration: the laboratory's zones, and room for many TCP clients.
std::string usual_config(const std::string& zones) {
  return "[tcp]\nconnections_max = 4000\n\n[[zones]]\ndirectory = \"" + zones + "\"\n";
}

// Of the weeks before an attack, and of its day.
enum class Season : uint8_t { before, attack };

Result<std::string> own_config(const DrillOptions& options, const std::string& program,
                               const drill::SealedSurroundings& surroundings,
                               const std::string& interface_name, Season season) {
  DrillConfigChange change;
  std::string text = usual_config(surroundings.scratch + "/zones");
  change.base_directory = surroundings.scratch;
  change.xdp = DrillXdp::on;
  if (!options.config_path.empty()) {
    text = TRY(read_file(options.config_path, config::config_bytes_max));
    change.base_directory = std::filesystem::absolute(options.config_path).parent_path().string();
    change.xdp = DrillXdp::as_configured;
  }
  if (options.xdp) change.xdp = DrillXdp::on;
  if (options.no_xdp) change.xdp = DrillXdp::off;
  change.listen = {address_text(surroundings.server_ipv4) + "@" + std::to_string(port),
                   address_text(surroundings.server_ipv6) + "@" + std::to_string(port)};
  change.state = surroundings.scratch + "/server/state";
  change.interface_name = interface_name;
  if (knows(program, "## [shield]")) {
    if (options.no_shield) change.settings.emplace_back("shield.mode = \"off\"");
    // The history of weeks in the seconds of a drill. An attack is of minutes, within one slot.
    if (knows(program, "`history_slot_s`")) {
      change.settings.emplace_back(season == Season::before ? "shield.history_slot_s = 1"
                                                            : "shield.history_slot_s = 86400");
    }
  }
  for (const std::string& setting : options.settings) change.settings.push_back(setting);
  return change_config_for_drill(text, options.config_path, change);
}

std::string own_name(const DrillOptions& options) {
  std::string name = holdfast_server;
  if (options.no_shield) name += " without shield";
  if (options.no_xdp) name += " without XDP";
  return name;
}

Result<drill::ServerPlan> plan_own(const std::string& name, const DrillOptions& options,
                                   const drill::SealedSurroundings& surroundings,
                                   const std::string& interface_name,
                                   const std::string& directory) {
  TRY(make_directories(directory + "/state", folder_mode));
  const std::string program = options.program.empty()
                                  ? std::filesystem::read_symlink("/proc/self/exe").string()
                                  : std::filesystem::absolute(options.program).string();
  const std::string file = directory + "/holdfast.toml";
  const auto text = [&](Season season) {
    return own_config(options, program, surroundings, interface_name, season);
  };
  const std::string before = TRY(text(Season::before));
  TRY(replace_file(file, bytes_of(before), file_mode));
  drill::ServerPlan plan{name, {{program, "serve", "--config", file}}, directory};
  const std::string attack = TRY(text(Season::attack));
  if (attack != before) plan.attack_config = {file, attack};
  return plan;
}

// Ours at its plainest, to which only honest questions come.
Result<drill::ServerPlan> plan_ideal(DrillOptions options,
                                     const drill::SealedSurroundings& surroundings,
                                     const std::string& interface_name,
                                     const std::string& directory) {
  options.xdp = false;
  options.no_xdp = true;
  options.no_shield = true;
  auto plan = TRY(plan_own(ideal_server, options, surroundings, interface_name, directory));
  plan.behind_floor = true;
  return plan;
}

Result<drill::ServerPlan> plan_server(const DrillOptions& options, const drill::ZoneSet& zones,
                                      const drill::SealedSurroundings& surroundings,
                                      const std::string& interface_name) {
  const std::string directory = surroundings.scratch + "/server";
  TRY(make_directories(directory, folder_mode));
  const std::string& server = options.servers.front();
  if (server == ideal_server) return plan_ideal(options, surroundings, interface_name, directory);
  if (server != holdfast_server) {
    return drill::plan_peer(
        server, zones, {directory, address_text(surroundings.server_ipv4), interface_name, port});
  }
  return plan_own(own_name(options), options, surroundings, interface_name, directory);
}

Result<drill::Scenario> prepare_scenario(const DrillOptions& options) {
  drill::Scenario scenario = TRY(drill::find_scenario(options.scenarios.front()));
  if (options.stretch != 1) scenario.stretch(options.stretch);
  if (options.rate == "0") {
    scenario.set_rate(std::nullopt);
  } else if (!options.rate.empty()) {
    scenario.set_rate(TRY(drill::parse_rate(options.rate)));
  }
  // Others stand beside ours for comparison.
  if (options.servers.front() != holdfast_server || options.no_shield) scenario.targets.reset();
  if (options.no_xdp && scenario.targets && scenario.targets->is_attack) {
    scenario.targets->first_try = drill::over_sockets_first_try;
    scenario.targets->share_alone = true;
  }
  return scenario;
}

}  // namespace

Result<boost::json::object> drill_inside(const DrillOptions& options) {
  const auto surroundings = TRY(drill::surroundings());
  const auto links = TRY(drill::check_sealed(surroundings.load, surroundings.server));
  if (surroundings.scratch.empty()) return fail("not in a laboratory: no LAB_SCRATCH");
  if (options.servers.front() == floor_server) {
    return boost::json::object{{"floor_per_s", TRY(drill::DropFloor::measure(surroundings))}};
  }
  drill::DrillRequest request;
  request.scenario = TRY(prepare_scenario(options));
  request.zones = options.config_path.empty()
                      ? TRY(drill::make_laboratory_zones(surroundings.scratch + "/zones"))
                      : TRY(read_drill_zones(options.config_path, options.attacked_zone));
  request.server = TRY(plan_server(options, request.zones, surroundings, links.server.name));
  request.port = port;
  request.floor_per_s = options.floor_per_s;
  const drill::DrillRecord record = TRY(drill::play_drill(request, surroundings));
  return drill::to_json(record, drill::judge(record));
}

}  // namespace holdfast
