// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/shared_block.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vector>

namespace holdfast::shield {
namespace {

struct Numbers {
  uint64_t first;
  uint64_t rest[1023];
  uint64_t last;  // not a multiple of a page
};

class SharedBlockTest : public testing::TestWithParam<SharedWith> {};
INSTANTIATE_TEST_SUITE_P(All, SharedBlockTest,
                         testing::Values(SharedWith::processes, SharedWith::programs));

TEST_P(SharedBlockTest, ChildrenSeeAndChangeTheSameBytes) {
  auto made = SharedBlock<Numbers>::create("hf_numbers", GetParam());
  ASSERT_TRUE(made.has_value()) << made.error().message;
  const SharedBlock<Numbers> block = *std::move(made);
  EXPECT_EQ(block->first, 0U);
  EXPECT_EQ(block->last, 0U);
  block->first = 7;
  const pid_t child = fork();
  if (child == 0) {
    block->last = block->first + 1;
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(block->last, 8U);
}

TEST(SharedBlock, TheKernelSeesTheSameBytes) {
  auto made = SharedBlock<Numbers>::create("hf_numbers", SharedWith::programs);
  ASSERT_TRUE(made.has_value()) << made.error().message;
  const SharedBlock<Numbers> block = *std::move(made);
  if (block.map() < 0) GTEST_SKIP() << "needs CAP_BPF";
  block->last = 9;
  std::vector<Numbers> read(1);
  const uint32_t key = 0;
  ASSERT_EQ(bpf_map_lookup_elem(block.map(), &key, read.data()), 0);
  EXPECT_EQ(read.front().last, 9U);
}

}  // namespace
}  // namespace holdfast::shield
