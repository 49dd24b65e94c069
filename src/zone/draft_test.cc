// SPDX-License-Identifier: GPL-3.0-or-later
// Random changes to random zones: amended, a zone is what it is when it is published whole.
#include "zone/draft.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

using Rdata = std::vector<uint8_t>;
using Model = std::map<std::string, std::set<std::pair<uint16_t, Rdata>>>;  // by owner's text

Contents contents_of(const Model& model) {
  Contents contents(sample_name("example"));
  for (const auto& [owner, records] : model) {
    for (const auto& [type, rdata] : records) contents.add(sample_name(owner), type, 300, rdata);
  }
  EXPECT_TRUE(contents.finish().has_value());
  return contents;
}

// Owner, flags and records of all nodes.
std::string text_of(const ZoneView& zone) {
  std::string text;
  zone.for_each_node([&](const NodeView& node) {
    wire::Name owner;
    EXPECT_TRUE(owner.assign_joined(node.relative_owner(), zone.apex()));
    text += owner.view().to_text();
    for (unsigned flag = 1; flag <= node_removed; flag <<= 1) {
      text += node.has(static_cast<NodeFlag>(flag)) ? '1' : '0';
    }
    for (size_t i = 0; i < node.rrset_count(); ++i) {
      const RrsetView rrset = node.rrset_at(i);
      text += " " + std::to_string(rrset.type) + ":";
      for (const uint8_t byte : rrset.records) text += std::to_string(byte) + ".";
    }
    text += '\n';
  });
  return text;
}

class DraftTest : public testing::Test {
 protected:
  DraftTest()
      : whole_(std::move(*Memory::open(sample_options(whole_folder_.file()), epochs_))),
        amended_(std::move(*Memory::open(sample_options(amended_folder_.file()), epochs_))) {
    SampleZone apex("example");
    apex.soa(1).ns("example", "ns.invalid");
    Contents::Cursor cursor(apex.finish());
    for (const StagedRrset& rrset : cursor.next()->rrsets) {
      model_["example"].emplace(rrset.type,
                                Rdata(rrset.rdata.front().begin(), rrset.rdata.front().end()));
    }
  }
  uint32_t draw(size_t below) { return static_cast<uint32_t>(random_() % below); }
  std::string random_owner() {
    static const std::vector<std::string> labels{"a", "b", "c", "*"};
    std::string text = "example";
    for (uint32_t depth = draw(4); depth > 0; --depth) {
      text.insert(0, labels[draw(labels.size())] + ".");
    }
    return text;
  }
  std::pair<uint16_t, Rdata> random_record() {
    const uint8_t value = static_cast<uint8_t>(draw(2));
    switch (draw(12)) {
      case 0:
      case 1:
        return {wire::type_ns, SampleZone::name_bytes(value == 0 ? "ns.invalid" : "x.invalid")};
      case 2:
        return {wire::type_dname, SampleZone::name_bytes("else.invalid")};
      default:
        return {draw(2) == 0 ? wire::type_a : wire::type_txt, {3, value, 0, 0}};
    }
  }
  // Adds and removes some records of the model and of the draft.
  void change(Model& model, Draft& draft) {
    for (uint32_t left = 1 + draw(6); left > 0; --left) {
      const std::string owner = random_owner();
      const auto record = random_record();
      DraftRecords& records = draft.change(sample_name(owner));
      const auto found = std::ranges::find_if(records, [&](const DraftRecord& of) {
        return of.type == record.first && of.rdata == record.second;
      });
      const bool is_apex_ns = owner == "example" && record.first == wire::type_ns;
      if (is_apex_ns) continue;
      if (draw(2) == 0 && found == records.end()) {
        records.push_back({record.first, 300, record.second});
        model[owner].insert(record);
      } else if (found != records.end()) {
        records.erase(found);
        model[owner].erase(record);
      }
    }
  }

  SampleFolder whole_folder_;
  SampleFolder amended_folder_;
  EpochBoard epochs_;
  Memory whole_;
  Memory amended_;
  std::mt19937 random_{7};
  Model model_;
};

