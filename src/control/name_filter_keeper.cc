// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/name_filter_keeper.h"

#include <algorithm>

#include "base/bytes.h"
#include "wire/types.h"

namespace holdfast::control {

namespace {

// Below a cut or a DNAME everything is answered by that; below the parent of a wildcard, by it.
bool is_cover(const zone::NodeView& node) {
  if (node.has(zone::node_apex)) {
    return node.has(zone::node_has_wildcard) || node.has(zone::node_dname);
  }
  return node.has(zone::node_cut) || node.has(zone::node_dname) ||
         node.has(zone::node_has_wildcard);
}

using shield::NameFilterWriter;

// RFC 2308 §5: for as long as the SOA's MINIMUM says, and no longer than itself.
void set_denial(NameFilterWriter& writer, const zone::ZoneView& zone) {
  const auto soa = zone.apex_node().find(wire::type_soa);
  if (!soa || soa->count != 1) return;
  std::vector<uint8_t> record(soa->records.begin(), soa->records.end());
  constexpr size_t ttl_at = 6;
  if (record.size() < ttl_at + 2 * sizeof(uint32_t)) return;
  const uint32_t minimum = load_be32(record.data() + record.size() - sizeof(uint32_t));
  store_be32(record.data() + ttl_at, std::min(soa->ttl, minimum));
  writer.deny_with(record, zone.denial() == zone::Denial::none ? NameFilterWriter::Proofs::none
                                                               : NameFilterWriter::Proofs::needed);
}

void enter(NameFilterWriter& writer, const zone::ZoneView& zone,
           std::span<const wire::Name> zones_below) {
  if (!writer.begin_zone(zone.apex(), zone.index_size() + zones_below.size())) return;
  set_denial(writer, zone);
  for (const wire::Name& below : zones_below) writer.add_cover(below);
  zone.for_each_node([&](const zone::NodeView& node) {
    if (node.has(zone::node_nsec3) || node.has(zone::node_occluded)) return;
    wire::Name owner;
    if (!owner.assign_joined(node.relative_owner(), zone.apex())) return;
    if (is_cover(node)) {
      writer.add_cover(owner);
    } else {
      writer.add_name(owner);
    }
  });
}

}  // namespace

void NameFilterKeeper::follow(std::span<const wire::Name> attacked) {
  const uint64_t now_ms = clock_.monotonic_ns() / 1'000'000;
  std::vector<Held> wanted;
  wanted.reserve(attacked.size());
  for (const wire::Name& apex : attacked) {
    const auto zone = memory_.find(apex);
    if (!zone || !zone->available()) continue;
    wanted.push_back({apex, zone->generation()});
  }
  std::ranges::sort(wanted, [](const Held& a, const Held& b) {
    return wire::compare_canonical(a.apex, b.apex) < 0;
  });
  if (wanted == held_ && filled_at_change_ == changes_.load()) return;
  if (now_ms < due_ms_) return;
  fill(wanted);
  held_ = std::move(wanted);
  const uint64_t took_ms = clock_.monotonic_ns() / 1'000'000 - now_ms;
  due_ms_ = now_ms + took_ms + std::max(pause_ms, 9 * took_ms);
}

void NameFilterKeeper::fill(std::span<const Held> zones) {
  const uint64_t change = changes_.load();
  shield::NameFilterWriter writer(filter_);
  writer.begin();
  for (const Held& held : zones) {
    if (const auto zone = memory_.find(held.apex)) enter(writer, *zone, zones_below(held.apex));
  }
  writer.show();
  filled_at_change_ = change;
  // Something has changed meanwhile: what is shown may miss a name.
  if (changes_.load() != change) shield::NameFilterWriter(filter_).suspend();
}

// Their names are theirs, whether this zone delegates to them or not.
std::vector<wire::Name> NameFilterKeeper::zones_below(wire::NameView apex) const {
  std::vector<wire::Name> found;
  memory_.for_each_zone([&](const zone::ZoneView& zone) {
    if (zone.apex() != apex && zone.apex().is_at_or_below(apex)) found.emplace_back(zone.apex());
  });
  return found;
}

void NameFilterKeeper::suspend() {
  changes_.fetch_add(1);
  shield::NameFilterWriter(filter_).suspend();
}

}  // namespace holdfast::control
