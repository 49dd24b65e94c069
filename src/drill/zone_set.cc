// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/zone_set.h"

#include <fmt/format.h>

#include "base/file.h"

namespace holdfast::drill {
namespace {

constexpr unsigned zones = 50;
constexpr unsigned attacked_names = 2000;
constexpr unsigned other_names = 100;
constexpr unsigned file_mode = 0644;

std::string zone_text(const DrillZone& zone, unsigned names) {
  std::string text = fmt::format(
      "$ORIGIN {0}\n$TTL 300\n"
      "@ SOA ns1 hostmaster 1 7200 900 1209600 300\n"
      "@ NS ns1\n@ NS ns2\n@ MX 10 mail\n@ A 192.0.2.1\n"
      "ns1 A 192.0.2.2\nns2 A 192.0.2.3\nmail A 192.0.2.4\n"
      "*.wild A 192.0.2.5\n",
      zone.name);
  for (unsigned index = 0; index < names; ++index) {
    text += fmt::format("host{} A 203.0.113.{}\nhost{} AAAA 2001:db8::{:x}\n", index,
                        index % 250 + 1, index, index + 1);
  }
  return text;
}

DrillZone zone_with(const std::string& name, const std::string& directory, unsigned names) {
  DrillZone zone{name, directory + "/" + name + "zone", {}, "wild." + name};
  zone.questions.push_back({name, "A"});
  zone.questions.push_back({name, "MX"});
  for (unsigned index = 0; index < names; ++index) {
    zone.questions.push_back(
        {fmt::format("host{}.{}", index, name), index % 3 == 2 ? "AAAA" : "A"});
  }
  return zone;
}

}  // namespace

Result<ZoneSet> make_laboratory_zones(const std::string& directory) {
  TRY(make_directories(directory, 0755));
  ZoneSet set;
  for (unsigned index = 0; index < zones; ++index) {
    const unsigned names = index == 0 ? attacked_names : other_names;
    const std::string name =
        index == 0 ? std::string("attacked.example.") : fmt::format("zone{}.example.", index);
    set.zones.push_back(zone_with(name, directory, names));
    const std::string text = zone_text(set.zones.back(), names);
    const Bytes bytes(static_cast<const uint8_t*>(static_cast<const void*>(text.data())),
                      text.size());
    TRY(replace_file(set.zones.back().file, bytes, file_mode));
  }
  return set;
}

}  // namespace holdfast::drill