TEST_F(DraftTest, AmendsToWhatTheWholeZoneWouldBe) {
  const wire::Name apex = sample_name("example");
  ASSERT_TRUE(amended_.publish(contents_of(model_), nullptr).has_value());
  size_t refused = 0;
  for (int round = 0; round < 1500; ++round) {
    Draft draft(*amended_.find(apex), amended_.reader().hash_key());
    Model kept = model_;
    change(kept, draft);
    Model next = kept;
    draft.mark();
    change(next, draft);
    if (!draft.settle()) {
      // What came after the mark, or before, puts a name below a DNAME.
      ++refused;
      draft.take_back();
      next = kept;
      if (!draft.settle()) continue;
    }
    model_ = next;
    const auto staged = stage_draft(draft);
    ASSERT_TRUE(staged.has_value()) << staged.error().message;
    const Contents contents = contents_of(model_);
    ASSERT_TRUE(whole_.publish(contents, nullptr).has_value());
    ASSERT_TRUE(amended_.amend(apex, staged->nodes, nullptr).has_value());
    ASSERT_EQ(text_of(*amended_.find(apex)), text_of(*whole_.find(apex))) << round;
    ASSERT_EQ(amended_.find(apex)->record_count(), contents.record_count());
    amended_.reclaim();
    whole_.reclaim();
  }
  EXPECT_GT(refused, 10U);
  EXPECT_LT(refused, 1000U);
}

TEST_F(DraftTest, ItsContentsAreTheWholeZone) {
  const wire::Name apex = sample_name("example");
  for (int i = 0; i < 20; ++i) model_[random_owner()].insert({wire::type_a, {1, 2, 3, 4}});
  ASSERT_TRUE(amended_.publish(contents_of(model_), nullptr).has_value());
  Draft draft(*amended_.find(apex), amended_.reader().hash_key());
  change(model_, draft);
  Contents contents = draft.contents();
  ASSERT_TRUE(contents.finish().has_value());
  ASSERT_TRUE(amended_.publish(contents, nullptr).has_value());
  ASSERT_TRUE(whole_.publish(contents_of(model_), nullptr).has_value());
  EXPECT_EQ(text_of(*amended_.find(apex)), text_of(*whole_.find(apex)));
}

TEST_F(DraftTest, NamesOfNsec3RecordsAreApart) {
  const wire::Name apex = sample_name("example");
  const std::string label(32, '0');
  SampleZone zone("example");
  zone.soa(1).ns("example", "ns.invalid").nsec3param(0, {}).nsec3(label, 0, {});
  ASSERT_TRUE(amended_.publish(zone.finish(), nullptr).has_value());
  Draft draft(*amended_.find(apex), amended_.reader().hash_key());
  const wire::Name owner = sample_name(label + ".example");
  ASSERT_EQ(draft.read(owner).size(), 1U);
  draft.change(owner).push_back({wire::type_a, 300, {1, 2, 3, 4}});
  const auto both = stage_draft(draft);
  ASSERT_TRUE(both.has_value());
  ASSERT_TRUE(amended_.amend(apex, both->nodes, nullptr).has_value());
  EXPECT_EQ(amended_.find(apex)->index_ordinary_size(), 2U);
  EXPECT_EQ(amended_.find(apex)->index_size(), 3U);
  Draft second(*amended_.find(apex), amended_.reader().hash_key());
  std::erase_if(second.change(owner),
                [](const DraftRecord& record) { return record.type == wire::type_nsec3; });
  const auto one = stage_draft(second);
  ASSERT_TRUE(one.has_value());
  ASSERT_TRUE(amended_.amend(apex, one->nodes, nullptr).has_value());
  EXPECT_EQ(amended_.find(apex)->index_size(), 2U);
}

TEST_F(DraftTest, WhatMakesAZoneFileBadMakesAChangeBad) {
  const wire::Name apex = sample_name("example");
  ASSERT_TRUE(amended_.publish(contents_of(model_), nullptr).has_value());
  const auto judged = [&](const char* owner, DraftRecord record, bool replaces = false) {
    Draft draft(*amended_.find(apex), amended_.reader().hash_key());
    DraftRecords& records = draft.change(sample_name(owner));
    if (replaces) records.clear();
    records.push_back(std::move(record));
    records.push_back({wire::type_txt, 300, {1, 65}});
    const auto staged = stage_draft(draft);
    return staged ? judge_change(*staged) : std::unexpected(staged.error());
  };
  EXPECT_TRUE(judged("good.example", {wire::type_a, 300, {1, 2, 3, 4}}));
  EXPECT_FALSE(judged("bad.example", {wire::type_cname, 300, SampleZone::name_bytes("x")}));
  EXPECT_FALSE(judged("example", {wire::type_a, 300, {1, 2, 3, 4}}, true));  // no SOA any more
}

}  // namespace
}  // namespace holdfast::zone
