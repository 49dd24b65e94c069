// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

using testing::ElementsAre;

class MemoryTest : public testing::Test {
 protected:
  MemoryTest() : memory_(open()) {}

  Memory open() {
    auto memory = Memory::open(sample_options(folder_.file()), epochs_);
    CHECK(memory.has_value());
    return std::move(*memory);
  }
  Publication publish(SampleZone& zone) {
    auto published = memory_.publish(zone.finish(), nullptr);
    EXPECT_TRUE(published.has_value()) << (published ? "" : published.error().message);
    return published.value_or(Publication{});
  }
  [[nodiscard]] std::optional<ZoneView> zone_of(
      const std::string& name,
      MemoryReader::Search search = MemoryReader::Search::at_or_above) const {
    const wire::Name wanted = sample_name(name);
    const MemoryReader reader = memory_.reader();
    return reader.find_zone(wanted, wire::SuffixHashes(wanted, reader.hash_key()), search);
  }
  [[nodiscard]] std::optional<NodeView> node_of(const ZoneView& zone,
                                                const std::string& name) const {
    const wire::Name wanted = sample_name(name);
    const wire::SuffixHashes hashes(wanted, memory_.reader().hash_key());
    return zone.find(wanted, hashes, hashes.label_count());
  }
  [[nodiscard]] static std::string owner_text(const NodeView& node) {
    wire::Name owner;
    CHECK(owner.assign_joined(node.relative_owner(), wire::NameView()));
    return owner.view().to_text();
  }
  [[nodiscard]] std::string apex_of(
      const std::string& name,
      MemoryReader::Search search = MemoryReader::Search::at_or_above) const {
    const auto zone = zone_of(name, search);
    return zone ? zone->apex().to_text() : "none";
  }

  SampleFolder folder_;
  EpochBoard epochs_;
  Memory memory_;
};

SampleZone example(uint32_t serial) {
  SampleZone zone("Example.");
  zone.soa(serial).ns("example", "ns.example").a("ns.example", 0x7f000001);
  zone.a("WWW.example", 0x0a000001).a("www.example", 0x0a000002);
  zone.a("deep.ent.example", 0x0a000003);
  return zone;
}

TEST_F(MemoryTest, GivesBackWhatWasPublished) {
  SampleZone zone = example(7);
  const Publication publication = publish(zone);
  EXPECT_EQ(publication.generation, 1U);
  EXPECT_EQ(publication.nodes_written, 5U);
  const auto view = zone_of("www.EXAMPLE");
  ASSERT_TRUE(view.has_value());
  EXPECT_EQ(view->apex().to_text(), "Example.");
  EXPECT_TRUE(view->available());
  EXPECT_EQ(view->serial(), 7U);
  EXPECT_EQ(view->generation(), 1U);
  EXPECT_EQ(view->denial(), Denial::none);
  EXPECT_EQ(view->node_count(), 5U);
  EXPECT_EQ(view->record_count(), 6U);
  EXPECT_EQ(view->labels_below_apex_max(), 2U);
  EXPECT_TRUE(view->apex_node().has(node_apex));
  EXPECT_EQ(view->apex_node().rrset_count(), 2U);
  EXPECT_EQ(memory_.use().nodes, 5U);
  EXPECT_EQ(memory_.use().records, 6U);
}

TEST_F(MemoryTest, KeepsRecordsAsAnswerWireAndTheCaseOfOwners) {
  SampleZone zone = example(1);
  publish(zone);
  const auto view = zone_of("example");
  ASSERT_TRUE(view.has_value());
  const auto node = node_of(*view, "wWw.example");
  ASSERT_TRUE(node.has_value());
  EXPECT_EQ(owner_text(*node), "WWW.");
  const auto rrset = node->find(wire::type_a);
  ASSERT_TRUE(rrset.has_value());
  EXPECT_EQ(rrset->count, 2);
  EXPECT_EQ(rrset->ttl, 300U);
  EXPECT_EQ(rrset->signature_count, 0);
  EXPECT_THAT(rrset->records,
              ElementsAre(0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 10, 0, 0, 1,  //
                          0xC0, 0x0C, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 10, 0, 0, 2));
  EXPECT_FALSE(node->find(wire::type_aaaa).has_value());
  EXPECT_FALSE(node_of(*view, "nothing.example").has_value());
  EXPECT_FALSE(node_of(*view, "www.www.example").has_value());
  const auto empty = node_of(*view, "ent.example");
  ASSERT_TRUE(empty.has_value());
  EXPECT_TRUE(empty->has(node_empty));
}

