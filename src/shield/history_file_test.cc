// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/history_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/hash.h"
#include "base/shared_memory.h"
#include "shield/source_history.h"

namespace holdfast::shield {
namespace {

constexpr uint32_t slot_s = 3600;
constexpr uint64_t saved_s = uint64_t{500'000} * slot_s;

class HistoryFileTest : public testing::Test {
 protected:
  HistoryFileTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "shieldXXXXXX").string();
    directory_ = mkdtemp(pattern.data());
    saved_->common.key[0] = 77;
    SourceHistory history(saved_->history);
    const uint32_t slot = slot_at(saved_s, slot_s);
    history.learn({.hash = 1, .hop = 60, .rate = 9}, slot - 150);
    for (uint32_t i = 0; i < 3; ++i) history.learn({.hash = 2, .hop = 60, .rate = 9}, slot - i);
    history.set_operator_flag(3, SHIELD_FLAG_DENIED, slot);
  }
  ~HistoryFileTest() override { std::filesystem::remove_all(directory_); }
  [[nodiscard]] std::string path() const { return history_path(directory_); }

  std::string directory_;
  // Zeroed, as the server's is.
  static SharedObject<ShieldMemory> make_memory() {
    return SharedObject<ShieldMemory>::create("a test").value();
  }

  SharedObject<ShieldMemory> saved_ = make_memory();
  SharedObject<ShieldMemory> loaded_ = make_memory();
};

TEST_F(HistoryFileTest, KeepsKeyAndSourcesOverARestart) {
  ASSERT_TRUE(write_history(path(), *saved_, saved_s, slot_s).has_value());
  ASSERT_TRUE(read_history(path(), *loaded_, saved_s + 100, slot_s).has_value());
  EXPECT_EQ(loaded_->common.key[0], 77u);
  const SourceHistory history(loaded_->history);
  EXPECT_EQ(shield_score(history.find(1)), 1u);
  EXPECT_EQ(shield_score(history.find(2)), 3u);
  EXPECT_EQ(shield_flags(history.find(3)), 0u) << "the operator's word ended with the server";
}

TEST_F(HistoryFileTest, AFileOfTheFormBeforeIsRead) {
  constexpr __u64 seen = __u64{1} << SHIELD_HOP_SEEN_SHIFT;
  for (ShieldHistoryLine& line : saved_->history) {
    for (__u64& entry : line.entries) entry &= ~seen;
  }
  ASSERT_TRUE(write_history(path(), *saved_, saved_s, slot_s).has_value());
  std::string content = *read_file(path(), size_t{8} << 20);
  content[7] = '1';
  const auto part = [&](size_t begin, size_t end) {
    return Bytes(reinterpret_cast<const uint8_t*>(content.data()), content.size())
        .subspan(begin, end - begin);
  };
  constexpr HashKey key = {0x686f6c6466617374, 0x736869656c643031};
  const uint64_t checksum =
      hash_mix(hash_bytes(part(0, 56), key) | 1, hash_bytes(part(64, content.size()), key) | 1);
  std::memcpy(content.data() + 56, &checksum, sizeof checksum);
  ASSERT_TRUE(replace_file(path(), part(0, content.size()), 0600).has_value());
  ASSERT_TRUE(read_history(path(), *loaded_, saved_s + 100, slot_s).has_value());
  SourceHistory history(loaded_->history);
  EXPECT_EQ(shield_score(history.find(2)), 3u);
  EXPECT_EQ(history.find(2) & seen, seen);
  history.learn({.hash = 2, .hop = 50, .rate = 1}, slot_at(saved_s, slot_s) + 1);
  EXPECT_EQ(shield_hop(history.find(2)), 60u) << "one forged question takes nobody's place";
}

TEST_F(HistoryFileTest, WhatGrewTooOldMeanwhileIsLeftOut) {
  ASSERT_TRUE(write_history(path(), *saved_, saved_s, slot_s).has_value());
  ASSERT_TRUE(read_history(path(), *loaded_, saved_s + 100 * slot_s, slot_s).has_value());
  EXPECT_EQ(SourceHistory(loaded_->history).find(1), 0u);
  EXPECT_NE(SourceHistory(loaded_->history).find(2), 0u);
  loaded_ = make_memory();
  ASSERT_TRUE(read_history(path(), *loaded_, saved_s + 1000 * slot_s, slot_s).has_value());
  EXPECT_EQ(SourceHistory(loaded_->history).find(2), 0u);
  EXPECT_EQ(loaded_->common.key[0], 77u);
}

TEST_F(HistoryFileTest, AnAgeIsANumberOfSlotsWhateverTheirLength) {
  constexpr uint32_t minute_s = 60;
  constexpr uint64_t now_s = saved_s + 10 * minute_s;
  ASSERT_TRUE(write_history(path(), *saved_, saved_s, slot_s).has_value());
  ASSERT_TRUE(read_history(path(), *loaded_, now_s, minute_s).has_value());
  const SourceHistory history(loaded_->history);
  EXPECT_EQ(shield_score(history.find(2)), 3U);
  const auto age = [&](uint64_t hash) {
    return (slot_at(now_s, minute_s) - shield_slot(history.find(hash))) & 0xffU;
  };
  EXPECT_EQ(age(2), 2 + 10U);
  EXPECT_EQ(age(1), 150 + 10U);
}

TEST_F(HistoryFileTest, NumbersThatWentOnAreThoseOfTheLengthInTheFile) {
  saved_->common.slot_offset = 77;
  SourceHistory(saved_->history).learn({.hash = 4, .hop = 60}, slot_at(saved_s, slot_s) + 77);
  ASSERT_TRUE(write_history(path(), *saved_, saved_s, slot_s).has_value());
  ASSERT_TRUE(read_history(path(), *loaded_, saved_s, slot_s).has_value());
  EXPECT_EQ(shield_slot(SourceHistory(loaded_->history).find(4)), slot_at(saved_s, slot_s) & 0xffU);
}

TEST_F(HistoryFileTest, WhatCannotBeTrustedIsNotRead) {
  EXPECT_FALSE(read_history(path(), *loaded_, saved_s, slot_s).has_value()) << "no file";
  ASSERT_TRUE(write_history(path(), *saved_, saved_s, slot_s).has_value());
  std::string content = *read_file(path(), size_t{8} << 20);
  content[5'000] = static_cast<char>(content[5'000] ^ 1);
  const Bytes bytes(reinterpret_cast<const uint8_t*>(content.data()), content.size());
  ASSERT_TRUE(replace_file(path(), bytes, 0600).has_value());
  EXPECT_FALSE(read_history(path(), *loaded_, saved_s, slot_s).has_value()) << "a bit flipped";
  ASSERT_TRUE(replace_file(path(), bytes.first(1000), 0600).has_value());
  EXPECT_FALSE(read_history(path(), *loaded_, saved_s, slot_s).has_value()) << "cut";
  EXPECT_EQ(loaded_->common.key[0], 0u);
}

}  // namespace
}  // namespace holdfast::shield
