// SPDX-License-Identifier: GPL-3.0-or-later
// NSEC and NSEC3 searches through published zones, against a plain sorted list.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

class MemoryDenialTest : public testing::Test {
 protected:
  MemoryDenialTest() : memory_(std::move(*Memory::open(sample_options(folder_.file()), epochs_))) {}

  ZoneView publish(SampleZone& zone) {
    const Contents& contents = zone.finish();
    EXPECT_TRUE(memory_.publish(contents, nullptr).has_value());
    return *memory_.find(contents.apex());
  }
  static std::string owner_of(const std::optional<NodeView>& node) {
    if (!node) return "none";
    wire::Name owner;
    CHECK(owner.assign_joined(node->relative_owner(), sample_name("example")));
    return owner.view().to_text();
  }
  static std::string nsec_for(const ZoneView& zone, const std::string& name) {
    return owner_of(zone.nsec_at_or_before(sample_name(name)));
  }
  static std::vector<uint8_t> hash_of(const std::string& label) {
    const std::string_view digits = "0123456789abcdefghijklmnopqrstuv";
    std::vector<uint8_t> hash;
    uint32_t pending = 0;
    unsigned bits = 0;
    for (const char digit : label) {
      pending = pending << 5 | static_cast<uint32_t>(digits.find(digit));
      bits += 5;
      if (bits < 8) continue;
      bits -= 8;
      hash.push_back(static_cast<uint8_t>(pending >> bits));
    }
    return hash;
  }
  static std::string random_label(std::mt19937& random) {
    std::string label(32, '0');
    for (char& digit : label) digit = "0123456789abcdefghijklmnopqrstuv"[random() % 32];
    return label;
  }

  SampleFolder folder_;
  EpochBoard epochs_;
  Memory memory_;
};

TEST_F(MemoryDenialTest, NsecOfTheNameOrTheOneBefore) {
  SampleZone zone("example.");
  zone.soa(1).nsec("example", "b.example");
  zone.a("b.example", 1).nsec("b.example", "sub.example");
  zone.ns("sub.example", "ns.sub.example").nsec("sub.example", "y.z.example");
  zone.a("ns.sub.example", 2);  // glue: no NSEC
  zone.a("y.z.example", 3).nsec("y.z.example", "example");
  const ZoneView view = publish(zone);
  ASSERT_EQ(view.denial(), Denial::nsec);
  EXPECT_EQ(nsec_for(view, "example"), "example.");
  EXPECT_EQ(nsec_for(view, "a.example"), "example.");
  EXPECT_EQ(nsec_for(view, "B.example"), "b.example.");
  EXPECT_EQ(nsec_for(view, "x.b.example"), "b.example.");
  EXPECT_EQ(nsec_for(view, "ba.example"), "b.example.");
  EXPECT_EQ(nsec_for(view, "ns.sub.example"), "sub.example.");
  EXPECT_EQ(nsec_for(view, "zz.sub.example"), "sub.example.");
  EXPECT_EQ(nsec_for(view, "z.example"), "sub.example.");  // an empty non-terminal
  EXPECT_EQ(nsec_for(view, "y.z.example"), "y.z.example.");
  EXPECT_EQ(nsec_for(view, "zzz.example"), "y.z.example.");
  EXPECT_FALSE(view.nsec3_match_or_cover(std::vector<uint8_t>(20)).has_value());
}

TEST_F(MemoryDenialTest, WithoutNsecAtTheApexThereIsNoDenial) {
  SampleZone zone("example.");
  zone.soa(1).nsec("example", "b.example").a("b.example", 1).nsec("b.example", "example");
  const ZoneView view = publish(zone);
  EXPECT_EQ(nsec_for(view, "a.example"), "example.");
  SampleZone unsigned_zone("example.");
  unsigned_zone.soa(2).a("b.example", 1).nsec("b.example", "example");
  const ZoneView after = publish(unsigned_zone);
  EXPECT_EQ(after.denial(), Denial::none);
  EXPECT_EQ(nsec_for(after, "a.example"), "none");
}

TEST_F(MemoryDenialTest, NsecSearchOverManyNames) {
  std::mt19937 random(7);
  std::vector<wire::Name> owners;
  std::vector<std::string> names;
  const auto random_name = [&] {
    std::string name = "example";
    for (auto depth = 1 + random() % 4; depth > 0; --depth) {
      std::string label(1 + random() % 3, 'x');
      for (char& c : label) c = "abAB\x01-"[random() % 6];
      std::string escaped;
      for (const char c : label) escaped += c == 1 ? std::string("\\001") : std::string(1, c);
      name = escaped + "." + name;
    }
    return name;
  };
  SampleZone zone("example.");
  zone.soa(1).nsec("example", "example");
  owners.push_back(sample_name("example"));
  for (int i = 0; i < 5000; ++i) {
    const std::string name = random_name();
    zone.a(name, 1);
    if (random() % 3 == 0) continue;
    zone.nsec(name, "example");
    owners.push_back(sample_name(name));
  }
  const auto before = [](const wire::Name& a, const wire::Name& b) {
    return wire::compare_canonical(a, b) < 0;
  };
  std::ranges::sort(owners, before);
  const ZoneView view = publish(zone);
  ASSERT_GT(view.node_count(), 1000U);
  for (int i = 0; i < 20000; ++i) {
    const wire::Name name = sample_name(random_name());
    const auto after = std::upper_bound(owners.begin(), owners.end(), name, before);
    const auto found = view.nsec_at_or_before(name);
    ASSERT_TRUE(found.has_value());
    wire::Name owner;
    ASSERT_TRUE(owner.assign_joined(found->relative_owner(), sample_name("example")));
    ASSERT_EQ(wire::compare_canonical(owner, *std::prev(after)), 0)
        << name.view().to_text() << " gave " << owner.view().to_text();
  }
}

