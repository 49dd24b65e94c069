// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/signed_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "dnssec/key_time.h"
#include "dnssec/rollover.h"
#include "dnssec/zone_samples.h"
#include "dnssec/zone_signer.h"
#include "dnssec/zone_verifier.h"
#include "wire/types.h"

namespace holdfast::dnssec {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr uint64_t day_s = 86400;
constexpr uint64_t period_s = 10 * day_s;
constexpr uint32_t overlap_s = 7 * day_s;

class SignedKeys : public testing::Test {
 protected:
  SignedKeys() {
    for (ZoneKey& key : ksks_) key.times.sync_publish = sample_time_s;
    for (ZoneKey& key : zsks_) {
      key.times.publish = key.times.activate = key.times.created = sample_time_s;
    }
  }
  std::vector<KeyPeriod> request(uint64_t days = 30) const {
    return make_key_request(zsks_, sample_time_s, sample_time_s + days * day_s, period_s, 3600)
        .value();
  }
  std::vector<KeyPeriod> response(uint64_t days = 30) const {
    return sign_key_request(request(days), ksks_, period_s, overlap_s).value();
  }
  std::string why_refused(std::span<const KeyPeriod> periods,
                          uint64_t now_s = sample_time_s) const {
    const auto checked = check_key_response(periods, zsks_, zone_, now_s);
    return checked ? std::string() : checked.error().message;
  }

  const wire::Name zone_ = wire::Name::from_text("example").value();
  std::vector<ZoneKey> zsks_ = make_keys(ed25519, {flags_zsk});
  std::vector<ZoneKey> ksks_ = make_keys(ed25519, {flags_ksk});
};

TEST_F(SignedKeys, AreAskedForPeriodByPeriod) {
  const auto rolled = roll_zsk(zsks_, sample_time_s + 15 * day_s, {},
                               [] { return PrivateKey::generate(*find_algorithm(ed25519)); });
  ASSERT_TRUE(rolled);
  zsks_ = {rolled->at(1), rolled->at(0)};  // the old one with its end, and the new one
  const auto asked = request();
  std::vector<uint64_t> days;
  std::vector<size_t> counts;
  for (const KeyPeriod& period : asked) {
    days.push_back((period.begin_s - sample_time_s) / day_s);
    counts.push_back(period.rrsets.front().rdata.size());
  }
  EXPECT_THAT(days, testing::ElementsAre(0, 10, 15, 16, 26));
  EXPECT_THAT(counts, testing::ElementsAre(1, 1, 2, 1, 1));
  EXPECT_THAT(why_refused(response()), IsEmpty());
}

TEST_F(SignedKeys, SurviveTheirText) {
  const std::string text = write_key_periods(response(), zone_, KeyText::response, sample_time_s);
  const auto read = read_key_periods(text, "r", zone_, KeyText::response);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(write_key_periods(*read, zone_, KeyText::response, sample_time_s), text);
  EXPECT_THAT(why_refused(*read), IsEmpty());
}

TEST_F(SignedKeys, MakeASoundZoneWithoutTheKsk) {
  const auto periods = response();
  const zone::Contents records = load_sample(sample_zone);
  for (const uint64_t day : std::initializer_list<uint64_t>{0, 9, 10, 29}) {
    const uint64_t now_s = sample_time_s + day * day_s;
    ApexAdditions additions;
    additions.given = period_at(periods, now_s)->rrsets;
    const auto made =
        sign_zone({.records = &records, .keys = zsks_, .additions = &additions, .now_s = now_s});
    ASSERT_TRUE(made) << made.error().message;
    EXPECT_THAT(verify_zone(made->contents, {.now_s = now_s}).faults, IsEmpty());
  }
  EXPECT_EQ(period_at(periods, sample_time_s - 1), nullptr);
  EXPECT_EQ(periods.back().expires_at_s(sample_time_s), sample_time_s + 3 * period_s + overlap_s);
}

TEST_F(SignedKeys, AreRefusedWhereTheZoneWouldBeBogus) {
  auto periods = response();
  periods[1].rrsets[0].signatures[0].back() ^= 1;
  EXPECT_THAT(why_refused(periods), HasSubstr("a signature of DNSKEY does not fit"));
  EXPECT_THAT(why_refused(periods, sample_time_s + 25 * day_s), IsEmpty());  // that one is over
  periods = response();
  periods.erase(periods.begin() + 1);
  EXPECT_THAT(why_refused(periods), HasSubstr("has expired"));
  EXPECT_THAT(why_refused(response(), sample_time_s + 60 * day_s), HasSubstr("has expired"));
  periods = response();
  zsks_.push_back(make_keys(ed25519, {flags_zsk}).front());
  EXPECT_THAT(why_refused(periods), HasSubstr("is not in it"));
  EXPECT_THAT(why_refused(request()), HasSubstr("holds no KSK"));
}

TEST_F(SignedKeys, FollowEachOtherByTheirKsk) {
  const auto first = response();
  auto next = response(60);
  next.erase(next.begin(), next.begin() + 2);
  const auto joined = join_key_periods(first, next);
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->size(), 6U);
  EXPECT_THAT(why_refused(*joined), IsEmpty());
  auto strangers = make_keys(ed25519, {flags_ksk});
  const auto foreign = sign_key_request(request(), strangers, period_s, overlap_s).value();
  EXPECT_THAT(join_key_periods(first, foreign).error().message, HasSubstr("lead nowhere"));
  EXPECT_EQ(join_key_periods({}, foreign)->size(), foreign.size());
}

