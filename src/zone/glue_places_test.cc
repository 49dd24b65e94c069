// SPDX-License-Identifier: GPL-3.0-or-later
// Whatever changes, a cut says of its glue what a look-up would find, in every version that a
// reader may still be in.
#include "zone/glue_places.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>

#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

constexpr size_t cuts = 5;
constexpr const char* apex = "example.";

class GluePlacesTest : public testing::Test {
 protected:
  GluePlacesTest() { open(); }

  void open() {
    memory_.reset();
    memory_.emplace(std::move(*Memory::open(sample_options(folder_.file()), epochs_)));
  }
  bool chance(uint32_t of) { return random_() % of == 0; }
  static std::string cut(size_t i) { return "c" + std::to_string(i) + "." + apex; }

  // Cuts come and go, and so do their servers and the addresses of these.
  SampleZone random_zone() {
    SampleZone zone(apex);
    zone.soa(++serial_);
    for (size_t i = 0; i < cuts; ++i) {
      for (const char* server : {"ns1.", "ns2.", "ns.deep."}) {
        if (!chance(4)) zone.ns(cut(i), server + cut(i));
        if (!chance(3)) zone.a(server + cut(i), static_cast<uint32_t>(random_() % 3));
      }
      if (chance(2)) zone.ns(cut(i), "ns1." + cut((i + 1) % cuts));
      if (chance(6)) zone.add(cut(i), wire::type_dname, SampleZone::name_bytes("elsewhere."));
    }
    return zone;
  }
  [[nodiscard]] ZoneView zone() const { return *memory_->find(sample_name(apex)); }

  // Returns how many places say where the glue is.
  size_t check(const ZoneView& zone) {
    size_t told = 0;
    const HashKey key = memory_->reader().hash_key();
    for (size_t i = 0; i < cuts; ++i) {
      const wire::Name owner = sample_name(cut(i));
      const auto node = find(zone, owner);
      if (!node || !node->has(node_cut)) continue;
      const auto servers = node->find(wire::type_ns);
      const uint8_t* record = servers->records.data();
      for (size_t place = 0; place < servers->count; ++place) {
        const size_t bytes = load_be16(record + 10);
        const wire::NameView server(Bytes(record + 12, bytes));
        record += 12 + bytes;
        if (!server.is_at_or_below(owner)) {
          EXPECT_EQ(node->glue_place(place), 0u);
          continue;
        }
        const auto expected = find(zone, server);
        const auto found = zone.find_glue(*node, place, server, key);
        EXPECT_EQ(found.has_value(), expected.has_value()) << server.to_text();
        if (!found || !expected) continue;
        EXPECT_EQ(found->reference(), expected->reference()) << server.to_text();
        if (node->glue_place(place) != 0) ++told;
      }
    }
    return told;
  }
  std::optional<NodeView> find(const ZoneView& zone, wire::NameView name) {
    const wire::SuffixHashes hashes(name, memory_->reader().hash_key());
    return zone.find(name, hashes, hashes.label_count());
  }

  SampleFolder folder_;
  EpochBoard epochs_;
  std::optional<Memory> memory_;
  std::mt19937_64 random_{5};
  uint32_t serial_ = 0;
};

TEST_F(GluePlacesTest, AreKnownFromTheStart) {
  SampleZone made(apex);
  made.soa(1).ns(cut(0), "ns1." + cut(0)).ns(cut(0), "ns2." + cut(0)).a("ns1." + cut(0), 1);
  ASSERT_TRUE(memory_->publish(made.finish(), nullptr).has_value());
  EXPECT_EQ(check(zone()), 1u) << "ns2 has no address";
}

TEST_F(GluePlacesTest, AddNothingToACutWithoutGlue) {
  SampleZone made(apex);
  made.soa(1).ns(cut(0), "ns1." + cut(1)).ns(cut(0), "ns.elsewhere.");
  ASSERT_TRUE(memory_->publish(made.finish(), nullptr).has_value());
  EXPECT_FALSE(find(zone(), sample_name(cut(0)))->has(node_glue_places));
}

TEST_F(GluePlacesTest, FollowEveryChangeInEveryVersion) {
  size_t told = 0;
  for (int round = 0; round < 60; ++round) {
    ASSERT_TRUE(memory_->publish(random_zone().finish(), nullptr).has_value());
    told += check(zone());
    // A reader stays in this version over further ones, published and given back.
    epochs_.enter(0);
    const ZoneView held = zone();
    for (int further = 0; further < 4; ++further) {
      const auto staged = memory_->stage(random_zone().finish(), nullptr);
      ASSERT_TRUE(staged.has_value());
      check(held);
      check(zone());
      if (chance(2)) {
        memory_->drop_staged();
      } else {
        ASSERT_TRUE(memory_->show_staged().has_value());
      }
      memory_->reclaim();
      check(held);
      told += check(zone());
    }
    epochs_.leave(0);
    memory_->reclaim();
    check(zone());
  }
  EXPECT_GT(told, 1000u) << "most of what there is has been told";
}

TEST_F(GluePlacesTest, AreKeptOrForgottenByTheNextWriter) {
  for (int round = 0; round < 30; ++round) {
    ASSERT_TRUE(memory_->publish(random_zone().finish(), nullptr).has_value());
    const size_t told = check(zone());
    if (chance(2)) {
      ASSERT_TRUE(memory_->close_clean().has_value());
    } else {
      // What this one wrote aside was never published.
      ASSERT_TRUE(memory_->stage(random_zone().finish(), nullptr).has_value());
    }
    open();
    ASSERT_NE(memory_->origin(), Memory::Origin::discarded) << memory_->discard_reason();
    const size_t kept = check(zone());
    EXPECT_LE(kept, told);
    memory_->reclaim();
    EXPECT_EQ(check(zone()), kept);
  }
}

TEST_F(GluePlacesTest, AnAddressChangedByItself) {
  SampleZone made(apex);
  made.soa(1).ns(cut(0), "ns1." + cut(0)).a("ns1." + cut(0), 1);
  ASSERT_TRUE(memory_->publish(made.finish(), nullptr).has_value());
  const wire::Name owner = sample_name("ns1." + cut(0));
  const std::vector<uint8_t> rdata = SampleZone::number(2);
  StagedRrset rrset;
  rrset.type = wire::type_a;
  rrset.ttl = 300;
  rrset.rdata = {rdata};
  StagedNode node;
  node.owner = owner;
  node.flags = node_occluded;
  node.rrsets = {rrset};
  ASSERT_TRUE(memory_->amend(sample_name(apex), {&node, 1}, nullptr).has_value());
  EXPECT_EQ(check(zone()), 1u);
  StagedNode gone;
  gone.owner = owner;
  gone.flags = node_removed;
  ASSERT_TRUE(memory_->amend(sample_name(apex), {&gone, 1}, nullptr).has_value());
  memory_->reclaim();
  EXPECT_EQ(check(zone()), 0u);
}

}  // namespace
}  // namespace holdfast::zone
