// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/zone_version_commands.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "main/reply.h"
#include "main/table.h"

namespace holdfast {

namespace json = boost::json;

namespace {

json::object parse_line(std::string_view line) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(line.data(), line.size()), error);
  return value.is_object() ? std::move(value.get_object()) : json::object();
}

// An array of the lines, each made JSON by `to_json`.
template <typename ToJson>
bool print_json_lines(ServerExchange& exchange, ToJson&& to_json) {
  const char* before = "[\n";
  const bool all = exchange.read_lines([&](std::string_view line) {
    fmt::print("{}{}", std::exchange(before, ",\n"), to_json(line));
  });
  fmt::print("{}\n", *before == '[' ? "[]" : "\n]");
  return all;
}

ExitCode print_change(const std::optional<ServerExchange>& exchange, OutputFormat format) {
  if (!exchange) return ExitCode::failed;
  if (format == OutputFormat::json) {
    fmt::print("{}\n", json::serialize(exchange->reply()));
  } else {
    fmt::print("{}\n", text_field(exchange->reply(), "change"));
  }
  return ExitCode::good;
}

}  // namespace

ExitCode show_zone_history(const Invocation& invocation) {
  auto exchange = ServerExchange::ask(invocation, "zone-history", invocation.zone_name);
  if (!exchange) return ExitCode::failed;
  if (invocation.format == OutputFormat::json) {
    const bool all = print_json_lines(*exchange, [](std::string_view line) { return line; });
    return all ? ExitCode::good : ExitCode::failed;
  }
  Table table({"FROM", "TO", "WHEN", "REMOVED", "ADDED", "SOURCE"});
  const bool all = exchange->read_lines([&](std::string_view line) {
    const json::object version = parse_line(line);
    const auto number = [&](std::string_view name) {
      return std::to_string(number_field(version, name));
    };
    table.add({number("from"), number("to"), time_field(version, "unix_s"), number("removed"),
               number("added"), text_field(version, "source")});
  });
  table.flush();
  return all ? ExitCode::good : ExitCode::failed;
}

ExitCode show_zone_difference(const Invocation& invocation) {
  auto exchange = ServerExchange::ask(invocation, "zone-diff", invocation.zone_name,
                                      {{"from", invocation.from_serial},
                                       {"to", invocation.to_serial},
                                       {"without", invocation.shows_all ? "" : "signing"}});
  if (!exchange) return ExitCode::failed;
  bool all = false;
  if (invocation.format == OutputFormat::json) {
    all = print_json_lines(
        *exchange, [](std::string_view line) { return json::serialize(json::string(line)); });
  } else {
    all = exchange->read_lines([](std::string_view line) { fmt::print("{}\n", line); });
    // Not among the records, which other programs read.
    const uint64_t left_out = number_field(exchange->reply(), "left_out");
    if (left_out > 0) {
      fmt::print(stderr,
                 "{} records that signing makes (RRSIG, NSEC, NSEC3, ZONEMD) are not shown; --all "
                 "shows them\n",
                 left_out);
    }
  }
  return all ? ExitCode::good : ExitCode::failed;
}

ExitCode roll_back_zone(const Invocation& invocation) {
  return print_change(ServerExchange::ask(invocation, "zone-rollback", invocation.zone_name,
                                          {{"to", invocation.to_serial}}),
                      invocation.format);
}

ExitCode freeze_zone(const Invocation& invocation) {
  return print_change(ServerExchange::ask(invocation, "zone-freeze", invocation.zone_name),
                      invocation.format);
}

}  // namespace holdfast
