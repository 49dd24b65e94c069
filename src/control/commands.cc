// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/commands.h"

#include <boost/json.hpp>

#include "wire/name.h"

namespace holdfast::control {

namespace {

namespace json = boost::json;

// Zones of one chunk of a listing: some 100 kB.
constexpr size_t zones_per_chunk = 256;

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
};

Result<Request> parse_request(std::string_view text) {
  boost::system::error_code error;
  const json::value value = json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) return fail("a request is one JSON object on a line");
  Request request;
  for (const auto& [key, member] : value.as_object()) {
    const std::string name(key);
    if (name != "command" && name != "zone") {
      return fail("unknown member \"" + name + "\": expected \"command\" and perhaps \"zone\"");
    }
    if (!member.is_string()) return fail("\"" + name + "\" is to be a string");
    (name == "command" ? request.command : request.zone.emplace()) = member.as_string().c_str();
  }
  return request;
}

// As the table of zones has it.
Result<std::string> canonical_name(const std::string& zone) {
  wire::Name name = TRY(wire::Name::from_text(zone));
  name.fold_case();
  return name.view().to_text();
}

}  // namespace

void Commands::handle(std::string_view request_text, const ControlSocket::Done& done) const {
  const auto request = parse_request(request_text);
  if (!request) return done({refusal(request.error().message), {}});
  const std::string& command = request->command;
  if (command == "status") return done({status_json(sources_), {}});
  if (command == "reload") return reload(request->zone, done);
  if (command == "zone-list") return list_zones(done);
  if (command != "zone-status") return done({refusal("unknown command \"" + command + "\""), {}});
  if (!request->zone) return done({refusal(command + " needs a \"zone\""), {}});
  const auto name = canonical_name(*request->zone);
  if (!name) return done({refusal(name.error().message), {}});
  const auto record = sources_.zones.find(*name);
  if (!record) return done({refusal("zone " + *name + " is not configured"), {}});
  std::string line = zone_json(*name, *record);
  line.insert(1, "\"ok\":true,");
  done({std::move(line), {}});
}

void Commands::reload(std::optional<std::string> zone, const ControlSocket::Done& done) const {
  request_reload_(std::move(zone),
                  [done](const ReloadReply& reply) { done({to_json(reply), {}}); });
}

void Commands::list_zones(const ControlSocket::Done& done) const {
  auto next_chunk = [this, last = std::string(), ended = false]() mutable {
    std::string chunk;
    if (ended) return chunk;
    last = sources_.zones.visit_after(last, zones_per_chunk,
                                      [&](const std::string& zone, const ZoneRecord& record) {
                                        chunk += zone_json(zone, record) + '\n';
                                      });
    ended = last.empty();
    return chunk;
  };
  done({"{\"ok\":true,\"stream\":true}", std::move(next_chunk)});
}

}  // namespace holdfast::control
