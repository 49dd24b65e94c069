// SPDX-License-Identifier: GPL-3.0-or-later
// Keys, DS records and signatures against the examples of the RFCs.
#include <gtest/gtest.h>

#include <string>

#include "dnssec/dnskey.h"
#include "dnssec/key_samples.h"
#include "dnssec/rrset_signer.h"
#include "dnssec/signature_check.h"
#include "wire/text_encoding.h"
#include "wire/types.h"

namespace holdfast::dnssec {
namespace {

std::vector<uint8_t> bytes_of(std::string_view base64) { return wire::read_base64(base64).value(); }
wire::Name name_of(const std::string& text) { return wire::Name::from_text(text).value(); }

// The record that a sample signs.
struct SignedRecord {
  explicit SignedRecord(const KeySample& sample) {
    const std::string zone = sample.zone;
    owner = name_of(sample.type == wire::type_a ? "www." + zone : zone);
    if (sample.type == wire::type_a) {
      rdata = {192, 0, 2, 1};
    } else {
      rdata = {0, 10};
      const wire::Name host = name_of("Mail." + zone);  // folds: RFC 4034 §6.2
      const Bytes bytes = host.view().bytes();
      rdata.insert(rdata.end(), bytes.begin(), bytes.end());
    }
  }
  wire::Name owner;
  std::vector<uint8_t> rdata;
};

ZoneKey key_of(const KeySample& sample) {
  auto key = PrivateKey::from_fields(*find_algorithm(sample.algorithm),
                                     {{"PrivateKey", bytes_of(sample.private_key)}});
  return {name_of(sample.zone), sample.flags, std::move(key).value()};
}

std::vector<uint8_t> rrsig_of(const KeySample& sample, const std::vector<uint8_t>& signature) {
  const wire::Name zone = name_of(sample.zone);
  const Rrsig rrsig{.type_covered = sample.type,
                    .algorithm = sample.algorithm,
                    .labels = sample.labels,
                    .original_ttl = 3600,
                    .expiration = sample.expiration,
                    .inception = sample.inception,
                    .key_tag = sample.tag,
                    .signer = zone,
                    .signature = {}};
  std::vector<uint8_t> rdata;
  rrsig.append_head(rdata);
  rdata.insert(rdata.end(), signature.begin(), signature.end());
  return rdata;
}

class RfcSample : public testing::TestWithParam<KeySample> {};

TEST_P(RfcSample, PublicKeyAndTagFollowFromThePrivateKey) {
  const ZoneKey key = key_of(GetParam());
  EXPECT_EQ(key.key().public_key(), bytes_of(GetParam().public_key));
  EXPECT_EQ(key.tag(), GetParam().tag);
}

TEST_P(RfcSample, DsIsThatOfTheRfc) {
  const ZoneKey key = key_of(GetParam());
  const auto ds =
      make_ds_rdata(key.zone(), key.dnskey_rdata(), static_cast<DsDigest>(GetParam().ds_digest));
  std::string hex;
  wire::append_hex(hex, Bytes(ds).subspan(4));
  EXPECT_EQ(hex, GetParam().ds_hex);
  EXPECT_TRUE(ds_matches(Ds::parse(ds).value(), key.zone(), key.dnskey_rdata()));
}

TEST_P(RfcSample, SignatureOfTheRfcHolds) {
  const ZoneKey key = key_of(GetParam());
  const SignedRecord record(GetParam());
  const Bytes dnskey = key.dnskey_rdata();
  const Bytes rdata = record.rdata;
  SignatureCheck check(key.zone(), {&dnskey, 1});
  const auto rrsig = rrsig_of(GetParam(), bytes_of(GetParam().signature));
  const SignatureCheck::Rrset rrset{record.owner, GetParam().type, 3600, {&rdata, 1}};
  size_t used = 99;
  EXPECT_EQ(fault_text(check.check(rrset, rrsig, GetParam().inception, Depth::signatures, used)),
            "holds");
  EXPECT_EQ(used, 0U);
  auto damaged = rrsig;
  damaged.back() ^= 1;
  EXPECT_EQ(check.check(rrset, damaged, GetParam().inception, Depth::signatures, used),
            SignatureFault::wrong_signature);
  EXPECT_EQ(check.check(rrset, rrsig, GetParam().expiration + 1, Depth::signatures, used),
            SignatureFault::expired);
  EXPECT_EQ(check.check(rrset, rrsig, GetParam().inception - 1, Depth::signatures, used),
            SignatureFault::not_yet_valid);
}

TEST_P(RfcSample, WhatIsSignedHereHolds) {
  const ZoneKey key = key_of(GetParam());
  const SignedRecord record(GetParam());
  const Bytes dnskey = key.dnskey_rdata();
  const Bytes rdata = record.rdata;
  auto signer = RrsetSigner::make(key);
  ASSERT_TRUE(signer.has_value());
  std::vector<uint8_t> rrsig;
  ASSERT_TRUE(signer->sign(record.owner, GetParam().type, 3600, {&rdata, 1},
                           {GetParam().inception, GetParam().expiration}, rrsig));
  if (!key.algorithm().is_ecdsa()) {  // EdDSA gives the same signature each time
    EXPECT_EQ(rrsig, rrsig_of(GetParam(), bytes_of(GetParam().signature)));
  }
  SignatureCheck check(key.zone(), {&dnskey, 1});
  size_t used = 0;
  EXPECT_EQ(check.check({record.owner, GetParam().type, 3600, {&rdata, 1}}, rrsig,
                        GetParam().inception, Depth::signatures, used),
            SignatureFault::none);
}

INSTANTIATE_TEST_SUITE_P(Rfc, RfcSample, testing::ValuesIn(key_samples), [](const auto& sample) {
  return "Algorithm" + std::to_string(sample.param.algorithm);
});

// RFC 4034 §5.4: the DS of the DNSKEY of RFC 4034 §5.4 has tag 60485.
TEST(KeyTag, IsThatOfTheRfc) {
  const auto key = bytes_of(
      "AQOeiiR0GOMYkDshWoSKz9XzfwJr1AYtsmx3TGkJaNXVbfi/2pHm822aJ5iI9BMzNXxeYCmZDRD99WYwYqUSdjMmmA"
      "phXdvxegXd/M5+X7OrzKBaMbCVdFLUUh6DhweJBjEVv5f2wwjM9XzcnOf+EPbtG9DMBmADjFDc2w/rljwvFw==");
  EXPECT_EQ(key_tag(make_dnskey_rdata(256, 5, key)), 60485);
}

TEST(SignatureCheck, TriesOnlySoManyKeysOfOneTag) {
  const ZoneKey key = key_of(key_samples[0]);
  const SignedRecord record(key_samples[0]);
  const Bytes rdata = record.rdata;
  // The same key over and over: each with the tag, none that the damaged signature fits.
  const std::vector<Bytes> dnskeys(SignatureCheck::keys_per_tag_max + 1, key.dnskey_rdata());
  SignatureCheck check(key.zone(), dnskeys);
  auto rrsig = rrsig_of(key_samples[0], bytes_of(key_samples[0].signature));
  rrsig.back() ^= 1;
  const SignatureCheck::Rrset rrset{record.owner, wire::type_a, 3600, {&rdata, 1}};
  size_t used = 0;
  EXPECT_EQ(check.check(rrset, rrsig, key_samples[0].inception, Depth::signatures, used),
            SignatureFault::too_much_work);
}

TEST(SignatureCheck, TriesOnlySoManySignaturesOfOneRrset) {
  const ZoneKey key = key_of(key_samples[0]);
  const SignedRecord record(key_samples[0]);
  const Bytes rdata = record.rdata;
  const Bytes dnskey = key.dnskey_rdata();
  SignatureCheck check(key.zone(), {&dnskey, 1});
  const auto good = rrsig_of(key_samples[0], bytes_of(key_samples[0].signature));
  auto bad = good;
  bad.back() ^= 1;
  const SignatureCheck::Rrset rrset{record.owner, wire::type_a, 3600, {&rdata, 1}};
  const auto judge = [&](const std::vector<uint8_t>& rrsig) {
    size_t used = 0;
    return check.check(rrset, rrsig, key_samples[0].inception, Depth::signatures, used);
  };
  for (size_t i = 0; i < SignatureCheck::attempts_per_rrset_max; ++i) {
    EXPECT_EQ(judge(bad), SignatureFault::wrong_signature);
  }
  EXPECT_EQ(judge(good), SignatureFault::too_much_work);
  check.begin_rrset();
  EXPECT_EQ(judge(good), SignatureFault::none);
}

TEST(SignatureCheck, NamesWhatDoesNotFit) {
  const ZoneKey key = key_of(key_samples[0]);
  const SignedRecord record(key_samples[0]);
  const Bytes rdata = record.rdata;
  const Bytes dnskey = key.dnskey_rdata();
  SignatureCheck check(key.zone(), {&dnskey, 1});
  const auto rrsig = rrsig_of(key_samples[0], bytes_of(key_samples[0].signature));
  const auto judge = [&](SignatureCheck::Rrset rrset, std::vector<uint8_t> changed) {
    size_t used = 0;
    return check.check(rrset, changed, key_samples[0].inception, Depth::signatures, used);
  };
  const SignatureCheck::Rrset rrset{record.owner, wire::type_a, 3600, {&rdata, 1}};
  const auto other = name_of("other.example.net");
  EXPECT_EQ(judge({other, wire::type_a, 3600, {&rdata, 1}}, rrsig),
            SignatureFault::wrong_signature);
  const auto deeper = name_of("a.www.example.net");
  EXPECT_EQ(judge({deeper, wire::type_a, 3600, {&rdata, 1}}, rrsig), SignatureFault::wrong_labels);
  EXPECT_EQ(judge({record.owner, wire::type_a, 3601, {&rdata, 1}}, rrsig),
            SignatureFault::wrong_ttl);
  EXPECT_EQ(judge({record.owner, wire::type_aaaa, 3600, {&rdata, 1}}, rrsig),
            SignatureFault::wrong_type);
  auto changed = rrsig;
  changed[16] ^= 1;  // the tag
  EXPECT_EQ(judge(rrset, changed), SignatureFault::unknown_key);
  changed = rrsig;
  changed[rrsig_head_bytes + 1] = 'X';  // the signer
  EXPECT_EQ(judge(rrset, changed), SignatureFault::wrong_signer);
  changed.resize(rrsig_head_bytes);
  EXPECT_EQ(judge(rrset, changed), SignatureFault::malformed);
}

// RFC 1982: times are compared over the year 2106 and back.
TEST(Rrsig, TimesWrapAround) {
  EXPECT_TRUE(is_before(0xFFFFFFF0U, 5));
  EXPECT_FALSE(is_before(5, 0xFFFFFFF0U));
  EXPECT_FALSE(is_before(5, 5));
}

TEST(PublicKey, RefusesWhatWouldBeExpensiveOrBroken) {
  std::vector<uint8_t> rsa{3, 1, 0, 1};
  rsa.resize(rsa.size() + 64, 0xFF);
  EXPECT_FALSE(PublicKey::from_dnskey(make_dnskey_rdata(256, 8, rsa)).has_value());  // 512 bits
  rsa.resize(rsa.size() + 1024, 0xFF);
  EXPECT_FALSE(PublicKey::from_dnskey(make_dnskey_rdata(256, 8, rsa)).has_value());  // 8704 bits
  std::vector<uint8_t> long_exponent(1 + 9, 0xFF);
  long_exponent[0] = 9;
  long_exponent.resize(long_exponent.size() + 256, 0xFF);
  EXPECT_FALSE(PublicKey::from_dnskey(make_dnskey_rdata(256, 8, long_exponent)).has_value());
  EXPECT_FALSE(
      PublicKey::from_dnskey(make_dnskey_rdata(256, 13, std::vector<uint8_t>(64, 1))).has_value());
  EXPECT_FALSE(
      PublicKey::from_dnskey(make_dnskey_rdata(256, 13, std::vector<uint8_t>(63, 1))).has_value());
  EXPECT_FALSE(
      PublicKey::from_dnskey(make_dnskey_rdata(256, 5, std::vector<uint8_t>(64, 1))).has_value());
}

}  // namespace
}  // namespace holdfast::dnssec
