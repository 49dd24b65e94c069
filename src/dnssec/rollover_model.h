// SPDX-License-Identifier: GPL-3.0-or-later
// Rollovers by a clock that is moved, seen by resolvers that keep what they were told for its TTL.
// For tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "dnssec/rollover.h"
#include "dnssec/zone_samples.h"
#include "dnssec/zone_signer.h"
#include "dnssec/zone_verifier.h"

namespace holdfast::dnssec {

inline constexpr RolloverTimes rollover_times{
    .dnskey_ttl_s = 100, .ttl_max_s = 300, .ds_ttl_s = 200, .propagation_s = 50};
inline constexpr uint64_t step_s = 25;

// What the zone served at a moment, as far as a validator needs it.
struct Moment {
  std::vector<std::vector<uint8_t>> dnskeys;
  std::vector<std::vector<uint8_t>> dnskey_signatures;
  std::vector<std::vector<uint8_t>> soa;
  std::vector<std::vector<uint8_t>> soa_signatures;
  std::vector<std::vector<uint8_t>> cds;
};

inline std::vector<std::vector<uint8_t>> copies(const std::vector<Bytes>& of) {
  std::vector<std::vector<uint8_t>> result;
  for (const Bytes bytes : of) result.emplace_back(bytes.begin(), bytes.end());
  return result;
}
inline std::vector<Bytes> views(const std::vector<std::vector<uint8_t>>& of) {
  return {of.begin(), of.end()};
}

class RolloverModel : public testing::Test {
 protected:
  RolloverModel() {
    policy_.dnskey_ttl = rollover_times.dnskey_ttl_s;
    begin({flags_ksk});
  }
  void begin(const std::vector<uint16_t>& flags, uint8_t algorithm = 15) {
    keys_ = make_keys(algorithm, flags);
    for (ZoneKey& key : keys_) key.times.created = sample_time_s - 1;
    ds_[sample_time_s] = ds_of(keys_);
  }
  static std::vector<std::vector<uint8_t>> ds_of(const std::vector<ZoneKey>& keys) {
    for (const ZoneKey& key : keys) {
      if (!key.is_entry_point()) continue;
      return {make_ds_rdata(key.zone(), key.dnskey_rdata(), DsDigest::sha256)};
    }
    return {};
  }
  static MakeKey maker(uint8_t algorithm) {
    return [algorithm] { return PrivateKey::generate(*find_algorithm(algorithm)); };
  }
  void save(const Result<std::vector<ZoneKey>>& changed, size_t crash_after = SIZE_MAX) {
    ASSERT_TRUE(changed.has_value()) << changed.error().message;
    for (const ZoneKey& key : *changed) {
      if (crash_after-- == 0) return;
      const auto found = std::ranges::find_if(
          keys_, [&](const ZoneKey& of) { return of.dnskey_rdata() == key.dnskey_rdata(); });
      if (found == keys_.end()) {
        keys_.push_back(key);
      } else {
        *found = key;
      }
    }
  }

  // Signs as the clock goes on, each time beside the version before.
  void run_for(uint64_t seconds) {
    const uint64_t end_s = now_s_ + seconds;
    for (; now_s_ < end_s; now_s_ += step_s) {
      auto made = sign_zone({.records = &records_,
                             .before = current_ ? &current_->contents : nullptr,
                             .keys = keys_,
                             .policy = policy_,
                             .now_s = now_s_});
      ASSERT_TRUE(made.has_value()) << made.error().message;
      current_ = *std::move(made);
      const auto verified = verify_zone(current_->contents, {.now_s = now_s_});
      ASSERT_THAT(verified.faults, testing::IsEmpty()) << now_s_ - sample_time_s;
      record();
    }
  }
  void record() {
    Moment& moment = moments_[now_s_];
    zone::Contents::Cursor cursor(current_->contents);
    for (const zone::StagedRrset& rrset : cursor.next()->rrsets) {
      if (rrset.type == wire::type_dnskey) {
        moment.dnskeys = copies(rrset.rdata);
        moment.dnskey_signatures = copies(rrset.signatures);
      } else if (rrset.type == wire::type_soa) {
        moment.soa = copies(rrset.rdata);
        moment.soa_signatures = copies(rrset.signatures);
      } else if (rrset.type == wire::type_cds) {
        moment.cds = copies(rrset.rdata);
      }
    }
  }

