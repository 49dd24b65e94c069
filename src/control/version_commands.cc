// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/version_commands.h"

#include <charconv>

#include <boost/json.hpp>

#include "wire/rdata_text.h"
#include "wire/types.h"

namespace holdfast::control {

namespace {

namespace json = boost::json;

constexpr std::string_view stream_follows = R"({"ok":true,"stream":true})";

std::string refusal(std::string_view error) {
  return json::serialize(json::object{{"ok", false}, {"error", error}});
}

std::optional<uint32_t> parse_serial(std::string_view text) {
  uint32_t serial = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), serial);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return serial;
}

// The text at once, then its end.
ControlReply stream_of(std::string text, std::string reply = std::string(stream_follows)) {
  return {std::move(reply), [text = std::move(text)]() mutable { return std::exchange(text, {}); }};
}

// What is made of the other records, by whoever signs them.
bool follows_from_others(uint16_t type) {
  return type == wire::type_rrsig || type == wire::type_nsec || type == wire::type_nsec3 ||
         type == wire::type_zonemd;
}

enum class Shown : uint8_t { all, without_signing };

// Returns how many records are left out.
uint64_t print(std::string& text, char sign, const transfer::RecordList& records, Shown shown) {
  uint64_t left_out = 0;
  records.for_each([&](const transfer::ZoneRecord& record) {
    if (shown == Shown::without_signing && follows_from_others(record.type)) {
      ++left_out;
      return;
    }
    text += sign;
    text += wire::record_to_text(wire::Name(record.owner), record.type, record.ttl, record.rdata);
    text += '\n';
  });
  return left_out;
}

}  // namespace

void VersionCommands::handle(const Request& request, const ControlSocket::Done& done) const {
  auto name = wire::Name::from_text(request.zone);
  if (!name) return done({refusal(name.error().message), {}});
  name->fold_case();
  const std::string zone = name->view().to_text();
  if (!table_.find(zone)) return done({refusal("zone " + zone + " is not configured"), {}});
  if (request.command == "zone-history") return list(*name, done);
  if (request.command == "zone-diff") return show(*name, request, done);
  if (request.command == "zone-freeze") return freeze(zone, done);
  roll_back(zone, request, done);
}

void VersionCommands::list(const wire::Name& apex, const ControlSocket::Done& done) const {
  std::string text;
  for (const transfer::VersionFacts& version : zones_.history().list(apex)) {
    text += json::serialize(json::object{{"from", version.from},
                                         {"to", version.to},
                                         {"unix_s", version.unix_s},
                                         {"removed", version.removed},
                                         {"added", version.added},
                                         {"source", version.source}}) +
            '\n';
  }
  done(stream_of(std::move(text)));
}

// Without `to`, up to what is served; without `from`, the last difference.
void VersionCommands::show(const wire::Name& apex, const Request& request,
                           const ControlSocket::Done& done) const {
  const auto versions = zones_.history().list(apex);
  if (versions.empty()) return done({refusal("no differences of the zone are known"), {}});
  const auto from = request.from.empty() ? versions.back().from : parse_serial(request.from);
  const auto to = request.to.empty() ? versions.back().to : parse_serial(request.to);
  if (!from || !to) return done({refusal("\"from\" and \"to\" are to be serials"), {}});
  if (!request.without.empty() && request.without != "signing") {
    return done({refusal("\"without\" is to be \"signing\""), {}});
  }
  const auto differences = zones_.history().chain(apex, *from, *to);
  if (differences.empty()) {
    return done({refusal("no differences are known that lead from serial " + std::to_string(*from) +
                         " to " + std::to_string(*to)),
                 {}});
  }
  const Shown shown = request.without.empty() ? Shown::all : Shown::without_signing;
  std::string text;
  uint64_t left_out = 0;
  for (const transfer::Difference& difference : differences) {
    left_out += print(text, '-', difference.removed, shown);
    left_out += print(text, '+', difference.added, shown);
  }
  done(stream_of(std::move(text), json::serialize(json::object{
                                      {"ok", true}, {"stream", true}, {"left_out", left_out}})));
}

void VersionCommands::freeze(const std::string& zone, const ControlSocket::Done& done) const {
  tasks_.push([&zones = zones_, zone, done] {
    const auto frozen = zones.freeze(zone);
    if (!frozen) return done({refusal(frozen.error().message), {}});
    done({json::serialize(json::object{{"ok", true}, {"change", *frozen}}), {}});
  });
}

void VersionCommands::roll_back(const std::string& zone, const Request& request,
                                const ControlSocket::Done& done) const {
  const auto serial = parse_serial(request.to);
  if (!serial) return done({refusal("\"to\" is to be the serial to go back to"), {}});
  tasks_.push([&zones = zones_, zone, serial = *serial, done] {
    const auto rolled = zones.roll_back(zone, serial);
    if (!rolled) return done({refusal(rolled.error().message), {}});
    done({json::serialize(json::object{{"ok", true}, {"change", *rolled}}), {}});
  });
}

}  // namespace holdfast::control
