// SPDX-License-Identifier: GPL-3.0-or-later
#include "control/secondary_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "dnssec/new_key.h"

namespace holdfast::control {
namespace {

using ::testing::IsEmpty;

constexpr uint64_t begin_s = 1'800'000'000;

class SecondaryWatchTest : public testing::Test {
 protected:
  SecondaryWatchTest() {
    policy_.secondaries = {*parse_endpoint("192.0.2.2", 53)};
    const wire::Name zone = *wire::Name::from_text("z.");
    for (int i = 0; i < 2; ++i) {
      keys_.push_back(*dnssec::make_new_key(zone, dnssec::flags_zsk, dnssec::TakenTags(keys_), [] {
        return dnssec::PrivateKey::generate(*dnssec::find_algorithm(dnssec::ed25519));
      }));
      keys_.back().times.publish = begin_s;
    }
    keys_[0].times.inactive = keys_[1].times.activate = begin_s + 100'000;
    keys_[0].times.remove = begin_s + 200'000;
  }

  config::PolicySetting policy_;
  std::vector<dnssec::ZoneKey> keys_;
  SecondaryWatch watch_;
};

TEST_F(SecondaryWatchTest, AreAskedUntilTheyHaveWhatIsWaitedFor) {
  watch_.note("z.", policy_, keys_, {}, begin_s);
  EXPECT_THAT(watch_.take_due(begin_s), IsEmpty());
  size_t asked = 0;
  for (uint64_t s = 1; s <= 36'000; ++s) {
    for (const GroupQuestion& question : watch_.take_due(begin_s + s)) {
      watch_.on_answered(question.zone);
      EXPECT_EQ(question.secondaries, policy_.secondaries);
      EXPECT_THAT(question.parents, IsEmpty());
      ++asked;
    }
  }
  EXPECT_GE(asked, 36'000 / SecondaryWatch::ask_s_max);
  EXPECT_LE(asked, 36'000 / SecondaryWatch::ask_s_max + 12);
  const dnssec::ServedKeys served{.keys = {{.tag = keys_[1].tag(), .served_s = begin_s}}};
  EXPECT_EQ(watch_.zone_count(), 1U);
  watch_.note("z.", policy_, keys_, served, begin_s + 40'000);
  EXPECT_EQ(watch_.zone_count(), 0U);
  EXPECT_THAT(watch_.take_due(begin_s + 50'000), IsEmpty());
  watch_.note("z.", policy_, keys_, served, begin_s + 100'000);  // the old one signs no more
  EXPECT_EQ(watch_.take_due(begin_s + 100'001).size(), 1U);
}

TEST_F(SecondaryWatchTest, NobodyIsAskedWhereNoneAreNamed) {
  policy_.secondaries.clear();
  watch_.note("z.", policy_, keys_, {}, begin_s);
  EXPECT_THAT(watch_.take_due(begin_s + 1000), IsEmpty());
}

TEST_F(SecondaryWatchTest, OfManyZonesSomeAreAskedAtATime) {
  constexpr size_t zones = 3 * SecondaryWatch::zones_asked_max;
  for (size_t i = 0; i < zones; ++i) {
    watch_.note("z" + std::to_string(i) + ".", policy_, keys_, {}, begin_s);
  }
  std::set<std::string> asked;
  for (int i = 0; i < 3; ++i) {
    const auto due = watch_.take_due(begin_s + 1);
    EXPECT_EQ(due.size(), SecondaryWatch::zones_asked_max);
    for (const GroupQuestion& question : due) asked.insert(question.zone);
  }
  EXPECT_EQ(asked.size(), zones);
}

TEST_F(SecondaryWatchTest, NoMoreAreAskedWhileManyDoNotAnswer) {
  policy_.secondaries.assign(16, policy_.secondaries[0]);
  constexpr size_t open_max = SecondaryWatch::connections_max / (2 * 16);
  constexpr size_t zones = 3 * open_max;
  for (size_t i = 0; i < zones; ++i) {
    watch_.note("z" + std::to_string(i) + ".", policy_, keys_, {}, begin_s);
  }
  std::vector<GroupQuestion> open = watch_.take_due(begin_s + 1);
  EXPECT_EQ(open.size(), open_max);
  EXPECT_THAT(watch_.take_due(begin_s + 1000), IsEmpty());
  std::set<std::string> asked;
  for (int i = 0; i < 3; ++i) {
    for (const GroupQuestion& question : open) {
      asked.insert(question.zone);
      watch_.on_answered(question.zone);
      watch_.on_answered(question.zone);  // it counts once
    }
    open = watch_.take_due(begin_s + 1000);
  }
  EXPECT_EQ(asked.size(), zones);
}

TEST_F(SecondaryWatchTest, AQuestionIsNotAskedBesideItself) {
  watch_.note("z.", policy_, keys_, {}, begin_s);
  EXPECT_EQ(watch_.take_due(begin_s + 1).size(), 1U);
  EXPECT_THAT(watch_.take_due(begin_s + 1000), IsEmpty());
  watch_.on_answered("z.");
  EXPECT_EQ(watch_.take_due(begin_s + 1000).size(), 1U);
}

}  // namespace
}  // namespace holdfast::control
