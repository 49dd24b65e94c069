// SPDX-License-Identifier: GPL-3.0-or-later
// A zone with one of each thing that signing must tell apart, and changes to it, for tests.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dnssec/new_key.h"
#include "dnssec/zone_key.h"
#include "wire/rdata_text.h"
#include "wire/types.h"
#include "zone/loader.h"

namespace holdfast::dnssec {

constexpr uint64_t sample_time_s = 1'800'000'000;

inline const std::string sample_zone = R"($ORIGIN Example.
$TTL 3600
@ SOA ns.Example. admin 10 7200 3600 1209600 600
@ NS ns
@ NS ns.elsewhere.test.
@ MX 10 Mail
ns A 192.0.2.53
ns AAAA 2001:db8::53
mail A 192.0.2.25
www A 192.0.2.1
www A 192.0.2.2
www TXT "one" "two"
alias CNAME www
*.wild A 192.0.2.9
deep.empty.non.terminal A 192.0.2.10
sub NS ns.sub
ns.sub A 192.0.2.53
ns.sub AAAA 2001:db8::53
deeper.sub TXT "hidden"
secure NS ns.secure
secure DS 60485 13 2 2BB183AF5F22588179A53B0A98631FAD1A292118CBBF88F2BBD6C2A1AEB5A1EF
ns.secure A 192.0.2.54
only.insecure.below NS ns.elsewhere.test.
tree DNAME other.test.
rare TYPE65280 \# 4 C0000201
last.zz TXT "last"
)";

struct Change {
  std::string what;
  std::string from;
  std::string to;
};

inline const std::vector<Change> changes{
    {"an address", "www A 192.0.2.1", "www A 192.0.2.7"},
    {"a TTL", "www TXT", "www 60 TXT"},
    {"a type more", "mail A 192.0.2.25", "mail A 192.0.2.25\nmail TXT \"new\""},
    {"a type less", "www TXT \"one\" \"two\"\n", ""},
    {"a name more", "last.zz TXT \"last\"", "last.zz TXT \"last\"\nzzz A 192.0.2.3"},
    {"a name less", "alias CNAME www\n", ""},
    {"the last name less", "last.zz TXT \"last\"\n", ""},
    {"names below an empty non-terminal less", "deep.empty.non.terminal A 192.0.2.10\n", ""},
    {"an empty non-terminal less empty", "deep.empty", "non.terminal A 192.0.2.3\ndeep.empty"},
    {"glue", "ns.sub A 192.0.2.53", "ns.sub A 192.0.2.99"},
    {"glue less", "ns.sub AAAA 2001:db8::53\n", ""},
    {"a delegation becomes secure", "sub NS ns.sub\n",
     "sub NS ns.sub\nsub DS 1 13 2 "
     "2BB183AF5F22588179A53B0A98631FAD1A292118CBBF88F2BBD6C2A1AEB5A1EF\n"},
    {"a delegation becomes insecure",
     "secure DS 60485 13 2 2BB183AF5F22588179A53B0A98631FAD1A292118CBBF88F2BBD6C2A1AEB5A1EF\n", ""},
    {"a delegation less", "sub NS ns.sub\n", ""},
    {"a delegation above names", "*.wild A 192.0.2.9", "*.wild A 192.0.2.9\nterminal NS ns"},
    {"an insecure delegation more", "rare TYPE", "far.away NS ns.elsewhere.test.\nrare TYPE"},
    {"the case of a name", "@ MX 10 Mail", "@ MX 10 MAIL"},
    {"the serial", "admin 10 ", "admin 11 "},
    {"what denial's TTL comes from", "1209600 600", "1209600 300"},
};

// A text with the change made once.
inline std::string apply(const Change& change) {
  std::string text = sample_zone;
  const size_t at = text.find(change.from);
  EXPECT_NE(at, std::string::npos) << change.what;
  return text.replace(at, change.from.size(), change.to);
}

inline zone::Contents load_sample(const std::string& text, const char* apex = "example") {
  zone::LoadOptions options;
  options.now_s = sample_time_s;
  zone::LoadOutcome outcome =
      zone::load_zone_text(text, "sample", wire::Name::from_text(apex).value(), options);
  for (const zone::Finding& finding : outcome.report.findings) {
    EXPECT_NE(finding.severity, zone::Severity::error) << finding.to_text();
  }
  return *std::move(outcome.contents);
}

// No two of all that a test makes have one tag.
inline std::vector<ZoneKey> make_keys(uint8_t algorithm, const std::vector<uint16_t>& flags,
                                      const char* zone = "example") {
  static TakenTags taken;
  const auto make = [&] { return PrivateKey::generate(*find_algorithm(algorithm), rsa_bits_min); };
  std::vector<ZoneKey> keys;
  for (const uint16_t of : flags) {
    keys.push_back(make_new_key(wire::Name::from_text(zone).value(), of, taken, make).value());
    taken.add(keys.back().dnskey_rdata());
    if ((of & flag_secure_entry_point) != 0) keys.back().times.sync_publish = 0;
  }
  return keys;
}

inline std::string text_of(const zone::Contents& contents, bool with_signatures = true) {
  std::string text;
  zone::Contents::Cursor cursor(contents);
  while (const zone::StagedNode* node = cursor.next()) {
    for (const zone::StagedRrset& rrset : node->rrsets) {
      for (const Bytes rdata : rrset.rdata) {
        if (rrset.type == wire::type_zonemd && !with_signatures) continue;
        text += wire::record_to_text(node->owner, rrset.type, rrset.ttl, rdata) + "\n";
      }
      if (!with_signatures) continue;
      for (const Bytes rdata : rrset.signatures) {
        text += wire::record_to_text(node->owner, wire::type_rrsig, rrset.signature_ttl, rdata);
        text += '\n';
      }
    }
  }
  return text;
}
// Without signatures, and without the digest over them.
inline std::string unsigned_text_of(const zone::Contents& contents) {
  return text_of(contents, false);
}

}  // namespace holdfast::dnssec
