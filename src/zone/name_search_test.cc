// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/name_search.h"

#include <gtest/gtest.h>

#include <random>

#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

// Zones of a few letters, one inside the other, so that random names meet every case often.
class NameSearchTest : public testing::Test {
 protected:
  NameSearchTest() : memory_(std::move(*Memory::open(sample_options(folder_.file()), epochs_))) {}

  std::string random_labels(size_t labels_max) {
    std::string text;
    for (size_t i = random_() % (labels_max + 1); i > 0; --i) {
      text += std::string(1, static_cast<char>((random_() % 2 ? 'a' : 'A') + random_() % 3)) + ".";
    }
    return text;
  }
  void publish(const std::string& apex, size_t names, size_t labels_max) {
    SampleZone zone(apex);
    zone.soa(1);
    for (size_t i = 0; i < names; ++i) {
      zone.a(random_labels(labels_max) + apex, static_cast<uint32_t>(i));
    }
    ASSERT_TRUE(memory_.publish(zone.finish(), nullptr).has_value());
  }
  // What the slow way says: zone by zone, label by label.
  void check(const wire::Name& name, const NameSearch& search) {
    const MemoryReader reader = memory_.reader();
    const wire::SuffixHashes hashes(name, reader.hash_key());
    const auto zone = reader.find_zone(name, hashes, MemoryReader::Search::at_or_above);
    ASSERT_EQ(search.zone().has_value(), zone.has_value()) << name.view().to_text();
    if (!zone) return;
    ASSERT_TRUE(search.zone()->apex() == zone->apex());
    ASSERT_EQ(search.encloser().has_value(), zone->available());
    if (!zone->available()) return;
    size_t labels = hashes.label_count();
    while (labels > zone->apex_label_count() && !zone->find(name, hashes, labels)) --labels;
    EXPECT_EQ(search.encloser()->labels, labels) << name.view().to_text();
    const auto node =
        labels == zone->apex_label_count() ? zone->apex_node() : *zone->find(name, hashes, labels);
    EXPECT_EQ(search.encloser()->node.reference(), node.reference());
  }
  void check_many(size_t batches) {
    std::vector<NameSearch> searches(16);
    std::vector<wire::Name> names(searches.size());
    using ZoneSteps = NameSearch::ZoneSteps;
    for (size_t batch = 0; batch < batches; ++batch) {
      const ZoneSteps zone_steps = batch % 2 == 0 ? ZoneSteps::apart : ZoneSteps::at_once;
      for (size_t i = 0; i < searches.size(); ++i) {
        names[i] = sample_name(random_labels(8) + (random_() % 16 == 0 ? "elsewhere" : "example"));
        searches[i].begin(memory_.reader(), names[i], zone_steps);
      }
      for (size_t step = 0; step < NameSearch::steps;
           step = NameSearch::step_after(step, zone_steps)) {
        for (NameSearch& search : searches) search.take(step);
      }
      for (size_t i = 0; i < searches.size(); ++i) check(names[i], searches[i]);
    }
  }

  SampleFolder folder_;
  EpochBoard epochs_;
  Memory memory_;
  std::mt19937_64 random_{11};
};

TEST_F(NameSearchTest, FindsNothingInEmptyMemory) {
  const wire::Name name = sample_name("a.example");
  NameSearch search;
  search.run(memory_.reader(), name);
  EXPECT_FALSE(search.zone().has_value());
  EXPECT_FALSE(search.encloser().has_value());
}

TEST_F(NameSearchTest, AgreesWithTheSlowWay) {
  publish("example.", 40, 7);
  publish("a.example.", 5, 3);
  publish("b.a.example.", 30, 1);
  publish("c.c.c.example.", 0, 0);
  ASSERT_TRUE(memory_.publish_unavailable(sample_name("b.b.example.")).has_value());
  check_many(2000);
}

TEST_F(NameSearchTest, AgreesWhenNamesHaveComeAndGone) {
  epochs_.enter(0);  // a reader that holds every version in memory
  for (size_t round = 0; round < 20; ++round) {
    publish("example.", 20, 6);
    publish("a.example.", 20, 2);
    check_many(50);
    if (round % 4 == 3) {
      ASSERT_TRUE(memory_.remove(sample_name("a.example.")));
      check_many(50);
    }
  }
  epochs_.leave(0);
}

TEST_F(NameSearchTest, KeepsToTheVersionThatItBegan) {
  publish("example.", 40, 3);
  const MemoryReader reader = memory_.reader();
  std::vector<NameSearch> searches(200);
  std::vector<wire::Name> names(searches.size());
  std::vector<size_t> labels;
  epochs_.enter(0);
  for (size_t i = 0; i < searches.size(); ++i) {
    names[i] = sample_name(random_labels(4) + "example");
    NameSearch before;
    before.run(reader, names[i]);
    labels.push_back(before.encloser()->labels);
    searches[i].begin(reader, names[i], NameSearch::ZoneSteps::apart);
    for (size_t step = 0; step < 3; ++step) searches[i].take(step);
  }
  publish("example.", 40, 3);
  for (size_t i = 0; i < searches.size(); ++i) {
    for (size_t step = 3; step < NameSearch::steps; ++step) searches[i].take(step);
    EXPECT_EQ(searches[i].encloser()->labels, labels[i]) << names[i].view().to_text();
  }
  epochs_.leave(0);
}

}  // namespace
}  // namespace holdfast::zone
