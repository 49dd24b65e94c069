// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/signal_names.h"

#include <algorithm>
#include <functional>

#include "log/log.h"
#include "wire/types.h"
#include "zone/view.h"

namespace holdfast::control {

namespace {

using zone::NodeView;

constexpr std::string_view boot_prefix = "\x07_dsboot";
constexpr size_t page = 1000;  // of the table, which others wait for

template <typename Visit>
void for_each_record(Bytes records, Visit&& visit) {
  ByteReader reader(records);
  while (reader.remaining() > 0) {
    reader.skip(6);  // owner, type, class (zone/view.h)
    const uint32_t ttl = reader.read_u32();
    const Bytes rdata = reader.read_bytes(reader.read_u16());
    if (reader.failed()) return;
    visit(ttl, rdata);
  }
}

bool has_name_server(const NodeView& apex, wire::NameView server) {
  bool found = false;
  if (const auto rrset = apex.find(wire::type_ns)) {
    for_each_record(rrset->records,
                    [&](uint32_t, Bytes rdata) { found |= wire::NameView(rdata) == server; });
  }
  return found;
}

// "_dsboot.ZONE." before the signal zone.
std::optional<wire::Name> boot_name(wire::NameView zone, wire::NameView signal) {
  std::vector<uint8_t> prefix(boot_prefix.begin(), boot_prefix.end());
  const Bytes name = zone.bytes();
  prefix.insert(prefix.end(), name.begin(), name.end() - 1);  // without the root
  wire::Name owner;
  if (!owner.assign_joined(prefix, signal)) return std::nullopt;
  return owner;
}

struct Record {
  wire::Name owner;
  uint16_t type = 0;
  uint32_t ttl = 0;
  std::vector<uint8_t> rdata;
};

void take(const NodeView& apex, const wire::Name& owner, std::vector<Record>& records) {
  for (const uint16_t type : {wire::type_cds, wire::type_cdnskey}) {
    const auto rrset = apex.find(type);
    if (!rrset) continue;
    for_each_record(rrset->records, [&](uint32_t ttl, Bytes rdata) {
      records.push_back({owner, type, ttl, {rdata.begin(), rdata.end()}});
    });
  }
}

std::vector<Record> signals_of(wire::NameView signal, const zone::Memory& memory,
                               const ZoneTable& table) {
  std::vector<Record> records;
  std::vector<std::string> zones;
  const auto list = [&](const std::string& name, const ZoneRecord& record) {
    if (record.policy) zones.push_back(name);
  };
  for (std::string last = table.visit_after("", page, list); !last.empty();) {
    last = table.visit_after(last, page, list);
  }
  const wire::NameView server = signal.parent();
  for (const std::string& zone : zones) {
    const auto apex = wire::Name::from_text(zone);
    if (!apex || is_signal_zone(*apex)) continue;
    const auto view = memory.find(*apex);
    if (!view || !view->available() || !has_name_server(view->apex_node(), server)) continue;
    // RFC 9615 §4.2: a zone that holds the name server cannot vouch for itself.
    if (server.is_at_or_below(*apex)) continue;
    if (const auto owner = boot_name(*apex, signal)) {
      take(view->apex_node(), *owner, records);
    } else {
      log::warning(log::Category::zones, "signal-too-long",
                   "zone " + zone + " has no signalling name: it would be too long");
    }
  }
  return records;
}

bool is_boot_name(wire::NameView owner, wire::NameView signal) {
  return owner.is_at_or_below(signal) && !(owner == signal) &&
         std::ranges::equal(owner.first_label(), boot_prefix.substr(1));
}

// What is served of them.
std::vector<Record> served_signals(const zone::ZoneView& view) {
  std::vector<Record> records;
  view.for_each_node([&](const NodeView& node) {
    wire::Name owner;
    if (!owner.assign_joined(node.relative_owner(), view.apex())) return;
    if (is_boot_name(owner, view.apex())) take(node, owner, records);
  });
  return records;
}

bool is_before(const Record& a, const Record& b) {
  const int order = wire::compare_canonical(a.owner, b.owner);
  if (order != 0) return order < 0;
  return std::tie(a.type, a.ttl, a.rdata) < std::tie(b.type, b.ttl, b.rdata);
}
bool is_same(const Record& a, const Record& b) { return !is_before(a, b) && !is_before(b, a); }

}  // namespace

bool is_signal_zone(wire::NameView zone) {
  if (zone.is_root() || zone.parent().is_root()) return false;
  return std::ranges::equal(zone.first_label(), signal_label);
}

Result<zone::Contents> with_signal_names(const zone::Contents& records, const zone::Memory& memory,
                                         const ZoneTable& table) {
  zone::Contents joined(records.apex());
  zone::Contents::Cursor cursor(records);
  while (const zone::StagedNode* node = cursor.next()) {
    if (is_boot_name(node->owner, records.apex())) continue;
    for (const zone::StagedRrset& rrset : node->rrsets) {
      for (const Bytes rdata : rrset.rdata) {
        joined.add(node->owner, rrset.type, rrset.ttl, rdata);
      }
    }
  }
  for (const Record& record : signals_of(records.apex(), memory, table)) {
    joined.add(record.owner, record.type, record.ttl, record.rdata);
  }
  TRY(joined.finish());
  return joined;
}

std::vector<std::string> stale_signal_zones(const zone::Memory& memory, const ZoneTable& table) {
  std::vector<std::string> signals;
  const auto list = [&](const std::string& name, const ZoneRecord& record) {
    if (record.policy && name.starts_with(std::string(signal_label) + ".")) signals.push_back(name);
  };
  // Their names follow each other.
  for (std::string last(signal_label); !last.empty() && last.starts_with(signal_label);) {
    last = table.visit_after(last, page, list);
  }
  std::erase_if(signals, [&](const std::string& name) {
    const auto apex = wire::Name::from_text(name);
    const auto view = apex ? memory.find(*apex) : std::nullopt;
    if (!view || !view->available() || !is_signal_zone(*apex)) return true;
    auto wanted = signals_of(*apex, memory, table);
    auto served = served_signals(*view);
    std::ranges::sort(wanted, is_before);
    std::ranges::sort(served, is_before);
    return std::ranges::equal(wanted, served, is_same);
  });
  return signals;
}

}  // namespace holdfast::control
