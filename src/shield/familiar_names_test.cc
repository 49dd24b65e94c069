// SPDX-License-Identifier: GPL-3.0-or-later
// Which names and forms are familiar to a filter on a socket.
#include "shield/familiar_names.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "shield/message_form.h"

namespace holdfast::shield {
namespace {

constexpr BucketKey key{
    .mix = 0x9e3779b1, .fold = 0xc2b2ae35, .tables = {0x85ebca6b, 0x27d4eb2f, 0x165667b1}};

// With a first label of so many letters.
std::vector<uint8_t> question(uint8_t label_bytes, uint8_t parent) {
  std::vector<uint8_t> message(12);
  message.push_back(label_bytes);
  message.insert(message.end(), label_bytes, 'x');
  message.push_back(7);
  message.insert(message.end(), 7, parent);
  message.resize(message.size() + 5);
  return message;
}

TEST(ParentMix, IsOfWhatStandsBehindTheFirstLabel) {
  const auto mix = parent_mix(key, question(12, 'a'));
  ASSERT_TRUE(mix.has_value());
  EXPECT_EQ(parent_mix(key, question(3, 'a')), mix);
  EXPECT_EQ(parent_mix(key, question(12, 'A')), mix);
  EXPECT_NE(parent_mix(key, question(12, 'b')), mix);
  auto cut = question(12, 'a');
  cut.resize(12 + 1 + 12 + parent_bytes_hashed);
  EXPECT_EQ(parent_mix(key, cut), mix);
  cut.pop_back();
  EXPECT_FALSE(parent_mix(key, cut).has_value());
  EXPECT_FALSE(parent_mix(key, Bytes(cut).first(12)).has_value());
}

TEST(AttackedParents, AreToldForTenSecondsUnlessTheyAreTooMany) {
  AttackedParents parents;
  EXPECT_EQ(parents.told(100).count, 0u);
  EXPECT_TRUE(parents.note(7, 100));
  EXPECT_FALSE(parents.note(7, 105)) << "it is told already";
  EXPECT_TRUE(parents.told(114).has(7));
  EXPECT_FALSE(parents.told(114).has(8));
  EXPECT_FALSE(parents.told(115).has(7));
  for (uint32_t mix = 20; mix < 20 + AttackedParents::told_max; ++mix) {
    EXPECT_TRUE(parents.note(mix, 120)) << "in the place of an old one";
  }
  EXPECT_EQ(parents.told(121).count, AttackedParents::told_max);
  EXPECT_FALSE(parents.note(99, 121));
  EXPECT_EQ(parents.told(121).count, 0u) << "there are more of them";
  for (uint32_t now_s = 122; now_s < 140; ++now_s) parents.note(20, now_s);
  const auto told = parents.told(140);
  EXPECT_EQ(told.count, 1u);
  EXPECT_TRUE(told.has(20));
}

TEST(UsualForms, AreThoseOfOneInThirtyTwo) {
  UsualForms forms;
  EXPECT_EQ(forms.usual(), all_message_forms) << "nothing is known";
  for (int i = 0; i < 960; ++i) forms.count(2);
  for (int i = 0; i < 40; ++i) forms.count(3);
  for (int i = 0; i < 20; ++i) forms.count(0);
  EXPECT_EQ(forms.usual(), 1U << 2 | 1U << 3);
  for (int i = 0; i < 40; ++i) {
    forms.age();
    for (int j = 0; j < 100; ++j) forms.count(0);
  }
  EXPECT_EQ(forms.usual(), 1U) << "what has not been seen for long";
}

// Quiet times may last for ever: then nobody ages it.
TEST(UsualForms, CountsAreBoundedAndTheOldFade) {
  constexpr uint32_t rounds = 64;
  UsualForms forms;
  for (uint32_t round = 0; round < rounds; ++round) {
    for (uint32_t i = 0; i < UsualForms::seen_max; ++i) forms.count(2);
    ASSERT_EQ(forms.usual(), 1U << 2) << round;
  }
  for (uint32_t i = 0; i < UsualForms::seen_max; ++i) forms.count(3);
  EXPECT_EQ(forms.usual(), 1U << 2 | 1U << 3) << "one in 65 of all that there were";
  for (uint32_t i = 0; i < 8 * UsualForms::seen_max; ++i) forms.count(3);
  EXPECT_EQ(forms.usual(), 1U << 3);
}

TEST(FamiliarNames, AtMostThreeEighthsAreFamiliarAndTheYoungestStay) {
  const auto names = std::make_unique<FamiliarNames>();
  const uint64_t unit_ms = uint64_t{1} << FamiliarNames::unit_shift_ms;
  for (uint32_t age = 8; age-- > 0;) {
    for (uint32_t i = 0; i < 1'000; ++i) names->mark({age * 1'000 + i, i}, (100 - age) * unit_ms);
  }
  FamiliarNames::Words words;
  names->write(100 * unit_ms, words);
  EXPECT_TRUE(words.has({0, 0}));
  EXPECT_TRUE(words.has({2'999, 999}));
  EXPECT_FALSE(words.has({3'000, 0}));
  EXPECT_FALSE(words.has({0, 1'000})) << "in both tables";
  names->write((100 + FamiliarNames::units_kept + 1) * unit_ms, words);
  EXPECT_FALSE(words.has({0, 0}));
  names->forget_old((100 + FamiliarNames::units_kept + 1) * unit_ms);
  names->write(100 * unit_ms, words);
  EXPECT_FALSE(words.has({0, 0}));
}

}  // namespace
}  // namespace holdfast::shield
