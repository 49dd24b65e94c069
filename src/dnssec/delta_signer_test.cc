// SPDX-License-Identifier: GPL-3.0-or-later
// Random changes to random zones: signed as a change, a zone is what signing all of it makes.
#include "dnssec/delta_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "dnssec/zone_samples.h"
#include "dnssec/zone_signer.h"
#include "dnssec/zone_verifier.h"
#include "zone/memory_samples.h"

namespace holdfast::dnssec {
namespace {

using Rdata = std::vector<uint8_t>;
using Model = std::map<std::string, std::set<std::pair<uint16_t, Rdata>>>;  // by owner's text
using zone::Draft;
using zone::DraftRecords;
using zone::SampleZone;

struct Variant {
  const char* name;
  DenialMethod denial;
  OptOut opt_out;
  std::vector<uint16_t> keys;  // flags
};

class EachChain : public testing::TestWithParam<Variant> {
 protected:
  EachChain()
      : memory_(std::move(*zone::Memory::open(zone::sample_options(folder_.file()), epochs_))),
        keys_(make_keys(15, GetParam().keys)) {
    policy_.denial = GetParam().denial;
    policy_.opt_out = GetParam().opt_out;
    set_soa(1);
    model_["example"].emplace(wire::type_ns, SampleZone::name_bytes("ns.invalid"));
  }

  static Rdata soa(uint32_t serial) {
    Rdata rdata = SampleZone::name_bytes("ns.invalid");
    const Rdata mail = SampleZone::name_bytes("hostmaster.invalid");
    rdata.insert(rdata.end(), mail.begin(), mail.end());
    for (const uint32_t value : {serial, 3600U, 900U, 86400U, 300U}) {
      const Rdata bytes = SampleZone::number(value);
      rdata.insert(rdata.end(), bytes.begin(), bytes.end());
    }
    return rdata;
  }
  void set_soa(uint32_t serial) {
    std::erase_if(model_["example"],
                  [](const auto& record) { return record.first == wire::type_soa; });
    model_["example"].emplace(wire::type_soa, soa(serial));
  }
  static zone::Contents contents_of(const Model& model) {
    zone::Contents contents(zone::sample_name("example"));
    for (const auto& [owner, records] : model) {
      for (const auto& [type, rdata] : records) {
        contents.add(zone::sample_name(owner), type, 300, rdata);
      }
    }
    EXPECT_TRUE(contents.finish().has_value());
    return contents;
  }
  zone::Contents served() {
    zone::Contents contents = Draft(*memory_.find(apex_), memory_.reader().hash_key()).contents();
    EXPECT_TRUE(contents.finish().has_value());
    return contents;
  }
  zone::Contents signed_whole() {
    const zone::Contents records = contents_of(model_);
    auto made = sign_zone({.records = &records,
                           .keys = keys_,
                           .policy = policy_,
                           .now_s = sample_time_s,
                           .jitter_key = {1, 2}});
    EXPECT_TRUE(made.has_value()) << made.error().message;
    return std::move(made->contents);
  }
  void publish_whole() { ASSERT_TRUE(memory_.publish(signed_whole(), nullptr).has_value()); }

  uint32_t draw(size_t below) { return static_cast<uint32_t>(random_() % below); }
  std::string random_owner() {
    static const std::vector<std::string> labels{"a", "b", "c", "d", "*"};
    std::string text = "example";
    for (uint32_t depth = 1 + draw(3); depth > 0; --depth) {
      text.insert(0, labels[draw(labels.size())] + ".");
    }
    return text;
  }
  std::pair<uint16_t, Rdata> random_record() {
    const uint8_t value = static_cast<uint8_t>(draw(2));
    switch (draw(10)) {
      case 0:
      case 1:
        return {wire::type_ns, SampleZone::name_bytes("ns.invalid")};
      case 2: {
        Rdata ds{0, 1, 13, 2};
        ds.resize(36, value);
        return {wire::type_ds, ds};
      }
      case 3:
        if (draw(4) == 0) return {wire::type_dname, SampleZone::name_bytes("else.invalid")};
        [[fallthrough]];
      default:
        return {draw(2) == 0 ? wire::type_a : wire::type_txt, {3, value, 0, 0}};
    }
  }
  void change(Model& model, Draft& draft, uint32_t serial) {
    for (uint32_t left = 1 + draw(5); left > 0; --left) {
      const std::string owner = random_owner();
      const auto record = random_record();
      DraftRecords& records = draft.change(zone::sample_name(owner));
      const auto found = std::ranges::find_if(records, [&](const zone::DraftRecord& of) {
        return of.type == record.first && of.rdata == record.second;
      });
      if (draw(2) == 0 && found == records.end()) {
        records.push_back({record.first, 300, record.second});
        model[owner].insert(record);
      } else if (found != records.end()) {
        records.erase(found);
        model[owner].erase(record);
      }
    }
    DraftRecords& apex = draft.change(apex_);
    for (zone::DraftRecord& record : apex) {
      if (record.type == wire::type_soa) record.rdata = soa(serial);
    }
  }
  Result<std::optional<SignedDelta>> sign(Draft& draft, uint64_t now_s = sample_time_s) {
    return sign_delta(
        {.draft = draft, .keys = keys_, .policy = policy_, .now_s = now_s, .jitter_key = {1, 2}});
  }
  Draft draft() {
    return {*memory_.find(apex_), memory_.reader().hash_key(),
            [](const zone::NodeView& node, uint16_t type) { return is_from_source(node, type); }};
  }

