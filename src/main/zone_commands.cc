// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/zone_commands.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "main/reply.h"
#include "main/table.h"
#include "main/zone_file_commands.h"

namespace holdfast {

namespace json = boost::json;

namespace {

json::object parse_line(std::string_view line) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(line.data(), line.size()), error);
  return value.is_object() ? std::move(value.get_object()) : json::object();
}

// "-" where nothing is served.
std::string of_version(const json::object& zone, std::string_view name) {
  return number_field(zone, "generation") == 0 ? "-" : text_field(zone, name);
}

// Where a zone comes from.
std::string origin_of(const json::object& zone) {
  std::string file = text_field(zone, "file");
  if (!file.empty()) return file;
  const std::string catalog = text_field(zone, "catalog");
  return catalog.empty() ? "its primaries" : "catalog " + catalog;
}

void print_secondary(const json::object& secondary, bool is_signed_here) {
  fmt::print("primaries   {}\n", fmt::join(text_list(secondary, "primaries"), ", "));
  if (const json::value* serial = secondary.if_contains("primary_serial");
      is_signed_here && serial != nullptr && !serial->is_null()) {
    fmt::print("theirs      serial {}\n", number_field(secondary, "primary_serial"));
  }
  if (number_field(secondary, "refreshed_unix_s") > 0) {
    fmt::print("refreshed   {}", time_field(secondary, "refreshed_unix_s"));
    const std::string last = text_field(secondary, "last_primary");
    fmt::print("{}\n", last.empty() ? "" : ", by " + last);
  }
  fmt::print("next        {}\n", time_field(secondary, "next_refresh_unix_s"));
  if (number_field(secondary, "expires_unix_s") > 0) {
    fmt::print("expires     {}\n", time_field(secondary, "expires_unix_s"));
  }
  const std::string error = text_field(secondary, "last_error");
  if (!error.empty()) fmt::print("error       {}\n", error);
}

void print_status(const json::object& zone) {
  fmt::print("zone        {}\nfrom        {}\nstate       {}\n", text_field(zone, "zone"),
             origin_of(zone), text_field(zone, "state"));
  if (number_field(zone, "generation") > 0) {
    fmt::print("serial      {}\nrecords     {}\nnames       {}\nloaded      {}\ngeneration  {}\n",
               number_field(zone, "serial"), number_field(zone, "records"),
               number_field(zone, "names"), time_field(zone, "loaded_unix_s"),
               number_field(zone, "generation"));
  }
  if (!text_field(zone, "policy").empty()) {
    fmt::print("signed by   policy {}, again at {}\n", text_field(zone, "policy"),
               time_field(zone, "refresh_unix_s"));
  }
  if (number_field(zone, "failing_since_unix_s") > 0) {
    fmt::print("bad since   {}\n", time_field(zone, "failing_since_unix_s"));
  }
  if (const json::value* secondary = zone.if_contains("secondary")) {
    print_secondary(secondary->as_object(), !text_field(zone, "policy").empty());
  }
  for (const std::string& finding : text_list(zone, "findings")) fmt::print("{}\n", finding);
}

}  // namespace

ExitCode list_running_zones(const Invocation& invocation) {
  auto exchange = ServerExchange::ask(invocation, "zone-list");
  if (!exchange) return ExitCode::failed;
  if (invocation.format == OutputFormat::json) {
    const char* before = "[\n";
    const bool all = exchange->read_lines(
        [&](std::string_view line) { fmt::print("{}{}", std::exchange(before, ",\n"), line); });
    fmt::print("{}\n", *before == '[' ? "[]" : "\n]");
    return all ? ExitCode::good : ExitCode::failed;
  }
  Table table({"ZONE", "STATE", "SERIAL", "RECORDS", "LOADED", "FROM"});
  const bool all = exchange->read_lines([&](std::string_view line) {
    const json::object zone = parse_line(line);
    table.add({text_field(zone, "zone"), text_field(zone, "state"), of_version(zone, "serial"),
               of_version(zone, "records"), time_field(zone, "loaded_unix_s"), origin_of(zone)});
  });
  table.flush();
  return all ? ExitCode::good : ExitCode::failed;
}

ExitCode show_zone_status(const Invocation& invocation) {
  const auto exchange = ServerExchange::ask(invocation, "zone-status", invocation.zone_name);
  if (!exchange) return ExitCode::failed;
  if (invocation.format == OutputFormat::json) {
    fmt::print("{}\n", json::serialize(exchange->reply()));
  } else {
    print_status(exchange->reply());
  }
  return ExitCode::good;
}

ExitCode refresh_zone(const Invocation& invocation) {
  const char* command =
      invocation.command == Command::zone_refresh ? "zone-refresh" : "zone-retransfer";
  const auto exchange = ServerExchange::ask(invocation, command, invocation.zone_name);
  if (!exchange) return ExitCode::failed;
  if (invocation.format == OutputFormat::json) {
    fmt::print("{}\n", json::serialize(exchange->reply()));
  } else {
    fmt::print("asked for; holdfast zone status {} tells what comes of it\n", invocation.zone_name);
  }
  return ExitCode::good;
}

ExitCode print_zone(const Invocation& invocation) {
  RecordPrinter printer(invocation.format);
  if (!invocation.zone_file.empty()) return print_zone_file(invocation, printer);
  auto exchange = ServerExchange::ask(invocation, "zone-print", invocation.zone_name);
  if (!exchange) return ExitCode::failed;
  const bool all = exchange->read_lines([&](std::string_view line) { printer.print(line); });
  printer.finish();
  return all ? ExitCode::good : ExitCode::failed;
}

}  // namespace holdfast