TEST_F(MemoryDenialTest, NsecSearchSkipsChunksWithoutOne) {
  SampleZone zone("example.");
  zone.soa(1).nsec("example", "m.example").ns("m.example", "ns.m.example");
  zone.nsec("m.example", "z.example").a("z.example", 1).nsec("z.example", "example");
  for (int i = 0; i < 3000; ++i) zone.a("glue" + std::to_string(i) + ".m.example", 1);
  const ZoneView view = publish(zone);
  EXPECT_EQ(nsec_for(view, "glue2999.m.example"), "m.example.");
  EXPECT_EQ(nsec_for(view, "n.example"), "m.example.");
  EXPECT_EQ(nsec_for(view, "zz.example"), "z.example.");
}

TEST_F(MemoryDenialTest, Nsec3MatchAndCover) {
  const std::vector<uint8_t> salt{0xab, 0xcd};
  std::mt19937 random(3);
  std::vector<std::string> labels;
  SampleZone zone("example.");
  zone.soa(1).nsec3param(5, salt);
  for (int i = 0; i < 2000; ++i) {
    const std::string label = random_label(random);
    if (i % 4 == 0) {  // of another chain, under construction
      zone.nsec3(label, 1, {});
    } else {
      zone.nsec3(label, 5, salt);
      labels.push_back(label);
    }
  }
  std::ranges::sort(labels);
  const ZoneView view = publish(zone);
  ASSERT_EQ(view.denial(), Denial::nsec3);
  EXPECT_EQ(view.nsec3_parameters().algorithm, 1);
  EXPECT_EQ(view.nsec3_parameters().iterations, 5);
  EXPECT_TRUE(std::ranges::equal(view.nsec3_parameters().salt, salt));
  EXPECT_EQ(view.node_count(), 2001U);
  EXPECT_EQ(view.labels_below_apex_max(), 0U);
  for (const std::string& label : labels) {
    const auto match = view.nsec3_match_or_cover(hash_of(label));
    ASSERT_TRUE(match.has_value());
    EXPECT_TRUE(match->exact);
    EXPECT_EQ(owner_of(match->node), label + ".example.");
  }
  for (int i = 0; i < 5000; ++i) {
    const std::string label = random_label(random);
    const auto match = view.nsec3_match_or_cover(hash_of(label));
    ASSERT_TRUE(match.has_value());
    EXPECT_FALSE(match->exact);
    const auto after = std::ranges::upper_bound(labels, label);
    const std::string& expected = after == labels.begin() ? labels.back() : *std::prev(after);
    ASSERT_EQ(owner_of(match->node), expected + ".example.") << label;
  }
  // Around the end of the chain.
  const auto first = view.nsec3_match_or_cover(std::vector<uint8_t>(20, 0));
  EXPECT_EQ(owner_of(first->node), labels.back() + ".example.");
  const auto last = view.nsec3_match_or_cover(std::vector<uint8_t>(20, 0xff));
  EXPECT_EQ(owner_of(last->node), labels.back() + ".example.");
  const wire::Name hashed = sample_name(labels[0] + ".example");
  const wire::SuffixHashes hashes(hashed, memory_.reader().hash_key());
  EXPECT_FALSE(view.find(hashed, hashes, hashes.label_count()).has_value());
}

TEST_F(MemoryDenialTest, ANewNsec3ChainTakesOver) {
  const std::string old_label(32, '3');
  const std::string new_label(32, '5');
  SampleZone zone("example.");
  zone.soa(1).nsec3param(5, {1}).nsec3(old_label, 5, {1}).nsec3(new_label, 0, {});
  ZoneView view = publish(zone);
  EXPECT_EQ(owner_of(view.nsec3_match_or_cover(hash_of(new_label))->node), old_label + ".example.");
  SampleZone next("example.");
  next.soa(2).nsec3param(0, {}).nsec3(old_label, 5, {1}).nsec3(new_label, 0, {});
  view = publish(next);
  EXPECT_EQ(view.nsec3_parameters().iterations, 0);
  EXPECT_EQ(owner_of(view.nsec3_match_or_cover(hash_of(old_label))->node), new_label + ".example.");
  EXPECT_TRUE(view.nsec3_match_or_cover(hash_of(new_label))->exact);
}

TEST_F(MemoryDenialTest, WalksNodesInOrderAndNsec3Last) {
  SampleZone zone("example.");
  zone.soa(1)
      .nsec3param(0, {})
      .nsec3(std::string(32, '1'), 0, {})
      .nsec3(std::string(32, '0'), 0, {});
  zone.a("z.example", 1).a("a.z.example", 1).a("b.example", 1);
  const ZoneView view = publish(zone);
  std::vector<std::string> owners;
  view.for_each_node([&](const NodeView& node) { owners.push_back(owner_of(node)); });
  EXPECT_THAT(owners, testing::ElementsAre("example.", "b.example.", "z.example.", "a.z.example.",
                                           std::string(32, '0') + ".example.",
                                           std::string(32, '1') + ".example."));
}

}  // namespace
}  // namespace holdfast::zone
