// SPDX-License-Identifier: GPL-3.0-or-later
// Any text must give contents or a finding, and contents must walk.
#include "base/check.h"
#include "zone/loader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  static const wire::Name apex = *wire::Name::from_text("example.com.");
  zone::LoadOptions options;
  options.includes = zone::Includes::refuse;  // no other files
  options.now_s = 1'800'000'000;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A $GENERATE of millions is slow, not wrong.
  for (size_t at = 0; (at = text.find('-', at)) != std::string_view::npos; ++at) {
    const size_t digits = text.find_first_not_of("0123456789", at + 1);
    if ((digits == std::string_view::npos ? size : digits) - at > 5) return 0;
  }
  const zone::LoadOutcome outcome = zone::load_zone_text(text, "fuzz.zone", apex, options);
  CHECK(outcome.contents.has_value() != outcome.report.has_errors());
  if (!outcome.contents) return 0;
  size_t nodes = 0;
  size_t records = 0;
  zone::Contents::Cursor cursor(*outcome.contents);
  while (const zone::StagedNode* node = cursor.next()) {
    CHECK(node->owner.is_at_or_below(apex));
    for (const zone::StagedRrset& rrset : node->rrsets) {
      CHECK(!rrset.rdata.empty());
      records += rrset.rdata.size() + rrset.signatures.size();
    }
    ++nodes;
  }
  CHECK(nodes == outcome.contents->node_count());
  CHECK(records == outcome.contents->record_count());
  return 0;
}