TEST_F(MemoryTest, FindsTheDeepestZone) {
  SampleZone root(".");
  root.soa(1);
  SampleZone upper("example.");
  upper.soa(1);
  SampleZone lower("a.b.example.");
  lower.soa(1);
  for (SampleZone* zone : {&root, &upper, &lower}) publish(*zone);
  using Search = MemoryReader::Search;
  EXPECT_EQ(apex_of("x.a.b.example"), "a.b.example.");
  EXPECT_EQ(apex_of("A.B.example"), "a.b.example.");
  EXPECT_EQ(apex_of("b.example"), "example.");
  EXPECT_EQ(apex_of("other"), ".");
  EXPECT_EQ(apex_of("."), ".");
  EXPECT_EQ(apex_of("a.b.example", Search::strictly_above), "example.");
  EXPECT_EQ(apex_of("example", Search::strictly_above), ".");
  EXPECT_EQ(apex_of(".", Search::strictly_above), "none");
  EXPECT_EQ(memory_.reader().zone_count(), 3U);
  EXPECT_TRUE(memory_.remove(sample_name("example")));
  EXPECT_FALSE(memory_.remove(sample_name("example")));
  EXPECT_EQ(apex_of("b.example"), ".");
  EXPECT_EQ(apex_of("a.b.example"), "a.b.example.");
}

TEST_F(MemoryTest, FindsApexesOfEveryDepth) {
  std::string name = ".";
  for (int depth = 0; depth <= 127; ++depth) {
    SampleZone zone(name);
    zone.soa(static_cast<uint32_t>(depth));
    publish(zone);
    EXPECT_EQ(zone_of(name)->serial(), static_cast<uint32_t>(depth));
    EXPECT_EQ(zone_of(name)->apex_label_count(), static_cast<size_t>(depth));
    name = depth == 0 ? "x." : "x." + name;
  }
  name = ".";
  for (int depth = 0; depth <= 127; ++depth) {
    EXPECT_TRUE(memory_.remove(sample_name(name)));
    EXPECT_EQ(apex_of(name), "none");
    name = depth == 0 ? "x." : "x." + name;
  }
}

TEST_F(MemoryTest, ReplacesOnlyWhatChanges) {
  SampleZone first = example(1);
  publish(first);
  SampleZone second("example.");
  second.soa(2).ns("example", "ns.example").a("ns.example", 0x7f000001);
  second.a("www.example", 0x0a000009).a("new.example", 1);
  std::map<std::string, bool> changes;
  const auto published = memory_.publish(second.finish(), [&](const StagedNode& node) {
    changes[node.owner.to_text()] = (node.flags & node_removed) == 0;
  });
  ASSERT_TRUE(published.has_value());
  EXPECT_EQ(published->generation, 2U);
  EXPECT_EQ(published->nodes_kept, 1U);  // ns
  EXPECT_EQ(published->nodes_written, 3U);
  EXPECT_EQ(published->nodes_removed, 2U);
  const std::map<std::string, bool> expected{{"example.", true},
                                             {"www.example.", true},
                                             {"new.example.", true},
                                             {"ent.Example.", false},
                                             {"deep.ent.Example.", false}};
  EXPECT_EQ(changes, expected);
  const auto view = zone_of("example");
  EXPECT_EQ(view->serial(), 2U);
  EXPECT_FALSE(node_of(*view, "deep.ent.example").has_value());
  EXPECT_FALSE(node_of(*view, "ent.example").has_value());
  EXPECT_TRUE(node_of(*view, "new.example").has_value());
  EXPECT_EQ(node_of(*view, "www.example")->find(wire::type_a)->count, 1);
  EXPECT_EQ(view->node_count(), 4U);
  EXPECT_EQ(view->record_count(), 5U);
}

TEST_F(MemoryTest, PublishingTheSameChangesNothing) {
  SampleZone zone = example(1);
  publish(zone);
  SampleZone again = example(1);
  const Publication publication = publish(again);
  EXPECT_EQ(publication.generation, 1U);
  EXPECT_EQ(publication.nodes_kept, 5U);
  EXPECT_EQ(publication.nodes_written, 0U);
  EXPECT_EQ(zone_of("example")->generation(), 1U);
}

