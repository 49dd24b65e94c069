// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::zone {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view head =
    "$TTL 300\n@ SOA ns hostmaster 1 3600 900 604800 300\n@ NS ns\nns A 192.0.2.1\n";
constexpr uint64_t now_s = 1'800'000'000;  // 2027-01-15

LoadOutcome load(const std::string& text, bool strict = false) {
  LoadOptions options;
  options.strict = strict;
  options.now_s = now_s;
  return load_zone_text(text, "z", *wire::Name::from_text("example."), options);
}

std::vector<std::string> findings(const std::string& text, bool strict = false) {
  const LoadOutcome outcome = load(text, strict);
  EXPECT_EQ(outcome.contents.has_value(), !outcome.report.has_errors());
  std::vector<std::string> texts;
  for (const Finding& finding : outcome.report.findings) {
    texts.push_back((finding.severity == Severity::error ? "E " : "W ") + finding.to_text());
  }
  return texts;
}

std::vector<std::string> findings_of_rest(const std::string& text, bool strict = false) {
  return findings(std::string(head) + text, strict);
}

TEST(Checks, AGoodZoneHasNoFindings) {
  EXPECT_THAT(findings_of_rest("www A 192.0.2.2\nmail MX 10 www\nx MX 0 .\n*.w A 192.0.2.3\n"
                               "s SRV 0 0 1 any.w\nsub NS ns.sub\nsub NS ns.example.org.\n"
                               "ns.sub A 192.0.2.4\nsub DS 1 13 2 " +
                                   std::string(64, 'a') + "\nd DNAME example.org.\nd TXT x\n",
                               true),
              IsEmpty());
}

// The nine rules on which peers differ, in the order of their usual table.
TEST(Checks, CopiesAreDroppedWithAWarning) {
  EXPECT_THAT(findings_of_rest("www A 192.0.2.2\nwww A 192.0.2.2\nwww A 192.0.2.2\n"),
              ElementsAre("W z:5: www.example. A: 2 copies of a record dropped"));
}

TEST(Checks, NotExactlyOneSoaIsRefused) {
  EXPECT_THAT(findings("@ NS ns\nns A 192.0.2.1\n"),
              ElementsAre("E z: example.: no SOA record at the apex of the zone"));
  EXPECT_THAT(findings_of_rest("@ SOA ns hostmaster 2 3600 900 604800 300\n"),
              ElementsAre("E z:2: example. SOA: 2 SOA records; a zone has exactly one"));
  EXPECT_THAT(findings_of_rest("sub SOA ns hostmaster 2 3600 900 604800 300\n"),
              ElementsAre(HasSubstr("E z:5: sub.example. SOA: below the apex")));
}

TEST(Checks, AnOwnerOutsideTheZoneIsRefused) {
  EXPECT_THAT(findings_of_rest("www.example.org. A 192.0.2.2\n"),
              ElementsAre(HasSubstr("E z:5: www.example.org. A: the owner is outside")));
}

TEST(Checks, CnameWithOtherDataIsRefused) {
  EXPECT_THAT(findings_of_rest("a CNAME www\na TXT x\n"),
              ElementsAre(HasSubstr("E z:6: a.example. CNAME: stands beside TXT")));
  EXPECT_THAT(findings_of_rest("@ CNAME www\n"), testing::SizeIs(2)) << "SOA and NS";
  EXPECT_THAT(findings_of_rest("a CNAME www\na CNAME ns\n"),
              ElementsAre(HasSubstr("E z:5: a.example. CNAME: 2 CNAME records")));
  EXPECT_THAT(findings_of_rest("a CNAME www\na NSEC b A\na KEY 0 3 13 AAAA\n"), IsEmpty());
}

TEST(Checks, SeveralDnamesAreRefused) {
  EXPECT_THAT(findings_of_rest("a DNAME b.\na DNAME c.\n"),
              ElementsAre(HasSubstr("E z:5: a.example. DNAME: 2 DNAME records")));
}

TEST(Checks, DnameBesideNsIsRefusedBelowTheApex) {
  EXPECT_THAT(findings_of_rest("a DNAME b.\na NS b.\n"),
              testing::Contains(HasSubstr("E z:5: a.example. DNAME: stands beside NS")));
  EXPECT_THAT(findings("$TTL 1\n@ SOA ns.a. h 1 3600 900 604800 300\n@ NS ns.a.\n@ DNAME b.\n"),
              IsEmpty());
}

