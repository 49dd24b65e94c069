// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/reply.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <ctime>

#include "config/load.h"

namespace holdfast {

namespace json = boost::json;

namespace {

Result<std::string> socket_path(const Invocation& invocation) {
  if (!invocation.socket_path.empty()) return invocation.socket_path;
  const config::LoadOutcome outcome = config::load_config(invocation.config_path);
  if (outcome.config) return control::control_socket_path(outcome.config->server.state);
  return fail(outcome.problems.to_text() +
              "\nthe running server is found by server.state of its configuration; name its socket "
              "with --socket to do without");
}

std::string request_line(std::string_view command, const std::string& zone,
                         const ServerExchange::Members& more) {
  json::object request{{"command", command}};
  if (!zone.empty()) request["zone"] = zone;
  for (const auto& [name, value] : more) {
    if (!value.empty()) request[name] = value;
  }
  return json::serialize(request);
}

Result<json::object> parse_reply(const std::string& line) {
  boost::system::error_code error;
  json::value value = json::parse(line, error);
  if (error || !value.is_object()) return fail("the server's reply is not JSON");
  return std::move(value.as_object());
}

void complain(const Invocation& invocation, const std::string& message) {
  if (invocation.format == OutputFormat::json) {
    fmt::print("{}\n", json::serialize(json::object{{"ok", false}, {"error", message}}));
  } else {
    fmt::print(stderr, "holdfast: {}\n", message);
  }
}

void complain_of_refusal(const Invocation& invocation, const json::object& reply) {
  if (invocation.format == OutputFormat::json) {
    fmt::print("{}\n", json::serialize(reply));
    return;
  }
  fmt::print(stderr, "holdfast: {}\n", text_field(reply, "error"));
  for (const std::string& finding : text_list(reply, "findings")) {
    fmt::print(stderr, "{}\n", finding);
  }
}

std::string age_text(uint64_t seconds) {
  if (seconds >= 86'400) return fmt::format("{} d {} h", seconds / 86'400, seconds / 3600 % 24);
  if (seconds >= 3600) return fmt::format("{} h {} min", seconds / 3600, seconds / 60 % 60);
  if (seconds >= 60) return fmt::format("{} min {} s", seconds / 60, seconds % 60);
  return fmt::format("{} s", seconds);
}

}  // namespace

std::optional<ServerExchange> ServerExchange::ask(const Invocation& invocation,
                                                  std::string_view command, const std::string& zone,
                                                  const Members& more) {
  auto attempt = [&]() -> Result<ServerExchange> {
    const std::string path = TRY(socket_path(invocation));
    auto client = TRY(control::ControlClient::connect(path));
    const std::string line = TRY(client.request(request_line(command, zone, more)));
    json::object reply = TRY(parse_reply(line));
    return ServerExchange(std::move(client), std::move(reply));
  };
  Result<ServerExchange> exchange = attempt();
  if (!exchange) {
    complain(invocation, exchange.error().message);
    return std::nullopt;
  }
  const json::value* good = exchange->reply().if_contains("ok");
  if (!good || !good->is_bool() || !good->get_bool()) {
    complain_of_refusal(invocation, exchange->reply());
    return std::nullopt;
  }
  return std::move(*exchange);
}

bool ServerExchange::read_lines(const std::function<void(std::string_view)>& visit) {
  const Result<void> all = client_.read_stream(visit);
  if (!all) fmt::print(stderr, "holdfast: {}\n", all.error().message);
  return all.has_value();
}

std::string text_field(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value) return {};
  if (const json::string* text = value->if_string()) return std::string(*text);
  return json::serialize(*value);
}

uint64_t number_field(const json::object& object, std::string_view name) {
  const json::value* value = object.if_contains(name);
  if (!value) return 0;
  if (const uint64_t* number = value->if_uint64()) return *number;
  const int64_t* number = value->if_int64();
  return number && *number > 0 ? static_cast<uint64_t>(*number) : 0;
}

const json::object& object_field(const json::object& object, std::string_view name) {
  static const json::object none;
  const json::value* value = object.if_contains(name);
  return value && value->is_object() ? value->get_object() : none;
}

std::vector<std::string> text_list(const json::object& object, std::string_view name) {
  std::vector<std::string> texts;
  const json::value* value = object.if_contains(name);
  if (!value || !value->is_array()) return texts;
  for (const json::value& item : value->get_array()) {
    if (const json::string* text = item.if_string()) texts.emplace_back(*text);
  }
  return texts;
}

std::string time_field(const json::object& object, std::string_view name) {
  const uint64_t seconds = number_field(object, name);
  if (seconds == 0) return "never";
  return fmt::format("{:%Y-%m-%d %H:%M:%S} UTC", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

std::string age_field(const json::object& object, std::string_view name) {
  const uint64_t since = number_field(object, name);
  const auto now = static_cast<uint64_t>(std::time(nullptr));
  return since == 0 || since > now ? "0 s" : age_text(now - since);
}

std::string size_field(const json::object& object, std::string_view name) {
  constexpr std::array<const char*, 4> units{"KiB", "MiB", "GiB", "TiB"};
  const uint64_t bytes = number_field(object, name);
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double size = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  for (; size >= 1024 && unit + 1 < units.size(); ++unit) size /= 1024;
  return fmt::format("{:.1f} {}", size, units[unit]);
}

}  // namespace holdfast
