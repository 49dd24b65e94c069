// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever requests and responses of an offline KSK can be read are judged without harm, and read
// the same from the text that is written of them.
#include "base/check.h"
#include "dnssec/signed_keys.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace holdfast;
  constexpr uint64_t now_s = 1'800'000'000;
  static const wire::Name zone = *wire::Name::from_text("example.com.");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto kind : {dnssec::KeyText::request, dnssec::KeyText::response}) {
    const auto periods = dnssec::read_key_periods(text, "fuzz", zone, kind);
    if (!periods) continue;
    (void)dnssec::check_key_response(*periods, {}, zone, now_s);
    (void)dnssec::join_key_periods(*periods, *periods);
    const std::string written = dnssec::write_key_periods(*periods, zone, kind, now_s);
    const auto again = dnssec::read_key_periods(written, "written", zone, kind);
    CHECK(again.has_value());
    CHECK(dnssec::write_key_periods(*again, zone, kind, now_s) == written);
  }
  return 0;
}
