// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/drill_zones.h"

#include "config/load.h"
#include "config/zone_list.h"
#include "wire/types.h"
#include "zone/loader.h"

namespace holdfast {

namespace {

// What a resolver would ask a name for, the first of these that it has.
constexpr uint16_t asked_types[] = {wire::type_a,   wire::type_aaaa, wire::type_cname,
                                    wire::type_mx,  wire::type_txt,  wire::type_ptr,
                                    wire::type_srv, wire::type_ns};

bool is_answered(const zone::StagedNode& node) {
  constexpr unsigned never =
      zone::node_cut | zone::node_occluded | zone::node_empty | zone::node_nsec3;
  return (node.flags & never) == 0;
}

void take_node(const zone::StagedNode& node, drill::DrillZone& zone) {
  if (!is_answered(node)) return;
  const std::string name = node.owner.to_text();
  if (name.starts_with("*.")) {
    if (zone.wildcard_parent.empty()) zone.wildcard_parent = name.substr(2);
    return;
  }
  if (zone.questions.size() == drill::zone_questions_max) return;
  for (const uint16_t type : asked_types) {
    for (const zone::StagedRrset& rrset : node.rrsets) {
      if (rrset.type != type) continue;
      zone.questions.push_back({name, wire::type_to_text(type)});
      return;
    }
  }
}

Result<drill::DrillZone> read_zone(const config::ZoneSource& source) {
  const wire::Name apex = TRY(wire::Name::from_text(source.name));
  zone::LoadOutcome outcome = zone::load_zone_file(source.file, apex.view(), {});
  if (!outcome.contents) {
    return fail(outcome.report.findings.empty() ? source.file + ": cannot be read"
                                                : outcome.report.findings.front().to_text());
  }
  drill::DrillZone zone{source.name, source.file, {}, {}};
  zone::Contents::Cursor cursor(*outcome.contents);
  while (const zone::StagedNode* node = cursor.next()) take_node(*node, zone);
  return zone;
}

}  // namespace

Result<drill::ZoneSet> read_drill_zones(const std::string& config_path,
                                        const std::string& attacked) {
  const config::LoadOutcome loaded = config::load_config(config_path);
  if (!loaded.config) return fail(loaded.problems.to_text());
  const config::ZoneList list = config::list_zones(*loaded.config);
  if (!list.problems.empty()) return fail(list.problems.to_text());
  drill::ZoneSet set;
  for (const config::ZoneSource& source : list.zones) {
    if (source.is_secondary() || set.zones.size() == drill_zones_max) continue;
    set.zones.push_back(TRY(read_zone(source)));
  }
  if (set.zones.empty()) return fail(config_path + ": no zone that comes from a file");
  const std::string wanted =
      attacked.empty() || attacked.ends_with('.') ? attacked : attacked + ".";
  bool found = false;
  for (size_t index = 0; index < set.zones.size(); ++index) {
    const drill::DrillZone& zone = set.zones[index];
    if (zone.name == wanted) found = true;
    const bool larger = zone.questions.size() > set.attacked_zone().questions.size();
    if (wanted.empty() ? larger : zone.name == wanted) set.attacked = index;
  }
  if (!wanted.empty() && !found) return fail(wanted + ": the configuration has no such zone");
  return set;
}

}  // namespace holdfast