  const wire::Name apex_ = zone::sample_name("example");
  zone::SampleFolder folder_;
  EpochBoard epochs_;
  zone::Memory memory_;
  std::vector<ZoneKey> keys_;
  SigningPolicy policy_;
  std::mt19937 random_{3};
  Model model_;
};

TEST_P(EachChain, ChangesMakeWhatSigningAllMakes) {
  publish_whole();
  size_t refused = 0;
  for (uint32_t round = 2; round < 100; ++round) {
    Draft draft = this->draft();
    Model next = model_;
    change(next, draft, round);
    if (!draft.settle()) {
      ++refused;
      continue;
    }
    model_ = next;
    set_soa(round);
    const auto made = sign(draft);
    ASSERT_TRUE(made.has_value()) << made.error().message;
    ASSERT_TRUE(made->has_value());
    ASSERT_TRUE(memory_.amend(apex_, (*made)->change.nodes, nullptr).has_value());
    const zone::Contents contents = served();
    ASSERT_EQ(unsigned_text_of(contents), unsigned_text_of(signed_whole())) << round;
    const Verification verified = verify_zone(contents, {.now_s = sample_time_s});
    ASSERT_THAT(verified.faults, testing::IsEmpty()) << round;
    ASSERT_GT((*made)->refresh_at_s, sample_time_s);
    memory_.reclaim();
  }
  EXPECT_LT(refused, 50U);
}

TEST_P(EachChain, SignsNoMoreThanItMust) {
  for (int i = 0; i < 300; ++i) {
    model_["h" + std::to_string(i) + ".example"].insert({wire::type_a, {1, 2, 3, 4}});
  }
  publish_whole();
  Draft draft = this->draft();
  for (zone::DraftRecord& record : draft.change(zone::sample_name("h7.example"))) {
    record.rdata = {5, 6, 7, 8};
  }
  for (zone::DraftRecord& record : draft.change(apex_)) {
    if (record.type == wire::type_soa) record.rdata = soa(2);
  }
  const auto made = sign(draft);
  ASSERT_TRUE(made.has_value() && made->has_value());
  EXPECT_EQ((*made)->signatures_made, 2U);  // the address and the SOA
}

TEST_P(EachChain, WhatConcernsAllNamesIsForWholeSigning) {
  publish_whole();
  const auto is_whole = [&] {
    Draft draft = this->draft();
    draft.change(apex_);
    const auto made = sign(draft);
    EXPECT_TRUE(made.has_value());
    return made.has_value() && !made->has_value();
  };
  EXPECT_FALSE(is_whole());
  const SigningPolicy policy = policy_;
  policy_.dnskey_ttl = 60;
  EXPECT_TRUE(is_whole());
  policy_ = policy;
  policy_.denial = policy.denial == DenialMethod::nsec ? DenialMethod::nsec3 : DenialMethod::nsec;
  EXPECT_TRUE(is_whole());
  policy_ = policy;
  policy_.zonemd = Zonemd::sha384;
  EXPECT_TRUE(is_whole());
  policy_ = policy;
  const std::vector<ZoneKey> keys = std::exchange(keys_, make_keys(15, GetParam().keys));
  EXPECT_TRUE(is_whole());
  keys_ = keys;
  Draft draft = this->draft();
  for (zone::DraftRecord& record : draft.change(apex_)) {
    if (record.type == wire::type_soa) record.rdata.back() = 7;  // the TTL of denial
  }
  const auto made = sign(draft);
  EXPECT_TRUE(made.has_value() && !made->has_value());
}

INSTANTIATE_TEST_SUITE_P(
    Delta, EachChain,
    testing::Values(Variant{"Nsec", DenialMethod::nsec, OptOut::no, {flags_ksk}},
                    Variant{"NsecTwoKeys", DenialMethod::nsec, OptOut::no, {flags_ksk, flags_zsk}},
                    Variant{"Nsec3", DenialMethod::nsec3, OptOut::no, {flags_ksk}},
                    Variant{"OptOut", DenialMethod::nsec3, OptOut::yes, {flags_ksk, flags_zsk}}),
    [](const auto& of) { return std::string(of.param.name); });

}  // namespace
}  // namespace holdfast::dnssec
