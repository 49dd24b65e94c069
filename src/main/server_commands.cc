// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/server_commands.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "main/reply.h"
#include "main/table.h"

namespace holdfast {

namespace json = boost::json;

namespace {

std::string zones_line(const json::object& zones) {
  std::string line = fmt::format("{} configured", number_field(zones, "configured"));
  for (const char* state : {"serving", "stale", "failed", "waiting"}) {
    const uint64_t count = number_field(zones, state);
    if (count > 0 || state == std::string_view("serving")) {
      line += fmt::format(", {} {}", count, state);
    }
  }
  return line;
}

void print_workers(const json::object& status) {
  const json::value* workers = status.if_contains("workers");
  if (!workers || !workers->is_array()) return;
  fmt::print("\n");
  Table table({"WORKER", "PID", "STATE", "RESTARTS", "UP", "ANSWERS"});
  for (const json::value& item : workers->get_array()) {
    if (!item.is_object()) continue;
    const json::object& worker = item.get_object();
    table.add({text_field(worker, "worker"), text_field(worker, "pid"), text_field(worker, "state"),
               text_field(worker, "restarts"), age_field(worker, "started_unix_s"),
               text_field(worker, "answers_total")});
  }
  table.flush();
}

void print_reload(const json::object& reload) {
  fmt::print("reloads        {} applied, {} refused{}\n", number_field(reload, "succeeded"),
             number_field(reload, "failed"),
             text_field(reload, "running") == "true" ? ", one is running" : "");
  const std::string error = text_field(reload, "last_error");
  if (!error.empty()) {
    fmt::print("               {}: {}\n", time_field(reload, "last_failure_unix_s"), error);
  }
}

void print_deaths(const json::object& deaths) {
  if (number_field(deaths, "recorded") == 0) return;
  fmt::print("deaths         {} of workers; {} kinds of message refused now, {} messages so far\n",
             number_field(deaths, "recorded"), number_field(deaths, "refusing"),
             number_field(deaths, "refused_total"));
}

void print_xdp(const json::object& xdp) {
  const std::string unused = text_field(xdp, "unused_because");
  if (!unused.empty()) fmt::print("AF_XDP         not used: {}\n", unused);
  const json::value* queues = xdp.if_contains("queues");
  if (!queues || !queues->is_array() || queues->get_array().empty()) return;
  fmt::print("\n");
  Table table(
      {"AF_XDP", "QUEUE", "STATE", "COPY", "WORKER", "TAKEN", "LEFT TO SOCKETS", "DROPPED"});
  for (const json::value& item : queues->get_array()) {
    if (!item.is_object()) continue;
    const json::object& queue = item.get_object();
    const json::object& packets = object_field(queue, "packets");
    uint64_t taken = 0;
    uint64_t passed = 0;
    uint64_t dropped = 0;
    for (const auto& [name, count] : packets) {
      const std::string_view fate(name);
      auto& sum = fate.starts_with("taken") ? taken : fate.starts_with("passed") ? passed : dropped;
      sum += number_field(packets, fate);
    }
    table.add({text_field(queue, "interface"), text_field(queue, "queue"),
               text_field(queue, "state"), text_field(queue, "zero_copy") == "true" ? "no" : "yes",
               text_field(queue, "worker"), std::to_string(taken), std::to_string(passed),
               std::to_string(dropped)});
  }
  table.flush();
}

void print_status(const json::object& status) {
  const std::string reason = text_field(status, "not_ready_reason");
  fmt::print("holdfast {}, {}, up {}\n", text_field(status, "version"),
             reason.empty() ? "ready" : "not ready: " + reason,
             age_field(status, "started_unix_s"));
  fmt::print("configuration  {}\n", text_field(status, "config_file"));
  fmt::print("state          {}\n", text_field(status, "state_directory"));
  fmt::print("listening      {}\n", fmt::join(text_list(status, "listen"), ", "));
  fmt::print("zones          {}\n", zones_line(object_field(status, "zones")));
  const std::string metrics = text_field(status, "metrics_listen");
  if (!metrics.empty()) fmt::print("metrics        http://{}/metrics\n", metrics);
  const json::object& memory = object_field(status, "memory");
  fmt::print("zone memory    {} in use of {}, {} names, {} records\n",
             size_field(memory, "live_bytes"), size_field(memory, "file_bytes"),
             number_field(memory, "names"), number_field(memory, "records"));
  print_reload(object_field(status, "reload"));
  const json::object& control = object_field(status, "control");
  fmt::print("control        pid {}, up {}, {} restarts\n", number_field(control, "pid"),
             age_field(control, "started_unix_s"), number_field(control, "restarts"));
  print_deaths(object_field(status, "deaths"));
  print_workers(status);
  print_xdp(object_field(status, "xdp"));
}

ExitCode apply_files(const Invocation& invocation, const char* command) {
  const auto exchange = ServerExchange::ask(invocation, command, invocation.zone_name);
  if (!exchange) return ExitCode::failed;
  if (invocation.format == OutputFormat::json) {
    fmt::print("{}\n", json::serialize(exchange->reply()));
    return ExitCode::good;
  }
  for (const std::string& warning : text_list(exchange->reply(), "warnings")) {
    fmt::print(stderr, "{}\n", warning);
  }
  const std::vector<std::string> changes = text_list(exchange->reply(), "changes");
  for (const std::string& change : changes) fmt::print("{}\n", change);
  if (changes.empty() && isatty(STDOUT_FILENO) == 1) fmt::print("nothing has changed\n");
  return ExitCode::good;
}

}  // namespace

ExitCode show_status(const Invocation& invocation) {
  const auto exchange = ServerExchange::ask(invocation, "status");
  if (!exchange) return ExitCode::failed;
  if (invocation.format == OutputFormat::json) {
    fmt::print("{}\n", json::serialize(exchange->reply()));
  } else {
    print_status(exchange->reply());
  }
  return ExitCode::good;
}

ExitCode reload(const Invocation& invocation) { return apply_files(invocation, "reload"); }

ExitCode thaw_zone(const Invocation& invocation) { return apply_files(invocation, "zone-thaw"); }

}  // namespace holdfast
