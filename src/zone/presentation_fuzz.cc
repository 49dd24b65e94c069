// SPDX-License-Identifier: GPL-3.0-or-later
// What wire/rdata_text.h writes, the loader reads back as the same bytes. Two bytes of type first.
#include <algorithm>
#include <cstdio>

#include "base/check.h"
#include "wire/rdata.h"
#include "wire/rdata_text.h"
#include "zone/loader.h"

using namespace holdfast;

static bool has_record(const zone::Contents& contents, wire::NameView owner, uint16_t type,
                       Bytes rdata) {
  zone::Contents::Cursor cursor(contents);
  while (const zone::StagedNode* node = cursor.next()) {
    if (!(node->owner == owner)) continue;
    for (const zone::StagedRrset& rrset : node->rrsets) {
      if (rrset.type != type) continue;
      for (const Bytes record : rrset.rdata) {
        if (std::ranges::equal(record, rdata)) return true;
      }
    }
  }
  return false;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 2 + 4096) return 0;
  const uint16_t type = load_be16(data);
  const Bytes rdata(data + 2, size - 2);
  // Types that no zone holds, and those for which the loader has rules of its own.
  if (wire::is_meta_type(type) || type == 0 || type == wire::type_soa) return 0;
  if (!wire::rdata_is_well_formed(type, rdata)) return 0;
  const bool is_nsec3 = type == wire::type_nsec3 || type == wire::type_nsec3param;
  if (is_nsec3 && load_be16(rdata.data() + 2) > 50) return 0;  // RFC 9276 §3.2
  const wire::Name owner = wire::Name::from_text("r.x.").value();
  const std::string text = "x. 60 IN SOA ns.y. a.y. 1 2 3 4 5\nx. 60 IN NS ns.y.\n" +
                           wire::record_to_text(owner, type, 60, rdata) + "\n";
  const zone::LoadOptions options{.includes = zone::Includes::refuse, .now_s = 1'700'000'000};
  const zone::LoadOutcome outcome =
      zone::load_zone_text(text, "text", owner.view().parent(), options);
  for (const zone::Finding& finding : outcome.report.findings) {
    if (finding.severity == zone::Severity::error) {
      std::fprintf(stderr, "%s%s\n", text.c_str(), finding.to_text().c_str());
    }
  }
  CHECK(outcome.contents.has_value());
  if (!has_record(*outcome.contents, owner, type, rdata)) std::fprintf(stderr, "%s", text.c_str());
  CHECK(has_record(*outcome.contents, owner, type, rdata));
  return 0;
}
