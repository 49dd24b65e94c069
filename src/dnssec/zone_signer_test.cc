// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/zone_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "dnssec/zone_samples.h"
#include "dnssec/zone_verifier.h"

namespace holdfast::dnssec {
namespace {

struct Variant {
  const char* name;
  DenialMethod denial;
  OptOut opt_out;
  Zonemd zonemd;
  std::vector<uint16_t> keys;  // flags
  uint8_t algorithm;
  unsigned threads;
};

class EachVariant : public testing::TestWithParam<Variant> {
 protected:
  EachVariant() : keys_(make_keys(GetParam().algorithm, GetParam().keys)) {
    policy_.denial = GetParam().denial;
    policy_.opt_out = GetParam().opt_out;
    policy_.zonemd = GetParam().zonemd;
  }
  SignedZone sign(const zone::Contents& records, const zone::Contents* before = nullptr,
                  uint64_t now_s = sample_time_s) {
    auto made = sign_zone({.records = &records,
                           .before = before,
                           .keys = keys_,
                           .policy = policy_,
                           .now_s = now_s,
                           .jitter_key = {1, 2},
                           .threads = GetParam().threads});
    EXPECT_TRUE(made.has_value()) << made.error().message;
    return *std::move(made);
  }
  static void expect_good(const SignedZone& made, uint64_t now_s = sample_time_s) {
    const Verification verified = verify_zone(made.contents, {.now_s = now_s});
    EXPECT_THAT(verified.faults, testing::IsEmpty());
    EXPECT_EQ(verified.signatures, made.signatures_made + made.signatures_kept);
  }

