// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/shield_zones.h"

#include <gmock/gmock.h>

#include <array>
#include <cstring>

#include "base/shared_memory.h"
#include "wire/name.h"

namespace holdfast::control {
namespace {

using shield::ZoneWatchEntry;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr uint64_t now_ms = 5'000;

class ShieldZonesTest : public testing::Test {
 protected:
  ShieldZonesTest() { start(0); }

  void start(size_t worker) { memory_->orders[worker].beat_ms = 1; }
  ZoneWatchEntry& watch(size_t worker, uint64_t zone, const std::string& name) {
    ZoneWatchEntry& entry = memory_->workers[worker].zones[zone / 4][zone % 4];
    entry.hash = zone + 1;
    std::array<uint64_t, ZoneWatchEntry::name_words> words{};
    const auto wire = wire::Name::from_text(name).value();
    std::memcpy(words.data(), wire.view().bytes().data(), wire.view().bytes().size());
    for (size_t i = 0; i < words.size(); ++i) entry.name[i] = words[i];
    return entry;
  }
  std::string metrics() {
    MetricsText text;
    add_shield_zone_metrics(text, *memory_, now_ms);
    return text.take();
  }
  std::vector<std::string> names() {
    std::vector<std::string> all;
    for (const ShieldZone& zone : shield_zones(*memory_, now_ms)) all.push_back(zone.name);
    return all;
  }

  SharedObject<shield::ShieldMemory> memory_ =
      *SharedObject<shield::ShieldMemory>::create("a test");
};

TEST_F(ShieldZonesTest, RatesAddUpAndNamesDoNot) {
  start(1);
  for (const uint32_t worker : {0U, 1U}) {
    ZoneWatchEntry& entry = watch(worker, 3, "one.example");
    entry.last_asked = 256;
    entry.last_names = 40 + worker;
    entry.usual_names_x16 = 16 * 7;
  }
  watch(2, 4, "not-started.example");
  const auto zones = shield_zones(*memory_, now_ms);
  ASSERT_EQ(zones.size(), 1U);
  EXPECT_EQ(zones[0].name, "one.example.");
  EXPECT_EQ(zones[0].asked, 2'000U);
  EXPECT_EQ(zones[0].names, 41U);
  EXPECT_EQ(zones[0].usual_names, 7U);
  EXPECT_FALSE(zones[0].is_told());
}

TEST_F(ShieldZonesTest, TheMostAskedComeFirst) {
  watch(0, 0, "little.example").last_asked = 1;
  watch(0, 1, "much.example").last_asked = 100;
  EXPECT_THAT(names(), ElementsAre("much.example.", "little.example."));
}

TEST_F(ShieldZonesTest, MetricsNameZonesWhileTheyAreJudgedUnusual) {
  for (uint64_t zone = 0; zone < 4; ++zone) {
    ZoneWatchEntry& entry = watch(0, zone, "z" + std::to_string(zone) + ".example");
    entry.last_names = 900 + static_cast<uint32_t>(zone);
    entry.usual_names_x16 = 16 * 11;
  }
  EXPECT_EQ(metrics(), "") << "a family without a sample is none";
  memory_->workers[0].zones[0][0].many_names_until_ms = now_ms + 1;
  memory_->workers[0].zones[0][1].attacked_until_ms = now_ms + 1;
  memory_->workers[0].zones[0][2].hot_until_ms = now_ms + 1;
  memory_->workers[0].zones[0][3].many_names_until_ms = now_ms - 1;
  const std::string text = metrics();
  EXPECT_THAT(text, HasSubstr("\nholdfast_shield_zone_names{zone=\"z0.example.\"} 900\n"));
  EXPECT_THAT(text, HasSubstr("\nholdfast_shield_zone_names{zone=\"z1.example.\"} 901\n"));
  EXPECT_THAT(text, HasSubstr("\nholdfast_shield_zone_names{zone=\"z2.example.\"} 902\n"));
  EXPECT_THAT(text, HasSubstr("\nholdfast_shield_zone_usual_names{zone=\"z0.example.\"} 11\n"));
  EXPECT_THAT(text, Not(HasSubstr("z3.example")));
}

TEST_F(ShieldZonesTest, MetricsHaveABoundAndNoLabelTwice) {
  constexpr uint64_t zones = 64;
  for (uint64_t zone = 0; zone < zones; ++zone) {
    ZoneWatchEntry& entry = watch(0, zone, "z" + std::to_string(zone / 2) + ".example");
    entry.last_asked = static_cast<uint32_t>(zone);
    entry.many_names_until_ms = now_ms + 1;
  }
  const std::string text = metrics();
  size_t samples = 0;
  for (size_t at = text.find("_zone_names{"); at != std::string::npos;
       at = text.find("_zone_names{", at + 1)) {
    ++samples;
  }
  EXPECT_EQ(samples, labelled_shield_zones_max);
  EXPECT_EQ(text.find("_zone_names{zone=\"z31.example.\"}"),
            text.rfind("_zone_names{zone=\"z31.example.\"}"));
  EXPECT_THAT(text, Not(HasSubstr("z0.example")));
}

}  // namespace
}  // namespace holdfast::control
