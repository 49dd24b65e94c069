// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/commands.h"

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "wire/name.h"

namespace holdfast::control {

namespace {

namespace json = boost::json;

// Zones of one chunk of a listing: some 100 kB.
constexpr size_t zones_per_chunk = 256;
constexpr std::string_view stream_follows = R"({"ok":true,"stream":true})";

std::string refusal(std::string_view error) {
  return json::serialize(json::object{{"ok", false}, {"error", error}});
}

json::array to_array(const std::vector<std::string>& texts) {
  json::array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return array;
}

std::string to_json(const ReloadReply& reply) {
  json::object object{{"ok", reply.error.empty()}};
  if (!reply.error.empty()) object["error"] = reply.error;
  object["findings"] = to_array(reply.findings);
  object["changes"] = to_array(reply.changes);
  object["warnings"] = to_array(reply.warnings);
  return json::serialize(object);
}

struct Request {
  std::string command;
  std::optional<std::string> zone;
  std::string from;  // serials
  std::string to;
  std::string without;
  ShieldCommands::Request shield;
};

Result<Request> parse_request(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) return fail("a request is one JSON object on a line");
  Request request;
  for (const auto& [key, member] : value.as_object()) {
    const std::string name(key);
    std::string* to = name == "command"   ? &request.command
                      : name == "zone"    ? &request.zone.emplace()
                      : name == "from"    ? &request.from
                      : name == "to"      ? &request.to
                      : name == "without" ? &request.without
                      : name == "of"      ? &request.shield.of
                      : name == "seconds" ? &request.shield.seconds
                      : name == "what"    ? &request.shield.what
                      : name == "state"   ? &request.shield.state
                                          : nullptr;
    if (to == nullptr) {
      return fail("unknown member \"" + name + "\": expected \"command\" and perhaps \"zone\"");
    }
    if (!member.is_string()) return fail("\"" + name + "\" is to be a string");
    *to = member.as_string().c_str();
  }
  request.shield.command = request.command;
  return request;
}

// As the table of zones has it.
Result<wire::Name> canonical_name(const std::string& zone) {
  wire::Name name = TRY(wire::Name::from_text(zone));
  name.fold_case();
  return name;
}

}  // namespace

void Commands::handle(std::string_view request_text, const ControlSocket::Done& done) const {
  const auto request = parse_request(request_text);
  if (!request) return done({refusal(request.error().message), {}});
  const std::string& command = request->command;
  if (command == "status") return done({status_json(sources_), {}});
  if (command == "reload") {
    return reload(AfterReload::nothing, request->zone, done);
  }
  if (command == "zone-list") return list_zones(done);
  constexpr std::array shield_commands{"shield-status", "shield-top",  "shield-explain",
                                       "shield-allow",  "shield-deny", "shield-forget",
                                       "shield-dry-run"};
  if (std::ranges::find(shield_commands, command) != shield_commands.end()) {
    return done({shield_.handle(request->shield), {}});
  }
  constexpr std::array zone_commands{"zone-status",     "zone-print",   "zone-refresh",
                                     "zone-retransfer", "zone-history", "zone-diff",
                                     "zone-rollback",   "zone-freeze",  "zone-thaw"};
  if (std::ranges::find(zone_commands, command) == zone_commands.end()) {
    return done({refusal("unknown command \"" + command + "\""), {}});
  }
  if (!request->zone) return done({refusal(command + " needs a \"zone\""), {}});
  if (command == "zone-thaw") return reload(AfterReload::thaw, request->zone, done);
  if (command == "zone-history" || command == "zone-diff" || command == "zone-rollback" ||
      command == "zone-freeze") {
    return versions_.handle({command, *request->zone, request->from, request->to, request->without},
                            done);
  }
  handle_zone(command, *request->zone, done);
}

void Commands::handle_zone(const std::string& command, const std::string& zone,
                           const ControlSocket::Done& done) const {
  const auto name = canonical_name(zone);
  if (!name) return done({refusal(name.error().message), {}});
  const std::string text = name->view().to_text();
  const auto record = sources_.zones.find(text);
  if (!record) return done({refusal("zone " + text + " is not configured"), {}});
  if (command == "zone-refresh" || command == "zone-retransfer") {
    const auto how = command == "zone-refresh" ? transfer::Refresh::look : transfer::Refresh::whole;
    const auto begun = sources_.transfers.refresh(text, how);
    return done({begun ? std::string(R"({"ok":true})") : refusal(begun.error().message), {}});
  }
  if (command == "zone-status") {
    std::string line = zone_json(text, *record, sources_.transfers.secondary(text));
    line.insert(1, "\"ok\":true,");
    return done({std::move(line), {}});
  }
  auto printer = printers_.begin(*name);
  if (!printer) return done({refusal(printer.error().message), {}});
  done({std::string(stream_follows),
        [printer = *std::move(printer)] { return printer->next_chunk(); }});
}

void Commands::reload(AfterReload after, const std::optional<std::string>& zone,
                      const ControlSocket::Done& done) const {
  request_reload_({.zone = zone, .after = after, .done = [done](const ReloadReply& reply) {
                     done({to_json(reply), {}});
                   }});
}

void Commands::list_zones(const ControlSocket::Done& done) const {
  auto next_chunk = [this, last = std::string(), ended = false]() mutable {
    std::string chunk;
    if (ended) return chunk;
    last = sources_.zones.visit_after(last, zones_per_chunk,
                                      [&](const std::string& zone, const ZoneRecord& record) {
                                        chunk += zone_json(zone, record, std::nullopt) + '\n';
                                      });
    ended = last.empty();
    return chunk;
  };
  done({std::string(stream_follows), std::move(next_chunk)});
}

}  // namespace holdfast::control