TEST(Checks, NamesBelowADnameAreRefused) {
  EXPECT_THAT(findings_of_rest("a DNAME b.\nx.y.a A 192.0.2.1\n"),
              ElementsAre(HasSubstr("E z:6: x.y.a.example.: below the DNAME at a.example.")));
}

TEST(Checks, NsBelowAnotherCutIsHiddenWithAWarning) {
  EXPECT_THAT(findings_of_rest("a NS b.\nx.a NS b.\n"),
              ElementsAre("W z:6: x.a.example. NS: hidden below the zone cut at a.example."));
}

TEST(Checks, MissingGlueIsAWarningAndAnErrorIfStrict) {
  const std::string text = "a NS ns.a\na NS ns.b\nb NS b.org.\n";
  EXPECT_THAT(findings_of_rest(text),
              ElementsAre(HasSubstr("W z:5: a.example. NS: names ns.a.example., which lies below "
                                    "the zone cut at a.example. and has no address (glue) here"),
                          HasSubstr("W z:5: a.example. NS: names ns.b.example., which lies below "
                                    "the zone cut at b.example.")));
  EXPECT_THAT(findings_of_rest(text, true),
              ElementsAre(HasSubstr("E z:5: "), HasSubstr("E z:5: ")));
}

TEST(Checks, TargetsWithoutAddressOrWithAnAlias) {
  EXPECT_THAT(
      findings_of_rest("a MX 1 nowhere\nb SRV 1 1 1 alias\nalias CNAME ns\n"
                       "c MX 1 host.w\n*.w CNAME ns\n"),
      ElementsAre(HasSubstr("W z:5: a.example. MX: names nowhere.example., which has no"),
                  HasSubstr("W z:6: b.example. SRV: names alias.example., which is a CNAME"),
                  HasSubstr("W z:8: c.example. MX: names host.w.example., which is a")));
}

TEST(Checks, TheApexNeedsNs) {
  EXPECT_THAT(findings("@ 1 SOA ns.a. h 1 3600 900 604800 300\n"),
              ElementsAre("E z:1: example.: no NS record at the apex of the zone"));
}

TEST(Checks, OddTimersAndTtls) {
  EXPECT_THAT(findings("@ 1 SOA ns.a. h 0 900 3600 4000 100000\n@ NS ns.a.\n"
                       "a 5 A 192.0.2.1\na 6 A 192.0.2.2\n"),
              ElementsAre(HasSubstr("W z:1: example. SOA: serial 0"), HasSubstr("retry 3600"),
                          HasSubstr("expire 4000"), HasSubstr("minimum 100000"),
                          HasSubstr("W z:3: a.example. A: TTLs from 5 to 6")));
}

TEST(Checks, WhatHasNoMeaningWhereItStands) {
  const std::string ds = " DS 1 13 2 " + std::string(64, 'a') + "\n";
  EXPECT_THAT(
      findings_of_rest("@" + ds + "*.w NS a.\n*.d DNAME a.\nx" + ds + "c NS a.\nc TXT hidden\n"),
      ElementsAre(HasSubstr("W z:5: example. DS: belongs into the parent"),
                  HasSubstr("W z:10: c.example. TXT: hidden by the NS"),
                  HasSubstr("W z:7: *.d.example. DNAME: at a wildcard"),
                  HasSubstr("W z:6: *.w.example. NS: at a wildcard"),
                  HasSubstr("W z:8: x.example. DS: without NS")));
}

std::string sign(const std::string& owner, const std::string& type,
                 const std::string& expiration = "20270201000000") {
  return owner + " RRSIG " + type + " 13 1 300 " + expiration + " 20270101000000 1 @ AAAA\n";
}

// A zone of three names signed with NSEC; `next` follows www.
std::string nsec_zone(const std::string& next, const std::string& expiration) {
  return std::string(head) + "@ DNSKEY 257 3 13 AAAA\n@ NSEC ns NS SOA RRSIG NSEC DNSKEY\n" +
         sign("@", "SOA", expiration) + sign("@", "NS") + sign("@", "DNSKEY") + sign("@", "NSEC") +
         "ns NSEC www A RRSIG NSEC\n" + sign("ns", "A") + sign("ns", "NSEC") + "www NSEC " + next +
         " A RRSIG NSEC\nwww A 192.0.2.2\n" + sign("www", "A") + sign("www", "NSEC");
}

