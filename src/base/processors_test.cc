// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/processors.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <thread>

namespace holdfast {
namespace {

TEST(Processors, AThreadStaysWhereItIsPut) {
  const std::vector<uint32_t> before = allowed_cpus();
  ASSERT_FALSE(before.empty());
  std::thread([&] {
    ASSERT_TRUE(stay_on_cpu(before.back()));
    EXPECT_EQ(allowed_cpus(), std::vector{before.back()});
    EXPECT_EQ(static_cast<uint32_t>(sched_getcpu()), before.back());
  }).join();
  EXPECT_EQ(allowed_cpus(), before);
}

}  // namespace
}  // namespace holdfast