  static bool holds(const std::vector<std::vector<uint8_t>>& dnskeys, uint16_t type, uint32_t ttl,
                    const std::vector<std::vector<uint8_t>>& rdata,
                    const std::vector<std::vector<uint8_t>>& signatures, uint64_t now_s) {
    const auto keys = views(dnskeys);
    const auto records = views(rdata);
    const wire::Name apex = wire::Name::from_text("example").value();
    SignatureCheck check(apex, keys);
    return std::ranges::any_of(signatures, [&](const std::vector<uint8_t>& rrsig) {
      size_t used = 0;
      return check.check({apex, type, ttl, records}, rrsig, now_s, Depth::signatures, used) ==
             SignatureFault::none;
    });
  }

  // Whatever a resolver holds of DS, DNSKEY and data, each from any moment within its TTL and the
  // time that secondaries take: it validates.
  void expect_validated_from_every_cache() {
    for (const auto& [told_s, data] : moments_) {
      for (const auto& [keys_s, keys] : moments_) {
        const uint64_t age_s = told_s > keys_s ? told_s - keys_s : keys_s - told_s;
        const uint64_t age_max_s =
            (told_s > keys_s ? rollover_times.dnskey_ttl_s : rollover_times.ttl_max_s) +
            rollover_times.propagation_s;
        if (age_s >= age_max_s) continue;
        EXPECT_TRUE(
            holds(keys.dnskeys, wire::type_soa, 3600, data.soa, data.soa_signatures, told_s))
            << "SOA of " << told_s - sample_time_s << ", DNSKEY of " << keys_s - sample_time_s;
      }
      expect_chain_from_parent(told_s, data);
    }
  }
  void expect_chain_from_parent(uint64_t keys_s, const Moment& keys) {
    for (auto ds = ds_.begin(); ds != ds_.end(); ++ds) {
      const auto next = std::next(ds);
      const uint64_t gone_s =
          next == ds_.end() ? UINT64_MAX
                            : next->first + rollover_times.ds_ttl_s + rollover_times.propagation_s;
      if (keys_s + rollover_times.dnskey_ttl_s < ds->first || keys_s >= gone_s) continue;
      const wire::Name apex = wire::Name::from_text("example").value();
      std::vector<std::vector<uint8_t>> trusted;
      for (const auto& key : keys.dnskeys) {
        for (const auto& of : ds->second) {
          if (ds_matches(Ds::parse(of).value(), apex, key)) trusted.push_back(key);
        }
      }
      EXPECT_TRUE(holds(trusted, wire::type_dnskey, rollover_times.dnskey_ttl_s, keys.dnskeys,
                        keys.dnskey_signatures, keys_s))
          << "DNSKEY of " << keys_s - sample_time_s << ", DS of " << ds->first - sample_time_s;
    }
  }
  // The parent follows the CDS.
  void parent_follows() {
    ASSERT_FALSE(moments_.rbegin()->second.cds.empty());
    ds_[now_s_] = moments_.rbegin()->second.cds;
  }

  zone::Contents records_ = load_sample(sample_zone);
  SigningPolicy policy_;
  std::vector<ZoneKey> keys_;
  uint64_t now_s_ = sample_time_s;
  std::optional<SignedZone> current_;
  std::map<uint64_t, Moment> moments_;
  std::map<uint64_t, std::vector<std::vector<uint8_t>>> ds_;  // at the parent, since when
};

}  // namespace holdfast::dnssec
