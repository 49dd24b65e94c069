// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/shield_zones.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

namespace holdfast::control {

namespace {

using shield::ZoneWatch;
using shield::ZoneWatchEntry;

constexpr uint32_t usual_scale = 16;  // of ZoneWatchEntry's usual numbers

// Worker by worker, as far as any has been started.
template <typename Visit>
void for_each_zone(const shield::ShieldMemory& memory, Visit&& visit) {
  for (size_t i = 0; i < memory.workers.size(); ++i) {
    if (memory.orders[i].beat_ms == 0) return;
    for (const auto& line : memory.workers[i].zones) {
      for (const ZoneWatchEntry& entry : line) {
        if (entry.hash.load(std::memory_order_relaxed) != 0) visit(entry);
      }
    }
  }
}

void add(ShieldZone& zone, const ZoneWatchEntry& entry, uint64_t now_ms) {
  zone.asked += ZoneWatch::a_second(entry.last_asked.load());
  zone.absent += ZoneWatch::a_second(entry.last_absent.load());
  zone.usual_asked += ZoneWatch::a_second(entry.usual_asked_x16.load()) / usual_scale;
  zone.usual_absent += ZoneWatch::a_second(entry.usual_absent_x16.load()) / usual_scale;
  zone.names = std::max<uint64_t>(zone.names, entry.last_names.load());
  zone.usual_names =
      std::max<uint64_t>(zone.usual_names, entry.usual_names_x16.load() / usual_scale);
  zone.shed += entry.shed.load();
  zone.attacked |= ZoneWatch::is_under_attack(entry, now_ms);
  zone.hot |= ZoneWatch::is_hot(entry, now_ms);
  zone.many_names |= ZoneWatch::has_many_names(entry, now_ms);
}

std::vector<ShieldZone> labelled_zones(const std::vector<ShieldZone>& watched) {
  std::vector<ShieldZone> labelled;
  for (const ShieldZone& zone : watched) {
    if (labelled.size() == labelled_shield_zones_max) break;
    // A label stands once in a family; names too long to be kept all have the same.
    const bool is_new = std::ranges::find(labelled, zone.name, &ShieldZone::name) == labelled.end();
    if (zone.is_told() && is_new) labelled.push_back(zone);
  }
  return labelled;
}

}  // namespace

std::vector<ShieldZone> shield_zones(const shield::ShieldMemory& memory, uint64_t now_ms) {
  std::map<uint64_t, ShieldZone> sums;
  for_each_zone(memory, [&](const ZoneWatchEntry& entry) {
    ShieldZone& sum = sums[entry.hash.load()];
    if (sum.name.empty()) sum.name = ZoneWatch::name_of(entry).view().to_text();
    add(sum, entry, now_ms);
  });
  std::vector<ShieldZone> zones;
  zones.reserve(sums.size());
  for (auto& [hash, sum] : sums) zones.push_back(std::move(sum));
  std::ranges::sort(zones, std::greater(), &ShieldZone::asked);
  return zones;
}

void add_shield_zone_metrics(MetricsText& text, const shield::ShieldMemory& memory,
                             uint64_t now_ms) {
  const std::vector<ShieldZone> zones = labelled_zones(shield_zones(memory, now_ms));
  if (zones.empty()) return;  // a family without a sample is none
  const auto add_family = [&](std::string_view name, std::string_view help,
                              uint64_t ShieldZone::* figure) {
    text.begin_family(name, MetricsText::Type::gauge, help);
    for (const ShieldZone& zone : zones) {
      text.add_sample(MetricsText::label("zone", zone.name), zone.*figure);
    }
  };
  add_family("holdfast_shield_zone_names",
             "Different names that exist and were asked for within 256 ms; of zones under attack, "
             "hot or with many names, at most 20.",
             &ShieldZone::names);
  add_family("holdfast_shield_zone_usual_names", "The same, as it is usual for the zone.",
             &ShieldZone::usual_names);
}

}  // namespace holdfast::control