TEST(Checks, SignedZonesNeedClosedNsecChains) {
  EXPECT_THAT(findings(nsec_zone("@", "20270201000000"), true), IsEmpty());
  EXPECT_THAT(findings(nsec_zone("ns", "20270201000000")),
              ElementsAre(HasSubstr("W z:14: www.example. NSEC: is the last of the chain, but")));
  EXPECT_THAT(findings(nsec_zone("@", "20270201000000") + "aa A 192.0.2.3\n" + sign("aa", "A")),
              ElementsAre(HasSubstr("W z:18: aa.example.: no NSEC record")));
  EXPECT_THAT(findings(nsec_zone("@", "20270201000000") + "aa NSEC ns A\naa A 192.0.2.3\n" +
                       sign("aa", "A") + sign("aa", "NSEC")),
              ElementsAre(HasSubstr("W z:6: example. NSEC: the next name is ns.example., but the "
                                    "zone has aa.example. before it")));
  EXPECT_THAT(findings(nsec_zone("@", "20270201000000") + "x.sub A 192.0.2.3\nsub NS x.sub\n"
                                                          "sub NSEC www\n"),
              testing::Contains(HasSubstr("but the zone has sub.example. before it")))
      << "cuts are in the chain, glue is not";
}

TEST(Checks, SignaturesExpire) {
  EXPECT_THAT(findings(nsec_zone("@", "20270114000000")),
              ElementsAre("W z:2: example. SOA: the RRSIG expired on 2027-01-14 00:00:00 UTC"));
  EXPECT_THAT(findings(nsec_zone("@", "20270114000000"), true), ElementsAre(HasSubstr("E z:2")));
  EXPECT_THAT(findings(nsec_zone("@", "20270201000000") + "ns TXT x\n"),
              ElementsAre(HasSubstr("ns.example. TXT: no RRSIG in a signed zone")));
  EXPECT_THAT(findings(nsec_zone("@", "20270201000000") + sign("ns", "MX")),
              ElementsAre(HasSubstr("ns.example. RRSIG: covers a type that is not at this name")));
}

std::string nsec3_zone(const std::string& parameters, const std::string& last_next) {
  const std::string a = "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom";
  const std::string b = "35mthgpgcu1qg68fab165klnsnk3dpvl";
  return std::string(head) + "@ DNSKEY 257 3 13 AAAA\n@ NSEC3PARAM 1 0 " + parameters + "\n" +
         sign("@", "SOA") + sign("@", "NS") + sign("@", "DNSKEY") + sign("@", "NSEC3PARAM") +
         sign("ns", "A") + a + " NSEC3 1 0 0 - " + b + " NS SOA\n" + sign(a, "NSEC3") + b +
         " NSEC3 1 0 0 - " + (last_next.empty() ? a : last_next) + " A RRSIG\n" + sign(b, "NSEC3");
}

TEST(Checks, SignedZonesNeedClosedNsec3Chains) {
  EXPECT_THAT(findings(nsec3_zone("0 -", ""), true), IsEmpty());
  EXPECT_THAT(findings(nsec3_zone("0 -", "35mthgpgcu1qg68fab165klnsnk3dpvl")),
              ElementsAre(HasSubstr("example. NSEC3PARAM: the last NSEC3 record does not lead")));
  EXPECT_THAT(findings(nsec3_zone("0 abcd", "")),
              ElementsAre(HasSubstr("algorithm, iterations or salt differ")));
  EXPECT_THAT(findings(nsec3_zone("0 -", "") + "x A 192.0.2.9\n" + sign("x", "A")),
              ElementsAre(HasSubstr("2 NSEC3 records for 3 names")));
  EXPECT_THAT(
      findings(nsec3_zone("51 -", "")),
      testing::Contains(HasSubstr("E z:6: example. NSEC3PARAM: 51 iterations; at most 50")));
  EXPECT_THAT(findings(nsec3_zone("50 -", "")),
              testing::Contains(HasSubstr("W z:6: example. NSEC3PARAM: 50 iterations; RFC 9276")));
  EXPECT_THAT(findings_of_rest("x NSEC3 1 0 0 - 35mthgpgcu1qg68fab165klnsnk3dpvl A\n"),
              ElementsAre(HasSubstr("W z:5: x.example. NSEC3: without an NSEC3PARAM")));
}

}  // namespace
}  // namespace holdfast::zone
