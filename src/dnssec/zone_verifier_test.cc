// SPDX-License-Identifier: GPL-3.0-or-later
#include "dnssec/zone_verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dnssec/nsec3_hash.h"
#include "dnssec/zone_samples.h"
#include "dnssec/zone_signer.h"
#include "dnssec/zonemd.h"

namespace holdfast::dnssec {
namespace {

using testing::Contains;
using testing::HasSubstr;

std::string signed_text(DenialMethod denial, OptOut opt_out = OptOut::no) {
  static const std::vector<ZoneKey> keys = make_keys(15, {flags_ksk});
  const zone::Contents records = load_sample(sample_zone);
  SigningPolicy policy;
  policy.denial = denial;
  policy.opt_out = opt_out;
  const SignedZone made =
      sign_zone({.records = &records, .keys = keys, .policy = policy, .now_s = sample_time_s})
          .value();
  // The reader wants the SOA first.
  std::string text = text_of(made.contents);
  const size_t soa = text.find(" IN SOA ");
  const size_t begin = text.rfind('\n', soa) + 1;
  const size_t size = text.find('\n', soa) + 1 - begin;
  const std::string line = text.substr(begin, size);
  return line + text.erase(begin, size);
}

// The records whose line holds `what` go, or are altered by `edit`.
template <typename Edit>
std::string edited(const std::string& text, const std::string& what, Edit edit) {
  std::string result;
  size_t hits = 0;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at) + 1;
    std::string line = text.substr(at, end - at);
    if (line.find(what) != std::string::npos) {
      ++hits;
      edit(line);
    }
    result += line;
    at = end;
  }
  EXPECT_GT(hits, 0U) << what;
  return result;
}
std::string without(const std::string& text, const std::string& what) {
  return edited(text, what, [](std::string& line) { line.clear(); });
}
std::string with(const std::string& text, const std::string& what, const std::string& from,
                 const std::string& to) {
  return edited(text, what, [&](std::string& line) {
    const size_t at = line.find(from);
    if (at != std::string::npos) line.replace(at, from.size(), to);
  });
}

std::vector<std::string> faults_of(const std::string& text, uint64_t now_s = sample_time_s) {
  zone::LoadOptions options;
  options.now_s = sample_time_s;
  const zone::LoadOutcome outcome =
      zone::load_zone_text(text, "sample", wire::Name::from_text("example").value(), options);
  if (!outcome.contents) return {outcome.report.findings.front().to_text()};
  return verify_zone(*outcome.contents, {.now_s = now_s, .threads = 2}).faults;
}

TEST(ZoneVerifier, FindsNothingWrongWithWhatIsGood) {
  EXPECT_THAT(faults_of(signed_text(DenialMethod::nsec)), testing::IsEmpty());
  EXPECT_THAT(faults_of(signed_text(DenialMethod::nsec3)), testing::IsEmpty());
  EXPECT_THAT(faults_of(signed_text(DenialMethod::nsec3, OptOut::yes)), testing::IsEmpty());
}

TEST(ZoneVerifier, TellsWhatAnUnsignedZoneLacks) {
  EXPECT_THAT(faults_of(sample_zone), Contains(HasSubstr("DNSKEY: is missing")));
}

TEST(ZoneVerifier, FindsWhatIsWrongWithSignatures) {
  const std::string good = signed_text(DenialMethod::nsec);
  EXPECT_THAT(faults_of(with(good, "www.example. 3600 IN A ", "192.0.2.1", "192.0.2.8")),
              Contains(HasSubstr("www.example. A: the signature by key")));
  EXPECT_THAT(faults_of(good, sample_time_s + 40 * seconds_a_day),
              Contains(HasSubstr("has expired")));
  EXPECT_THAT(faults_of(good, sample_time_s - seconds_a_day),
              Contains(HasSubstr("is not valid yet")));
  EXPECT_THAT(faults_of(without(good, "secure.example. 3600 IN RRSIG DS")),
              Contains(HasSubstr("secure.example. DS: is not signed")));
  const auto other = make_keys(13, {flags_ksk});
  const std::string foreign =
      wire::record_to_text(other[0].zone(), wire::type_dnskey, 3600, other[0].dnskey_rdata());
  EXPECT_THAT(faults_of(good + foreign + "\n"),
              Contains(HasSubstr("no good signature of algorithm 13")));
}

