// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/drill_command.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>

#include "base/file.h"
#include "drill/drill_page.h"
#include "drill/drill_table.h"
#include "drill/peer_servers.h"
#include "drill/scenario_catalog.h"
#include "main/drill_inside.h"

namespace holdfast {

namespace {

constexpr size_t result_bytes_max = 64U << 20;
constexpr unsigned file_mode = 0644;
constexpr unsigned floor_turns = 3;
constexpr const char* own_program = "/proc/self/exe";
// Of the floor; from nothing to where the floor itself gives way.
constexpr const char* curve_rates[] = {"0",         "0.05 floor", "0.1 floor",
                                       "0.2 floor", "0.4 floor",  "0.6 floor",
                                       "0.8 floor", "1 floor",    "1.2 floor"};

bool is_inside() { return std::getenv("LAB_SERVER_NS_PID") != nullptr; }

Bytes bytes_of(const std::string& text) {
  return {static_cast<const uint8_t*>(static_cast<const void*>(text.data())), text.size()};
}

Result<void> write_file(const std::string& path, const std::string& text) {
  if (path == "-") {
    fmt::print("{}\n", text);
    return {};
  }
  return replace_file(path, bytes_of(text), file_mode);
}

// The command that plays one run within a laboratory, and writes its result to a descriptor.
std::vector<std::string> inner_command(const DrillOptions& options, const std::string& scenario,
                                       const std::string& server, int result_fd,
                                       uint64_t floor_per_s) {
  std::vector<std::string> command{
      own_program, "drill", scenario, "--server", server, "--result-fd", std::to_string(result_fd)};
  const auto add = [&command](const std::string& name, const std::string& value) {
    if (value.empty()) return;
    command.push_back(name);
    command.push_back(value);
  };
  add("--config", options.config_path);
  add("--program", options.program);
  add("--zone", options.attacked_zone);
  add("--rate", options.rate);
  if (options.stretch != 1) add("--stretch", fmt::format("{}", options.stretch));
  if (floor_per_s != 0) add("--floor-rate", std::to_string(floor_per_s));
  for (const std::string& setting : options.settings) add("--set", setting);
  if (options.no_shield) command.emplace_back("--no-shield");
  if (options.no_xdp) command.emplace_back("--no-xdp");
  if (options.xdp) command.emplace_back("--xdp");
  return command;
}

// One laboratory, one run.
Result<boost::json::object> run_once(const DrillOptions& options, const std::string& scenario,
                                     const std::string& server, uint64_t floor_per_s) {
  // Not closed at exec: the run's result comes back in it.
  const UniqueFd result(memfd_create("drill", 0));
  if (!result.valid()) return fail("cannot keep a result");
  const auto command = inner_command(options, scenario, server, result.get(), floor_per_s);
  const int status = TRY(drill::run_sealed({options.server_cpu, options.load_cpu}, command));
  if (status != 0) {
    return fail(fmt::format("{} against {}: ended with {}", scenario, server, status));
  }
  const std::string text =
      TRY(read_file(fmt::format("/proc/self/fd/{}", result.get()), result_bytes_max));
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(text, error);
  if (error || !value.is_object()) return fail(scenario + ": no result came back");
  return std::move(value.as_object());
}

// The best of several: whatever disturbs the measurement only takes away from it.
Result<uint64_t> measure_floor(const DrillOptions& options) {
  uint64_t floor_per_s = 0;
  for (unsigned turn = 0; turn < floor_turns; ++turn) {
    const boost::json::object run = TRY(run_once(options, "quiet", floor_server, 0));
    floor_per_s = std::max(floor_per_s, run.at("floor_per_s").to_number<uint64_t>());
  }
  return floor_per_s;
}

ExitCode complain(const Error& error) {
  fmt::print(stderr, "holdfast: {}\n", error.message);
  return ExitCode::failed;
}

ExitCode run_inside(const DrillOptions& options) {
  const auto run = drill_inside(options);
  if (!run) return complain(run.error());
  const std::string text = boost::json::serialize(*run);
  const auto written = write_all(options.result_fd, bytes_of(text), "the result");
  return written ? ExitCode::good : complain(written.error());
}

Result<void> write_reports(const DrillOptions& options, const boost::json::array& runs) {
  const boost::json::object report{{"version", 1}, {"runs", runs}};
  if (!options.json_path.empty()) {
    TRY(write_file(options.json_path, boost::json::serialize(report)));
  }
  if (!options.page_path.empty()) TRY(write_file(options.page_path, drill::drill_page(runs)));
  if (options.json_path != "-") fmt::print("{}", drill::drill_table(runs));
  return {};
}

// Every scenario against every server, at every rate.
Result<boost::json::array> run_all(DrillOptions options) {
  std::vector<std::string> rates{options.rate};
  if (options.curve) rates.assign(std::begin(curve_rates), std::end(curve_rates));
  bool needs_floor = options.curve || options.rate.find("floor") != std::string::npos;
  for (const std::string& name : options.scenarios) {
    const drill::Scenario scenario = TRY(drill::find_scenario(name));
    needs_floor |= options.rate.empty() && scenario.needs_floor();
  }
  uint64_t floor_per_s = options.floor_per_s;
  if (needs_floor && floor_per_s == 0) {
    floor_per_s = TRY(measure_floor(options));
    fmt::print(stderr, "floor: {} packets a second\n", floor_per_s);
  }
  boost::json::array runs;
  for (const std::string& server : options.servers) {
    for (const std::string& scenario : options.scenarios) {
      for (const std::string& rate : rates) {
        options.rate = rate;
        fmt::print(stderr, "{}: {}{}\n", server, scenario, rate.empty() ? "" : " at " + rate);
        runs.push_back(TRY(run_once(options, scenario, server, floor_per_s)));
      }
    }
  }
  return runs;
}

Result<boost::json::array> read_runs(const std::vector<std::string>& paths) {
  boost::json::array runs;
  for (const std::string& path : paths) {
    boost::system::error_code error;
    const boost::json::value value =
        boost::json::parse(TRY(read_file(path, result_bytes_max)), error);
    const boost::json::value* found =
        error || !value.is_object() ? nullptr : value.as_object().if_contains("runs");
    if (!found || !found->is_array()) return fail(path + ": not the JSON of a drill");
    for (const boost::json::value& run : found->as_array()) runs.push_back(run);
  }
  return runs;
}

ExitCode list_scenarios() {
  for (const drill::CatalogEntry& entry : drill::scenario_catalog()) {
    const auto scenario = drill::parse_scenario(entry.text, std::string(entry.name));
    if (!scenario) return complain(scenario.error());
    fmt::print("{:<36}{:>4.0f} s  {}\n", entry.name, scenario->seconds(), scenario->about);
  }
  return ExitCode::good;
}

ExitCode show_scenario(const std::string& name) {
  for (const drill::CatalogEntry& entry : drill::scenario_catalog()) {
    if (entry.name != name) continue;
    fmt::print("{}", entry.text);
    return ExitCode::good;
  }
  return complain({"no scenario '" + name + "'"});
}

}  // namespace

ExitCode drill_server(const Invocation& invocation) {
  DrillOptions options = invocation.drill;
  if (options.result_fd >= 0) return run_inside(options);
  if (options.list) return list_scenarios();
  if (!options.show.empty()) return show_scenario(options.show);
  if (is_inside()) return complain({"already in a laboratory: a drill makes its own"});
  if (options.floor) {
    const auto floor = measure_floor(options);
    if (!floor) return complain(floor.error());
    fmt::print("{}\n", *floor);
    return ExitCode::good;
  }
  if (options.scenarios.empty() && options.merge.empty()) {
    for (const drill::CatalogEntry& entry : drill::scenario_catalog()) {
      options.scenarios.emplace_back(entry.name);
    }
  }
  auto runs = read_runs(options.merge);
  if (!runs) return complain(runs.error());
  auto played = run_all(options);
  if (!played) return complain(played.error());
  for (const boost::json::value& run : *played) runs->push_back(run);
  const auto written = write_reports(options, *runs);
  return written ? ExitCode::good : complain(written.error());
}

}  // namespace holdfast
