// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever zone can be read is judged without harm; and if it can be signed, all of it holds,
// signed anew or beside what it was before.
#include "base/check.h"
#include "dnssec/zone_signer.h"
#include "dnssec/zone_verifier.h"
#include "zone/loader.h"

namespace {

using namespace holdfast;

constexpr uint64_t now_s = 1'800'000'000;

std::vector<dnssec::ZoneKey> make_keys() {
  std::vector<dnssec::ZoneKey> keys;
  keys.emplace_back(*wire::Name::from_text("example.com."), dnssec::flags_ksk,
                    *dnssec::PrivateKey::generate(*dnssec::find_algorithm(dnssec::ed25519)));
  keys.back().times.sync_publish = 0;
  return keys;
}

dnssec::SigningPolicy policy_of(size_t choice) {
  dnssec::SigningPolicy policy;
  policy.denial = choice % 3 == 0 ? dnssec::DenialMethod::nsec : dnssec::DenialMethod::nsec3;
  policy.opt_out = choice % 3 == 2 ? dnssec::OptOut::yes : dnssec::OptOut::no;
  policy.zonemd = choice % 4 == 3 ? dnssec::Zonemd::sha384 : dnssec::Zonemd::no;
  return policy;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const wire::Name apex = *wire::Name::from_text("example.com.");
  static const std::vector<dnssec::ZoneKey> keys = make_keys();
  if (size > 20'000) return 0;  // signing much takes time and finds nothing more
  zone::LoadOptions options;
  options.includes = zone::Includes::refuse;
  options.now_s = now_s;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.find("$GENERATE") != std::string_view::npos) return 0;
  const zone::LoadOutcome outcome = zone::load_zone_text(text, "fuzz.zone", apex, options);
  if (!outcome.contents) return 0;
  (void)dnssec::verify_zone(*outcome.contents, {.now_s = now_s});
  const auto made = dnssec::sign_zone({.records = &*outcome.contents,
                                       .before = size % 2 == 0 ? &*outcome.contents : nullptr,
                                       .keys = keys,
                                       .policy = policy_of(size),
                                       .now_s = now_s});
  if (!made) return 0;  // an RRset that no message can carry with its signature
  const auto verified = dnssec::verify_zone(made->contents, {.now_s = now_s});
  CHECK(verified.holds());
  const auto again = dnssec::sign_zone({.records = &made->contents,
                                        .before = &made->contents,
                                        .keys = keys,
                                        .policy = policy_of(size),
                                        .now_s = now_s});
  CHECK(again && !again->has_changed && again->signatures_made == 0);
  return 0;
}