TEST(ZoneVerifier, FindsWhatIsWrongWithNsec) {
  const std::string good = signed_text(DenialMethod::nsec);
  EXPECT_THAT(faults_of(without(without(good, "mail.example. 600 IN NSEC"),
                                "mail.example. 600 IN RRSIG NSEC")),
              Contains(HasSubstr("mail.example. NSEC: is missing")));
  EXPECT_THAT(faults_of(with(good, "mail.example. 600 IN NSEC", "ns.example.", "oo.example.")),
              Contains(HasSubstr("mail.example. NSEC: leads to oo.example.; the next name is "
                                 "ns.example.")));
  EXPECT_THAT(faults_of(with(good, "mail.example. 600 IN NSEC", " A ", " AAAA ")),
              Contains(HasSubstr("mail.example. NSEC: lists other types")));
}

TEST(ZoneVerifier, FindsWhatIsWrongWithNsec3) {
  const std::string good = signed_text(DenialMethod::nsec3);
  // SHA-1 of the wire form of "mail.example": whose NSEC3 it is.
  const auto label = nsec3_label(nsec3_hash(wire::Name::from_text("mail.example").value(), {}, 0));
  const std::string owner(label.begin(), label.end());
  const std::string record = owner + ".example. 600 IN NSEC3";
  EXPECT_THAT(faults_of(with(good, record, " A RRSIG", " AAAA RRSIG")),
              Contains(HasSubstr("mail.example. NSEC3: lists other types")));
  EXPECT_THAT(faults_of(without(without(good, record), owner + ".example. 600 IN RRSIG")),
              testing::IsSupersetOf({HasSubstr("mail.example. NSEC3: is missing"),
                                     HasSubstr("does not lead to the next hash")}));
  const std::string removed =
      without(without(good, "mail.example. 3600 IN A"), "mail.example. 3600 IN RRSIG");
  EXPECT_THAT(faults_of(removed), Contains(HasSubstr(owner + " is the hash of no name")));
}

TEST(ZoneVerifier, ComparesWithTheParent) {
  const auto keys = make_keys(15, {flags_ksk, flags_zsk});
  const zone::Contents records = load_sample(sample_zone);
  const SignedZone made =
      sign_zone({.records = &records, .keys = keys, .now_s = sample_time_s}).value();
  const auto ds = make_ds_rdata(keys[0].zone(), keys[0].dnskey_rdata(), DsDigest::sha384);
  const Bytes good = ds;
  EXPECT_TRUE(verify_zone(made.contents, {.now_s = sample_time_s, .ds = {&good, 1}}).holds());
  const auto of_zsk = make_ds_rdata(keys[1].zone(), keys[1].dnskey_rdata(), DsDigest::sha256);
  const Bytes bad = of_zsk;  // in the zone, but it does not sign the keys
  EXPECT_THAT(verify_zone(made.contents, {.now_s = sample_time_s, .ds = {&bad, 1}}).faults,
              Contains(HasSubstr("no key that the parent's DS records stand for")));
}

TEST(ZoneVerifier, CountsWhatItDoesNotList) {
  const std::string good = signed_text(DenialMethod::nsec);
  const zone::Contents contents = load_sample(good);
  const Verification verified =
      verify_zone(contents, {.now_s = sample_time_s + 40 * seconds_a_day, .faults_max = 3});
  EXPECT_EQ(verified.faults.size(), 3U);
  EXPECT_GT(verified.faults_suppressed, 10U);
}

// RFC 8976 A.1.
TEST(ZoneDigest, IsThatOfTheRfc) {
  const std::string text = R"($ORIGIN example.
@ 86400 SOA ns1 admin 2018031900 1800 900 604800 86400
@ 86400 NS ns1
@ 86400 NS ns2
@ 86400 ZONEMD 2018031900 1 1 (
  c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9a9713b3c9ae5cc27777f98b8e730044c )
ns1 3600 A 203.0.113.63
ns2 3600 AAAA 2001:db8::63
)";
  EXPECT_EQ(check_zonemd(load_sample(text)), std::nullopt);
  std::string other = text;
  other.replace(other.find("203.0.113.63"), 12, "203.0.113.64");
  EXPECT_EQ(check_zonemd(load_sample(other)), "ZONEMD does not fit the records");
  other = text;
  other.replace(other.find("2018031900 1800"), 10, "2018031901");
  EXPECT_THAT(check_zonemd(load_sample(other)).value_or(""), HasSubstr("for serial 2018031900"));
}

}  // namespace
}  // namespace holdfast::dnssec
