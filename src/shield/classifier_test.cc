// SPDX-License-Identifier: GPL-3.0-or-later
// The shield's judgement of sources against one who knows this code: tests that print a figure.
#include "shield/classifier.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <vector>

#include "shield/admission.h"

namespace holdfast::shield {
namespace {

using Address = std::array<uint8_t, 4>;

class ClassifierTest : public testing::Test {
 protected:
  ClassifierTest() {
    std::mt19937_64 random(17);
    for (__u64& word : common_.key) word = random();
    common_.known_slots = AdmissionLimits().known_slots;
    set_level(1);
  }
  void set_level(uint32_t level) { AdmissionControl::write_allowances({}, level, orders_); }

  static Address resolver(uint32_t i) {
    return {192, 0, static_cast<uint8_t>(2 + i / 200), static_cast<uint8_t>(1 + i % 200)};
  }
  static Address bot(uint32_t i) {
    return {10, static_cast<uint8_t>(i >> 16), static_cast<uint8_t>(i >> 8),
            static_cast<uint8_t>(i)};
  }
  // `rate` questions in each of some slots, quiet.
  void learn(const Address& address, uint8_t hop, uint32_t rate, uint32_t slots) {
    for (uint32_t slot = 0; slot < slots; ++slot) {
      common_.slot = slot;
      for (uint32_t i = 0; i < rate; ++i) {
        classifier_.learn(classifier_.look(address, hop),
                          base_ms + slot * 5'000 + i * 1'000 / rate);
      }
    }
  }
  ShieldClass judge(const Address& address, uint8_t hop, uint64_t now_ms) {
    Source source = classifier_.look(address, hop);
    classifier_.judge(source, orders_, now_ms);
    return source.source_class;
  }