  std::vector<ZoneKey> keys_;
  SigningPolicy policy_;
};

TEST_P(EachVariant, IsWhatResolversAccept) {
  const zone::Contents records = load_sample(sample_zone);
  const SignedZone made = sign(records);
  expect_good(made);
  EXPECT_TRUE(made.has_changed);
  EXPECT_EQ(made.signatures_kept, 0U);
  EXPECT_EQ(made.refresh_at_s,
            verify_zone(made.contents, {.now_s = sample_time_s}).expires_at_s - policy_.refresh_s);
}

TEST_P(EachVariant, SignedAgainNothingChanges) {
  const zone::Contents records = load_sample(sample_zone);
  const SignedZone first = sign(records);
  // What is served serves as the source, too: of a server that re-signs by itself.
  for (const zone::Contents* source : {&records, &first.contents}) {
    const SignedZone second = sign(*source, &first.contents, sample_time_s + 60);
    EXPECT_EQ(second.signatures_made, 0U);
    EXPECT_EQ(second.signatures_kept, first.signatures_made);
    EXPECT_FALSE(second.has_changed);
    EXPECT_EQ(text_of(second.contents), text_of(first.contents));
  }
}

TEST_P(EachVariant, AfterEachChangeItHoldsAndLittleIsSigned) {
  const zone::Contents records = load_sample(sample_zone);
  const SignedZone first = sign(records);
  for (const Change& change : changes) {
    SCOPED_TRACE(change.what);
    const SignedZone second = sign(load_sample(apply(change)), &first.contents);
    expect_good(second);
    EXPECT_TRUE(second.has_changed);
    // The TTL of denial concerns the whole chain.
    EXPECT_LT(second.signatures_made, first.signatures_made * 2 / 3);
    // From anew, all but the signatures is the same.
    EXPECT_EQ(unsigned_text_of(second.contents),
              unsigned_text_of(sign(load_sample(apply(change))).contents));
    // And back.
    const SignedZone third = sign(records, &second.contents);
    expect_good(third);
    EXPECT_EQ(unsigned_text_of(third.contents), unsigned_text_of(first.contents));
  }
}

TEST_P(EachVariant, IsRefreshedBeforeItExpires) {
  const zone::Contents records = load_sample(sample_zone);
  SignedZone current = sign(records);
  uint64_t now_s = sample_time_s;
  for (int round = 0; round < 40; ++round) {
    ASSERT_GT(current.refresh_at_s, now_s);
    now_s = current.refresh_at_s;
    SignedZone next = sign(records, &current.contents, now_s);
    EXPECT_GT(next.signatures_made, 0U);
    expect_good(next, now_s);
    expect_good(next, now_s + policy_.refresh_s - 1);  // so long may the signer be away
    current = std::move(next);
  }
}

const std::vector<uint16_t> csk{flags_ksk};
const std::vector<uint16_t> pair_of_keys{flags_ksk, flags_zsk};
INSTANTIATE_TEST_SUITE_P(
    Signer, EachVariant,
    testing::Values(
        Variant{"Nsec", DenialMethod::nsec, OptOut::no, Zonemd::no, csk, 13, 1},
        Variant{"NsecThreads", DenialMethod::nsec, OptOut::no, Zonemd::no, pair_of_keys, 15, 3},
        Variant{"Nsec3", DenialMethod::nsec3, OptOut::no, Zonemd::no, pair_of_keys, 13, 2},
        Variant{"OptOut", DenialMethod::nsec3, OptOut::yes, Zonemd::no, csk, 15, 1},
        Variant{"Zonemd", DenialMethod::nsec, OptOut::no, Zonemd::sha384, csk, 15, 1},
        Variant{"ZonemdNsec3", DenialMethod::nsec3, OptOut::no, Zonemd::sha512, csk, 15, 2},
        Variant{"Rsa", DenialMethod::nsec, OptOut::no, Zonemd::no, csk, 8, 1}),
    [](const auto& of) { return std::string(of.param.name); });

TEST(ZoneSigner, OneAddressChangedIsOneSignature) {
  const auto keys = make_keys(15, {flags_ksk});
  const auto sign = [&](const std::string& text, const zone::Contents* before) {
    const zone::Contents records = load_sample(text);
    return sign_zone({.records = &records, .before = before, .keys = keys, .now_s = sample_time_s})
        .value();
  };
  const SignedZone first = sign(sample_zone, nullptr);
  const Change changed{"an address", "www A 192.0.2.1", "www A 192.0.2.77"};
  EXPECT_EQ(sign(apply(changed), &first.contents).signatures_made, 1U);
  const Change glue{"glue", "ns.sub A 192.0.2.53", "ns.sub A 192.0.2.54"};
  const SignedZone with_glue = sign(apply(glue), &first.contents);
  EXPECT_EQ(with_glue.signatures_made, 0U);
  EXPECT_TRUE(with_glue.has_changed);
  // The new name, its NSEC, and that of its neighbour.
  const Change added{"a name", "www A 192.0.2.1", "www A 192.0.2.1\nwwx A 192.0.2.2"};
  EXPECT_EQ(sign(apply(added), &first.contents).signatures_made, 3U);
}

TEST(ZoneSigner, SerialIsSet) {
  const auto keys = make_keys(15, {flags_ksk});
  const zone::Contents records = load_sample(sample_zone);
  const SignedZone made =
      sign_zone({.records = &records, .keys = keys, .now_s = sample_time_s, .serial = 4711})
          .value();
  EXPECT_THAT(text_of(made.contents), testing::HasSubstr(" 4711 "));
  EXPECT_TRUE(verify_zone(made.contents, {.now_s = sample_time_s}).holds());
}

TEST(ZoneSigner, OldSignaturesOfAKeyThatCameBackWithItsTagAreNotTaken) {
  const zone::Contents records = load_sample(sample_zone);
  const auto keys = make_keys(15, {flags_ksk});
  const auto others = make_keys(15, {flags_ksk});
  const SignedZone first =
      sign_zone({.records = &records, .keys = keys, .now_s = sample_time_s}).value();
  const SignedZone second =
      sign_zone(
          {.records = &records, .before = &first.contents, .keys = others, .now_s = sample_time_s})
          .value();
  EXPECT_EQ(second.signatures_kept, 0U);
  EXPECT_TRUE(verify_zone(second.contents, {.now_s = sample_time_s}).holds());
}

TEST(ZoneSigner, RefusesWhatWouldBeBogus) {
  const zone::Contents records = load_sample(sample_zone);
  EXPECT_FALSE(sign_zone({.records = &records, .now_s = sample_time_s}).has_value());
  auto keys = make_keys(15, {flags_ksk});
  keys[0].times.activate = sample_time_s + 1;
  EXPECT_FALSE(sign_zone({.records = &records, .keys = keys, .now_s = sample_time_s}).has_value());
  EXPECT_TRUE(
      sign_zone({.records = &records, .keys = keys, .now_s = sample_time_s + 1}).has_value());
  SigningPolicy policy;
  policy.refresh_s = policy.validity_s;
  EXPECT_FALSE(
      sign_zone({.records = &records, .keys = keys, .policy = policy, .now_s = sample_time_s + 1})
          .has_value());
}

TEST(ZoneSigner, JitterSpreadsExpiryOverTheWholeTime) {
  const auto keys = make_keys(15, {flags_ksk});
  const zone::Contents records = load_sample(sample_zone);
  const SignedZone made =
      sign_zone({.records = &records, .keys = keys, .now_s = sample_time_s, .jitter_key = {5, 6}})
          .value();
  std::set<uint32_t> expirations;
  zone::Contents::Cursor cursor(made.contents);
  const SigningPolicy policy;
  while (const zone::StagedNode* node = cursor.next()) {
    for (const auto& rrset : node->rrsets) {
      for (const Bytes rdata : rrset.signatures) {
        const Rrsig rrsig = Rrsig::parse(rdata).value();
        EXPECT_LE(rrsig.expiration, sample_time_s + policy.validity_s);
        EXPECT_GE(rrsig.expiration, sample_time_s + policy.validity_s - policy.jitter_s);
        EXPECT_EQ(rrsig.inception, sample_time_s - policy.inception_offset_s);
        expirations.insert(rrsig.expiration);
      }
    }
  }
  EXPECT_GT(expirations.size(), made.signatures_made * 3 / 4);
}

}  // namespace
}  // namespace holdfast::dnssec