TEST_F(MemoryTest, ReaderKeepsItsVersion) {
  SampleZone first = example(1);
  publish(first);
  epochs_.enter(0);
  const auto old = zone_of("example");
  SampleZone second("example.");
  second.soa(2).a("www.example", 1);
  publish(second);
  const auto middle = zone_of("example");
  SampleZone third = example(3);
  publish(third);
  EXPECT_EQ(old->serial(), 1U);
  EXPECT_EQ(old->node_count(), 5U);
  EXPECT_TRUE(node_of(*old, "deep.ent.example").has_value());
  EXPECT_EQ(node_of(*old, "www.example")->find(wire::type_a)->count, 2);
  EXPECT_EQ(middle->serial(), 2U);
  EXPECT_FALSE(node_of(*middle, "deep.ent.example").has_value());
  EXPECT_EQ(node_of(*middle, "www.example")->find(wire::type_a)->count, 1);
  EXPECT_TRUE(node_of(*zone_of("example"), "deep.ent.example").has_value());
  memory_.remove(sample_name("example"));
  EXPECT_TRUE(node_of(*old, "deep.ent.example").has_value());
  EXPECT_TRUE(node_of(*old, "www.example").has_value());
  EXPECT_GT(memory_.use().retired_bytes, 0U);
  epochs_.leave(0);
  memory_.reclaim();
  EXPECT_EQ(memory_.use().retired_bytes, 0U);
}

TEST_F(MemoryTest, UnavailableZoneIsThereButEmpty) {
  const wire::Name apex = sample_name("example");
  ASSERT_TRUE(memory_.publish_unavailable(apex).has_value());
  auto view = zone_of("www.example");
  ASSERT_TRUE(view.has_value());
  EXPECT_FALSE(view->available());
  EXPECT_EQ(view->node_count(), 0U);
  SampleZone zone = example(1);
  EXPECT_EQ(publish(zone).generation, 1U);
  view = zone_of("www.example");
  EXPECT_TRUE(view->available());
  ASSERT_TRUE(memory_.publish_unavailable(apex).has_value());
  EXPECT_TRUE(zone_of("example")->available());
}

TEST_F(MemoryTest, AmendsSingleNames) {
  SampleZone zone = example(1);
  publish(zone);
  const wire::Name changed = sample_name("www.example");
  const wire::Name gone = sample_name("ns.example");
  const std::vector<uint8_t> address{1, 2, 3, 4};
  std::vector<StagedNode> nodes(2);
  nodes[0].owner = gone;
  nodes[0].flags = node_removed;
  nodes[1].owner = changed;
  StagedRrset rrset;
  rrset.type = wire::type_a;
  rrset.ttl = 60;
  rrset.rdata = {address};
  nodes[1].rrsets.push_back(rrset);
  const auto amended = memory_.amend(sample_name("example"), nodes, nullptr);
  ASSERT_TRUE(amended.has_value());
  EXPECT_EQ(amended->nodes_written, 1U);
  EXPECT_EQ(amended->nodes_removed, 1U);
  const auto view = zone_of("example");
  EXPECT_EQ(view->generation(), 2U);
  EXPECT_EQ(view->node_count(), 4U);
  EXPECT_EQ(view->record_count(), 4U);
  EXPECT_FALSE(node_of(*view, "ns.example").has_value());
  EXPECT_EQ(node_of(*view, "www.example")->find(wire::type_a)->ttl, 60U);
  EXPECT_TRUE(node_of(*view, "deep.ent.example").has_value());
}

TEST_F(MemoryTest, PublishingAndRemovingDoesNotGrow) {
  uint64_t bytes_after_ten = 0;
  std::mt19937 random(1);
  for (uint32_t round = 0; round < 1000; ++round) {
    SampleZone zone("example.");
    zone.soa(round);
    for (uint32_t i = 0; i < 300; ++i) {
      zone.a("h" + std::to_string(random() % 1000) + ".example",
             static_cast<uint32_t>(random() % 3));
    }
    publish(zone);
    if (round % 3 == 2) memory_.remove(sample_name("example"));
    memory_.reclaim();
    if (round == 10) bytes_after_ten = memory_.use().file_bytes;
  }
  EXPECT_LE(memory_.use().file_bytes, bytes_after_ten);
  EXPECT_TRUE(memory_.find(sample_name("example")).has_value());
  memory_.remove(sample_name("example"));
  memory_.reclaim();
  EXPECT_EQ(memory_.use().retired_bytes, 0U);
  EXPECT_EQ(memory_.use().nodes, 0U);
  EXPECT_EQ(memory_.use().records, 0U);
  EXPECT_LT(memory_.use().live_bytes, 40000U);  // the header and the two tables
}

}  // namespace
}  // namespace holdfast::zone
