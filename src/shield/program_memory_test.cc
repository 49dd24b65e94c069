// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/program_memory.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "base/shared_memory.h"

namespace holdfast::shield {
namespace {

struct Numbers {
  uint64_t first;
  uint64_t between[1500];
  uint64_t last;
};
struct Object {
  Object() {}  // NOLINT: begins zeroed
  Numbers shared;
  alignas(4096) uint64_t own;
};

TEST(ProgramMemory, ProcessesAndProgramsSeeTheSameBytes) {
  auto object = SharedObject<Object>::create("a test");
  ASSERT_TRUE(object);
  Object& seen = **object;
  const auto map = share_with_programs(&seen.shared, sizeof seen.shared, "hf_numbers");
  if (!map) GTEST_SKIP() << "needs CAP_BPF: " << map.error().message;
  EXPECT_EQ(seen.shared.last, 0U);
  seen.shared.first = 7;
  seen.own = 5;
  const pid_t child = fork();
  if (child == 0) {
    seen.shared.last = seen.shared.first + seen.own;
    _exit(0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(seen.shared.last, 12U);
  const auto read = std::make_unique<Numbers>();
  const uint32_t key = 0;
  ASSERT_EQ(bpf_map_lookup_elem(map->get(), &key, read.get()), 0);
  EXPECT_EQ(read->first, 7U);
  EXPECT_EQ(read->last, 12U);
}

}  // namespace
}  // namespace holdfast::shield
