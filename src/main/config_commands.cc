// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/config_commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cerrno>
#include <cstring>

#include "config/load.h"
#include "config/print.h"
#include "config/roll_warnings.h"
#include "config/schema.h"
#include "config/zone_list.h"
#include "transfer/tls.h"

namespace holdfast {

namespace {

struct Verdict {
  config::ProblemList problems;
  config::ProblemList warnings = {};
  size_t zones = 0;
};

Verdict examine(const std::string& path) {
  config::LoadOutcome outcome = config::load_config(path);
  if (!outcome.config) return {.problems = std::move(outcome.problems)};
  config::ZoneList list = config::list_zones(*outcome.config);
  for (const config::ZoneSource& zone : list.zones) {
    if (zone.is_secondary() || zone.is_published_catalog || access(zone.file.c_str(), R_OK) == 0)
      continue;
    list.problems.add({.file = path,
                       .message = fmt::format("zone {}: {}: {}; expected a readable zone file",
                                              zone.name, zone.file, std::strerror(errno))});
  }
  if (const auto tls = transfer::TlsCredentials::load(*outcome.config); !tls) {
    list.problems.add({.file = path, .message = tls.error().message});
  }
  config::ProblemList warnings = config::roll_warnings(*outcome.config, list.zones);
  return {std::move(list.problems), std::move(warnings), list.zones.size()};
}

boost::json::array to_array(const config::ProblemList& list) {
  boost::json::array problems;
  for (const config::Problem& problem : list.problems) {
    problems.push_back({{"file", problem.file},
                        {"line", problem.line},
                        {"column", problem.column},
                        {"message", problem.message}});
  }
  return problems;
}

std::string to_json(const std::string& path, const Verdict& verdict) {
  return boost::json::serialize(
      boost::json::object{{"file", path},
                          {"ok", verdict.problems.empty()},
                          {"zones", verdict.zones},
                          {"problems", to_array(verdict.problems)},
                          {"problems_suppressed", verdict.problems.suppressed},
                          {"warnings", to_array(verdict.warnings)}});
}

}  // namespace

ExitCode check_config(const Invocation& invocation) {
  const Verdict verdict = examine(invocation.config_path);
  if (invocation.format == OutputFormat::json) {
    fmt::print("{}\n", to_json(invocation.config_path, verdict));
    return verdict.problems.empty() ? ExitCode::good : ExitCode::failed;
  }
  for (const config::Problem& warning : verdict.warnings.problems) {
    fmt::print("warning: {}\n", warning.to_text());
  }
  if (!verdict.problems.empty()) {
    fmt::print("{}\n", verdict.problems.to_text());
  } else if (isatty(STDOUT_FILENO) == 1) {
    fmt::print("{}: good, {} {}\n", invocation.config_path, verdict.zones,
               verdict.zones == 1 ? "zone" : "zones");
  }
  return verdict.problems.empty() ? ExitCode::good : ExitCode::failed;
}

ExitCode print_config(const Invocation& invocation) {
  const config::LoadOutcome outcome = config::load_config(invocation.config_path);
  if (!outcome.config) {
    fmt::print(stderr, "{}\n", outcome.problems.to_text());
    return ExitCode::failed;
  }
  const bool json = invocation.format == OutputFormat::json;
  fmt::print("{}",
             json ? config::print_json(*outcome.config) : config::print_toml(*outcome.config));
  return ExitCode::good;
}

ExitCode print_config_schema() {
  fmt::print("{}", config::json_schema());
  return ExitCode::good;
}

ExitCode print_config_reference() {
  fmt::print("{}", config::reference_page());
  return ExitCode::good;
}

}  // namespace holdfast
