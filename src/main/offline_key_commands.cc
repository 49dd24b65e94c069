// SPDX-License-Identifier: GPL-3.0-or-later
#include "main/offline_key_commands.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/clock.h"
#include "base/file.h"
#include "dnssec/key_file.h"
#include "dnssec/key_time.h"
#include "dnssec/rollover.h"
#include "dnssec/signed_keys.h"
#include "main/key_place.h"
#include "wire/rdata_text.h"
#include "wire/types.h"

namespace holdfast {

namespace {

using dnssec::KeyPeriod;
using dnssec::KeyText;
using dnssec::ZoneKey;

constexpr uint64_t seconds_a_day = 86400;
constexpr unsigned file_mode = 0644;

Result<void> put(const std::string& text, const std::string& path) {
  if (path.empty()) {
    fmt::print("{}", text);
    return {};
  }
  return replace_file(path, {reinterpret_cast<const uint8_t*>(text.data()), text.size()},
                      file_mode);
}

// The ZSK that signs last, as far as that is laid out; null: there is none.
const ZoneKey* last_zsk(const std::vector<ZoneKey>& keys) {
  const ZoneKey* last = nullptr;
  for (const ZoneKey& key : keys) {
    if (key.is_entry_point() || key.times.inactive || key.times.remove) continue;
    if (last == nullptr || key.times.activate.value_or(0) > last->times.activate.value_or(0)) {
      last = &key;
    }
  }
  return last;
}

void replace(std::vector<ZoneKey>& keys, const ZoneKey& key) {
  const auto found = std::ranges::find_if(
      keys, [&](const ZoneKey& of) { return of.dnskey_rdata() == key.dnskey_rdata(); });
  if (found == keys.end()) {
    keys.push_back(key);
  } else {
    *found = key;
  }
}

// Lays out the ZSK's rolls up to `until_s`, in key files. What was laid out before stays.
Result<void> lay_out_rolls(std::vector<ZoneKey>& keys, const std::string& folder,
                           const SigningOptions& options, uint64_t now_s, uint64_t until_s) {
  if (options.zsk_days == 0) return {};
  const dnssec::RolloverTimes times{.dnskey_ttl_s = options.ttl_max_s,
                                    .ttl_max_s = options.ttl_max_s,
                                    .ds_ttl_s = options.ttl_max_s};
  while (true) {
    const ZoneKey* last = last_zsk(keys);
    if (last == nullptr) return fail(folder + ": no ZSK");
    const uint64_t since_s = std::max(last->times.activate.value_or(0), uint64_t{1});
    const uint64_t end_s = since_s + options.zsk_days * seconds_a_day;
    const uint64_t lead_s = uint64_t{times.dnskey_ttl_s} + times.propagation_s;
    const uint64_t begin_s = std::max({end_s - std::min(end_s, lead_s), since_s, now_s});
    if (begin_s >= until_s) return {};
    const auto make = [&] {
      return dnssec::PrivateKey::generate(last->algorithm(), options.rsa_bits);
    };
    const auto others = TRY(dnssec::tags_of_others(folder, last->zone()));
    const std::vector<ZoneKey> changed = TRY(dnssec::roll_zsk(keys, begin_s, times, make, others));
    for (const ZoneKey& key : changed) {
      TRY(dnssec::save_key(key, folder));
      replace(keys, key);
    }
  }
}

Result<void> request(const Invocation& invocation) {
  const KeyPlace place = TRY(key_place_of(invocation));
  const SigningOptions& options = invocation.signing;
  std::vector<ZoneKey> keys = TRY(dnssec::load_keys(place.folder, place.zone));
  const uint64_t now_s = SystemClock().wall_s();
  const uint64_t until_s = now_s + options.span_days * seconds_a_day;
  TRY(lay_out_rolls(keys, place.folder, options, now_s, until_s));
  std::erase_if(keys, [](const ZoneKey& key) { return key.is_entry_point(); });
  if (keys.empty()) {
    return fail(place.folder +
                ": no ZSK; a policy with offline_ksk makes one, or `holdfast key "
                "generate --role zsk`");
  }
  const std::vector<KeyPeriod> periods =
      TRY(dnssec::make_key_request(keys, now_s, until_s, options.period_days * seconds_a_day,
                                   std::min(options.ttl_max_s, options.dnskey_ttl_s)));
  return put(dnssec::write_key_periods(periods, place.zone, KeyText::request, now_s),
             options.output);
}

Result<void> sign(const Invocation& invocation) {
  const KeyPlace place = TRY(key_place_of(invocation));
  const SigningOptions& options = invocation.signing;
  const std::string text = TRY(read_file(options.path, dnssec::key_text_bytes_max));
  const std::vector<KeyPeriod> asked =
      TRY(dnssec::read_key_periods(text, options.path, place.zone, KeyText::request));
  const std::vector<ZoneKey> keys = TRY(dnssec::load_keys(place.folder, place.zone));
  if (keys.empty()) return fail(place.folder + ": no key of " + place.zone.view().to_text());
  const std::vector<KeyPeriod> signed_periods =
      TRY(dnssec::sign_key_request(asked, keys, options.period_days * seconds_a_day,
                                   static_cast<uint32_t>(options.overlap_days * seconds_a_day)));
  return put(dnssec::write_key_periods(signed_periods, place.zone, KeyText::response,
                                       SystemClock().wall_s()),
             options.output);
}

void print_ds(const KeyPeriod& period, const wire::Name& zone) {
  constexpr uint32_t ttl = 3600;
  for (const auto& dnskey : period.find(wire::type_dnskey)->rdata) {
    if ((load_be16(dnskey.data()) & dnssec::flag_secure_entry_point) == 0) continue;
    const auto ds = dnssec::make_ds_rdata(zone, dnskey, dnssec::DsDigest::sha256);
    fmt::print("{}\n", wire::record_to_text(zone, wire::type_ds, ttl, ds));
  }
}

Result<void> import(const Invocation& invocation) {
  const KeyPlace place = TRY(key_place_of(invocation));
  const std::string& path = invocation.signing.path;
  const std::string text = TRY(read_file(path, dnssec::key_text_bytes_max));
  std::vector<KeyPeriod> fresh =
      TRY(dnssec::read_key_periods(text, path, place.zone, KeyText::response));
  std::vector<ZoneKey> keys = TRY(dnssec::load_keys(place.folder, place.zone));
  std::erase_if(keys, [](const ZoneKey& key) { return key.is_entry_point(); });
  const uint64_t now_s = SystemClock().wall_s();
  if (const auto checked = dnssec::check_key_response(fresh, keys, place.zone, now_s); !checked) {
    return fail(path + " is refused: " + checked.error().message);
  }
  const auto joined = dnssec::join_key_periods(
      TRY(dnssec::load_signed_keys(place.folder, place.zone)), std::move(fresh));
  if (!joined) return fail(path + " is refused: " + joined.error().message);
  if (dnssec::period_at(*joined, now_s) == nullptr) {
    return fail(path + " is refused: its first period begins at " +
                dnssec::key_time_text(joined->front().begin_s) + ", and nothing is there for now");
  }
  TRY(make_directories(place.folder, key_folder_mode));
  TRY(dnssec::save_signed_keys(*joined, place.folder, place.zone, now_s));
  fmt::print("signed until {}\n", dnssec::key_time_text(joined->back().expires_at_s(now_s)));
  print_ds(*dnssec::period_at(*joined, now_s), place.zone);
  return {};
}

}  // namespace

ExitCode request_keys(const Invocation& invocation) { return end_of(request(invocation)); }
ExitCode sign_request(const Invocation& invocation) { return end_of(sign(invocation)); }
ExitCode import_response(const Invocation& invocation) { return end_of(import(invocation)); }

}  // namespace holdfast
