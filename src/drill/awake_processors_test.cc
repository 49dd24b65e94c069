// SPDX-License-Identifier: GPL-3.0-or-later
#include "drill/awake_processors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <optional>

namespace holdfast::drill {
namespace {

constexpr const char* device = "/dev/cpu_dma_latency";

// How many of this process' descriptors are of it.
size_t held_descriptors() {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (std::filesystem::read_symlink(entry.path(), error) == device) ++count;
  }
  return count;
}

// The least that anybody asks for at this moment, as the kernel tells whoever has it open.
std::optional<int32_t> latency_us_in_force() {
  const UniqueFd file(open(device, O_RDONLY | O_CLOEXEC));
  int32_t latency_us = -1;
  if (!file.valid() || read(file.get(), &latency_us, sizeof latency_us) != sizeof latency_us) {
    return std::nullopt;
  }
  return latency_us;
}

// That others ask for the same at the same time, as a drill beside this test does, must not matter:
// so its end is told from our own descriptors.
TEST(AwakeProcessors, NoneMaySleepWhileItLives) {
  const UniqueFd device_itself(open(device, O_RDWR | O_CLOEXEC));
  if (!device_itself.valid()) GTEST_SKIP() << device << ": " << std::strerror(errno);
  const size_t before = held_descriptors();
  {
    const AwakeProcessors awake;
    EXPECT_TRUE(awake.are_kept());
    EXPECT_EQ(held_descriptors(), before + 1);
    EXPECT_EQ(latency_us_in_force(), 0);
  }
  EXPECT_EQ(held_descriptors(), before);
}

}  // namespace
}  // namespace holdfast::drill
