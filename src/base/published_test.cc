// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/published.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <thread>

namespace holdfast {
namespace {

struct Value {
  std::array<uint32_t, 101> numbers{};
};

TEST(Published, StartsWithTheDefaultAndGenerationZero) {
  const Published<Value> published;
  Value value;
  value.numbers[3] = 7;
  EXPECT_EQ(published.read(value), 0u);
  EXPECT_EQ(value.numbers[3], 0u);
}

TEST(Published, GivesTheLastValueAndItsGeneration) {
  Published<Value> published;
  Value value;
  value.numbers.fill(1);
  published.publish(value);
  value.numbers.fill(2);
  published.publish(value);
  Value seen;
  EXPECT_EQ(published.read(seen), 2u);
  EXPECT_EQ(published.generation(), 2u);
  EXPECT_EQ(seen.numbers, value.numbers);
}

TEST(Published, ReadersNeverSeeHalfOfAValue) {
  const auto published = std::make_unique<Published<Value>>();
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    Value value;
    for (uint32_t i = 1; i <= 20'000; ++i) {
      value.numbers.fill(i);
      published->publish(value);
    }
    stop = true;
  });
  uint64_t last = 0;
  while (!stop) {
    Value seen;
    const uint64_t generation = published->read(seen);
    ASSERT_GE(generation, last);
    last = generation;
    for (const uint32_t number : seen.numbers) ASSERT_EQ(number, generation);
  }
  writer.join();
}

}  // namespace
}  // namespace holdfast
