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
    auto node =
        labels == zone->apex_label_count() ? zone->apex_node() : *zone->find(name, hashes, labels);
    if (node.has(node_occluded) && !search.encloser()->node.has(node_occluded)) {
      while (node.has(node_occluded)) node = *zone->find(name, hashes, --labels);
      EXPECT_TRUE(node.has(node_cut) || node.has(node_dname));
    }
    EXPECT_EQ(search.encloser()->labels, labels) << name.view().to_text();
    EXPECT_EQ(search.encloser()->node.reference(), node.reference());
  }
  using ZoneSteps = NameSearch::ZoneSteps;
  // Returns how many took the steps for names twice.
  static size_t run(std::vector<NameSearch>& searches, ZoneSteps zone_steps) {
    const NameSearch* before = nullptr;
    for (NameSearch& search : searches) {
      search.take_first(before);
      before = &search;
    }
    for (size_t step = NameSearch::step_after(0, zone_steps); step < NameSearch::steps;
         step = NameSearch::step_after(step, zone_steps)) {
      for (NameSearch& search : searches) search.take(step);
    }
    std::vector<NameSearch*> open;
    for (NameSearch& search : searches) {
      if (search.is_open()) open.push_back(&search);
    }
    for (size_t step = NameSearch::places_step; step < NameSearch::steps; ++step) {
      for (NameSearch* search : open) search->take(step);
    }
    return open.size();
  }
  void check_many(size_t batches) {
    std::vector<NameSearch> searches(16);
    std::vector<wire::Name> names(searches.size());
    for (size_t batch = 0; batch < batches; ++batch) {
      const ZoneSteps zone_steps = batch % 2 == 0 ? ZoneSteps::apart : ZoneSteps::at_once;
      for (size_t i = 0; i < searches.size(); ++i) {
        names[i] = sample_name(random_labels(8) + (random_() % 16 == 0 ? "elsewhere" : "example"));
        searches[i].begin(memory_.reader(), names[i], zone_steps);
      }
      EXPECT_EQ(run(searches, zone_steps), 0U);
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

TEST_F(NameSearchTest, StopsAtTheCutWhereMostNamesAreCuts) {
  const std::string apex = "example.";
  SampleZone zone(apex);
  zone.soa(1);
  for (uint32_t i = 0; i < 1200; ++i) {
    const std::string cut = "cut" + std::to_string(i) + "." + apex;
    zone.ns(cut, "ns." + cut).a("ns." + cut, i);
    if (i % 16 != 0) continue;
    zone.a("deep.er.host" + std::to_string(i) + "." + apex, i);
    zone.add("alias" + std::to_string(i) + "." + apex, wire::type_dname,
             SampleZone::name_bytes("elsewhere."));
    zone.ns("cut.below" + std::to_string(i) + "." + apex, "ns.elsewhere.");
  }
  ASSERT_TRUE(memory_.publish(zone.finish(), nullptr).has_value());
  ASSERT_TRUE(memory_.find(sample_name(apex))->mostly_delegates());

  const std::array first{"",         "x.",         "ns.",    "x.ns.", "er.",
                         "deep.er.", "x.deep.er.", "a.cut.", "cut."};
  const std::array second{"cut", "host", "alias", "below", "no", "CUT"};
  std::vector<NameSearch> searches(16);
  std::vector<wire::Name> names(searches.size());
  size_t taken_twice = 0;
  for (size_t batch = 0; batch < 500; ++batch) {
    const ZoneSteps zone_steps = batch % 2 == 0 ? ZoneSteps::apart : ZoneSteps::at_once;
    for (size_t i = 0; i < searches.size(); ++i) {
      names[i] = sample_name(first[random_() % first.size()] + std::string() +
                             second[random_() % second.size()] +
                             std::to_string(random_() % 75 * 16) + "." + apex);
      searches[i].begin(memory_.reader(), names[i], zone_steps);
    }
    taken_twice += run(searches, zone_steps);
    for (size_t i = 0; i < searches.size(); ++i) {
      check(names[i], searches[i]);
      NameSearch alone;
      alone.run(memory_.reader(), names[i]);
      check(names[i], alone);
    }
  }
  EXPECT_GT(taken_twice, 1000U) << "hosts and what is below them";
  publish(apex, 1200, 4);
  EXPECT_FALSE(memory_.find(sample_name(apex))->mostly_delegates());
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