  static constexpr uint64_t base_ms = 1'000'000;
  static constexpr uint64_t attack_ms = 9'000'000;
  ShieldCommon common_{};
  ShieldOrders orders_{};
  std::vector<ShieldHistoryLine> lines_ = std::vector<ShieldHistoryLine>(SHIELD_HISTORY_LINES);
  std::unique_ptr<ShieldRateTable> rates_ = std::make_unique<ShieldRateTable>();
  Classifier classifier_{common_,
                         SourceHistory(std::span<ShieldHistoryLine, SHIELD_HISTORY_LINES>(
                             lines_.data(), lines_.size())),
                         RateTable(*rates_)};
};

TEST_F(ClassifierTest, ARetryStormOfTheKnownStaysKnown) {
  learn(resolver(1), 60, 20, 3);
  int known = 0;
  for (uint32_t i = 0; i < 20 * 20; ++i) {
    if (judge(resolver(1), 60, attack_ms + i * 1'000 / 400) == shield_known) ++known;
  }
  EXPECT_EQ(known, 400);
}

// 65,536 sources at five a second each, all below the limit for one source.
TEST_F(ClassifierTest, RotatingSourcesNeverRankWithTheKnown) {
  for (uint32_t i = 0; i < 50; ++i) learn(resolver(i), 60, 20, 3);
  std::map<ShieldClass, uint64_t> bots;
  std::map<ShieldClass, uint64_t> honest;
  for (uint32_t i = 0; i < 600'000; ++i) {
    const uint64_t now = attack_ms + i / 300;
    ++bots[judge(bot(i % 65'536), 50, now)];
    if (i % 300 == 0) ++honest[judge(resolver(i / 300 % 50), 60, now)];
  }
  EXPECT_EQ(bots[shield_known] + bots[shield_proved], 0u);
  EXPECT_EQ(honest[shield_known], 2'000u);
  // A /24 of them is faster than strangers may be: after the first moments they rank last.
  EXPECT_GT(bots[shield_unknown_fast], 300'000u);
  RecordProperty("fast_percent", static_cast<int>(bots[shield_unknown_fast] / 6'000));
}

// Forged sources of the known: from another distance they use up nothing; from the same distance
// they push the source to `odd`, which is served before all strangers.
TEST_F(ClassifierTest, ForgedSourcesOfTheKnown) {
  learn(resolver(1), 60, 20, 3);
  std::map<ShieldClass, int> real;
  for (uint32_t i = 0; i < 10'000; ++i) {
    const uint64_t now = attack_ms + i / 10;
    EXPECT_EQ(judge(resolver(1), 50, now), shield_known_odd);
    if (i % 500 == 0) ++real[judge(resolver(1), 60, now)];
  }
  EXPECT_EQ(real[shield_known], 20);
  int odd = 0;
  for (uint32_t i = 0; i < 10'000; ++i) {
    const ShieldClass judged = judge(resolver(1), 60, attack_ms + 5'000 + i / 10);
    EXPECT_TRUE(judged == shield_known || judged == shield_known_odd);
    if (judged == shield_known_odd) ++odd;
  }
  // Its allowance of 1,024 in each of two windows is answered, whoever sent it; the rest is sent to
  // TCP, where the real one comes back and the forger does not.
  EXPECT_GT(odd, 7'900);
}

// A flood that can be answered is no overload, so that what is seen is learned; in the laboratory a
// slot begins every second, elsewhere every hour. In whatever slots, it teaches nothing of whom it
// forges, and what it asks is not counted as his.
TEST_F(ClassifierTest, WhoFloodsAtASlotsChangeIsNotTakenForTheSource) {
  std::mt19937_64 random(23);
  const uint64_t begins_ms = uint64_t{3'600'000} * 1'000;
  const auto ask = [&](const Address& address, uint8_t hop, uint64_t now_ms, uint32_t slot_s) {
    common_.slot = static_cast<uint32_t>(now_ms / 1'000 / slot_s);
    classifier_.learn(classifier_.look(address, hop), now_ms);
  };
  uint32_t number = 0;
  for (const uint32_t slot_s : {1U, 4U, 3'600U}) {
    const Address forged = resolver(++number);
    for (uint64_t slot = 8; slot > 0; --slot) {
      ask(forged, 60, begins_ms - slot * slot_s * 1'000 + 500, slot_s);
    }
    for (uint64_t at_ms = begins_ms - 5'000; at_ms < begins_ms + 10'000; ++at_ms) {
      if (random() % 1'000 < 300) ask(forged, 51, at_ms, slot_s);
      if (at_ms % 1'000 == 700) ask(forged, 60, at_ms, slot_s);
    }
    EXPECT_EQ(judge(forged, 60, begins_ms + 10'000), shield_known) << slot_s;
    EXPECT_EQ(judge(forged, 51, begins_ms + 10'000), shield_known_odd) << slot_s;
    Source source = classifier_.look(forged, 60);
    classifier_.find(source, orders_);
    EXPECT_EQ(shield_usual(source.entry), 0u) << slot_s;
  }
}

// A week of preparation: 60,000 bots ask a question an hour each. Known they are then, but at that
// rate; when that is still too much, the demands rise, and what a bot may ask falls with them.
TEST_F(ClassifierTest, PoisonedHistoryBuysLittle) {
  for (uint32_t i = 0; i < 50; ++i) learn(resolver(i), 60, 20, 40);
  for (uint32_t i = 0; i < 60'000; ++i) learn(bot(i), 50, 1, 3);
  common_.slot = 40;
  std::array<uint64_t, 5> passed{};
  std::array<uint64_t, 5> honest{};
  for (uint32_t level = 1; level <= 4; ++level) {
    set_level(level);
    for (uint32_t i = 0; i < 300'000; ++i) {
      const uint64_t now = attack_ms + level * 10'000 + i / 300;
      if (judge(bot(i % 60'000), 50, now) == shield_known) ++passed[level];
      if (i % 300 == 0 && judge(resolver(i / 300 % 50), 60, now) == shield_known) ++honest[level];
    }
    RecordProperty("bots_known_percent_level_" + std::to_string(level),
                   static_cast<int>(passed[level] / 3'000));
  }
  for (uint32_t level = 1; level <= 4; ++level) EXPECT_EQ(honest[level], 1'000u) << level;
  EXPECT_EQ(passed[1], 300'000u) << "so far they pass: the flood is what they are known for";
  EXPECT_EQ(passed[3], 0u) << "seen in three slots only";
  EXPECT_EQ(passed[4], 0u);
}

// Sources that share a line, chosen under another key than ours: they fill no line of ours.
TEST_F(ClassifierTest, CollisionsAimedAtAnotherKeyHurtNobody) {
  ShieldCommon guessed{};
  guessed.key[1] = 3;
  for (uint32_t i = 0; i < 50; ++i) learn(resolver(i), 60, 20, 3);
  const auto line_under = [](const ShieldCommon& common, const Address& address) {
    std::array<__u32, 4> words{0, 0, 0xffff0000U, 0};
    std::memcpy(&words[3], address.data(), 4);
    return shield_line_of(shield_source_hash(common.key, words.data()));
  };
  const uint32_t aimed_at = line_under(guessed, resolver(7));
  uint32_t aimed = 0;
  for (uint32_t i = 0; i < (1U << 24) && aimed < 200; ++i) {
    if (line_under(guessed, bot(i)) != aimed_at) continue;
    ++aimed;
    learn(bot(i), 50, 1, 3);
  }
  ASSERT_GE(aimed, 100u);
  int known = 0;
  for (uint32_t i = 0; i < 50; ++i) {
    if (judge(resolver(i), 60, attack_ms + i) == shield_known) ++known;
  }
  EXPECT_EQ(known, 50);
}

TEST_F(ClassifierTest, ACookieProvesTheReturnPathAtAModestRate) {
  int proved = 0;
  for (uint32_t i = 0; i < 200; ++i) {
    Source source = classifier_.look(bot(1), 50);
    classifier_.judge(source, orders_, attack_ms + i);
    classifier_.judge_cookie(source, orders_);
    if (source.source_class == shield_proved) ++proved;
  }
  EXPECT_EQ(static_cast<uint32_t>(proved), orders_.proved_source);
}

TEST_F(ClassifierTest, APrefixGetsSoManyRepliesAndWithAKnownSourceMore) {
  orders_.reply_prefix = 20;
  const auto replies = [&](uint32_t number, uint8_t hop, uint64_t now_ms) {
    uint32_t count = 0;
    for (int i = 0; i < 400; ++i) {
      Source source = classifier_.look(resolver(number), hop);
      classifier_.judge(source, orders_, now_ms);
      count += classifier_.may_reply(source, orders_, now_ms) ? 1U : 0U;
    }
    return count;
  };
  EXPECT_EQ(replies(1, 60, attack_ms), 20U);
  learn(resolver(1), 60, 20, 3);
  EXPECT_EQ(replies(1, 60, attack_ms + 10'000), 20U * SHIELD_REPLIES_TO_KNOWN);
  EXPECT_EQ(replies(1, 69, attack_ms + 20'000), 20U) << "not from another distance";
  orders_.reply_prefix = 1U << 30;
  EXPECT_EQ(replies(1, 60, attack_ms + 30'000), 400U);
}

TEST_F(ClassifierTest, Ipv6SourcesAreNetworks) {
  std::array<uint8_t, 16> first{0x20, 0x01, 0x0d, 0xb8, 0, 1, 0, 2, 9};
  std::array<uint8_t, 16> second = first;
  second[15] = 77;
  EXPECT_EQ(classifier_.look(first, 1).hash, classifier_.look(second, 1).hash);
  second[7] = 3;
  EXPECT_NE(classifier_.look(first, 1).hash, classifier_.look(second, 1).hash);
  EXPECT_EQ(classifier_.prefix_hash_of(classifier_.look(first, 1)),
            classifier_.prefix_hash_of(classifier_.look(second, 1)));
}

}  // namespace
}  // namespace holdfast::shield