TEST_F(SignedKeys, SayForWhichPeriodNoKeyIsActive) {
  for (ZoneKey& key : ksks_) key.times.publish = key.times.activate = sample_time_s + 1;
  EXPECT_THAT(sign_key_request(request(), ksks_, period_s, overlap_s).error().message,
              HasSubstr("period from " + key_time_text(sample_time_s) + ": no key is active"));
}

TEST_F(SignedKeys, TextsThatAreWrongAreRefused) {
  const auto error_of = [&](const std::string& text) {
    return read_key_periods(text, "r", zone_, KeyText::response).error().message;
  };
  EXPECT_THAT(error_of(""), HasSubstr("holds no period"));
  EXPECT_THAT(error_of(";; SignedKeyResponse 1.0 soon\n"), HasSubstr("r:1: \"soon\" is no time"));
  const std::string head = ";; SignedKeyResponse 1.0 20270115080000 (x) ===\n";
  EXPECT_THAT(error_of(head), HasSubstr("has no DNSKEY"));
  EXPECT_THAT(error_of(head + "www.example. 1 IN DNSKEY 256 3 15 AAAA\n"),
              HasSubstr("r:2: a record of another name"));
  EXPECT_THAT(error_of(head + "example. 1 IN A 192.0.2.1\n"), HasSubstr("is none of DNSKEY"));
  EXPECT_THAT(error_of(head + "example. 1 IN DNSKEY 256 3 15 AAAA\n"), HasSubstr("is not signed"));
  EXPECT_THAT(error_of(head + "example. 1 IN DNSKEY 256 3 15 *\n"), HasSubstr("r:2: "));
  EXPECT_THAT(error_of(head + "example. 1 IN DNSKEY \\# 1 01\n"), HasSubstr("r:2: a DNSKEY that"));
  for (const char* time : {"253402300800", "010000000000000", "18446744073709551615"}) {
    EXPECT_THAT(error_of(std::string(";; SignedKeyResponse 1.0 ") + time), HasSubstr("is no time"));
  }
  const std::string keys = write_key_periods(response(), zone_, KeyText::response, sample_time_s);
  EXPECT_THAT(error_of(keys + keys), HasSubstr("two periods begin at 20"));
}

TEST_F(SignedKeys, AreKeptInTheFolder) {
  std::string pattern = testing::TempDir() + "signedXXXXXX";
  const std::string folder = mkdtemp(pattern.data());
  EXPECT_TRUE(load_signed_keys(folder, zone_)->empty());
  const auto periods = response();
  ASSERT_TRUE(save_signed_keys(periods, folder, zone_, sample_time_s));
  EXPECT_EQ(load_signed_keys(folder, zone_)->size(), periods.size());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace holdfast::dnssec
