// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/shared_memory.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdint>

namespace holdfast {
namespace {

struct Shared {
  std::atomic<uint32_t> number{41};
  std::array<uint8_t, size_t{1} << 30> untouched;
};

TEST(SharedMemory, AChildWritesWhatItsParentReads) {
  auto shared = SharedObject<Shared>::create("a test");
  ASSERT_TRUE(shared.has_value()) << shared.error().message;
  const pid_t child = fork();
  if (child == 0) {
    (*shared)->number.fetch_add(1);
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ((*shared)->number.load(), 42u);
  EXPECT_EQ((*shared)->untouched[12345], 0);
}

TEST(SharedMemory, AnImpossibleSizeIsAnErrorThatNamesIt) {
  const auto at = map_shared_memory(size_t{1} << 62, "a test");
  ASSERT_FALSE(at.has_value());
  EXPECT_NE(at.error().message.find("4611686018427387904"), std::string::npos);
  EXPECT_NE(at.error().message.find("a test"), std::string::npos);
}

}  // namespace
}  // namespace holdfast
