// SPDX-License-Identifier: GPL-3.0-or-later
#include "zone/order_key.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "base/check.h"
#include "wire/name.h"

namespace holdfast::zone {
namespace {

int sign(int64_t value) { return (value > 0 ? 1 : 0) - (value < 0 ? 1 : 0); }

wire::Name random_name(std::mt19937& random) {
  wire::Name name;
  for (auto labels = random() % 4; labels > 0; --labels) {
    std::array<uint8_t, 4> label;
    label[0] = static_cast<uint8_t>(1 + random() % 3);
    for (size_t i = 1; i <= label[0]; ++i) {
      constexpr std::array<uint8_t, 8> bytes{0, 1, 2, 'a', 'A', 'b', '[', 0xff};
      label[i] = bytes[random() % bytes.size()];
    }
    CHECK(name.assign_joined(Bytes(label).first(1U + label[0]), wire::Name(name)));
  }
  return name;
}

Bytes relative(const wire::Name& name) { return name.view().bytes().first(name.view().size() - 1); }

TEST(OrderKeyTest, OrdersAsCanonicalOrderDoes) {
  std::mt19937 random(1);
  for (int i = 0; i < 100000; ++i) {
    const wire::Name a = random_name(random);
    const wire::Name b = random_name(random);
    const OrderKey key_a(relative(a));
    const OrderKey key_b(relative(b));
    ASSERT_EQ(sign(compare(key_a, key_b)), sign(wire::compare_canonical(a, b)))
        << a.view().to_text() << " and " << b.view().to_text();
    const size_t common = key_a.common_with(key_b);
    const uint32_t word_a = key_a.word32_at(common);
    const uint32_t word_b = key_b.word32_at(common);
    if (word_a != word_b) {
      ASSERT_EQ(sign(int64_t{word_a} - int64_t{word_b}), sign(compare(key_a, key_b)));
    }
  }
}

TEST(OrderKeyTest, TheApexIsTheEmptyKey) {
  EXPECT_TRUE(OrderKey(Bytes{}).bytes().empty());
  EXPECT_EQ(OrderKey(Bytes{}).word64_at(0), 0U);
  EXPECT_EQ(OrderKey(Bytes{}).word64_at(400), 0U);
}

TEST(OrderKeyTest, TakesTheLongestName) {
  // 127 labels of one zero byte: every byte but the lengths is escaped.
  std::vector<uint8_t> longest;
  for (int i = 0; i < 127; ++i) longest.insert(longest.end(), {1, 0});
  EXPECT_EQ(OrderKey(longest).bytes().size(), 127U * 3U);
  // The most bytes under escape: three labels of 63 and one of 61.
  std::vector<uint8_t> widest;
  for (const uint8_t length : std::to_array<uint8_t>({63, 63, 63, 61})) {
    widest.push_back(length);
    widest.insert(widest.end(), length, 1);
  }
  EXPECT_EQ(OrderKey(widest).bytes().size(), 2U * 250U + 4U);
}

}  // namespace
}  // namespace holdfast::zone
