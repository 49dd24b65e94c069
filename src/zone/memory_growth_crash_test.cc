// SPDX-License-Identifier: GPL-3.0-or-later
// A writer that is killed while it prepares a larger table: after each of the steps, and within
// one.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <random>
#include <thread>
#include <utility>

#include "zone/memory_samples.h"

namespace holdfast::zone {
namespace {

constexpr const char* apex = "grows.example.";
constexpr uint32_t names_at_first = 1000;
constexpr uint32_t names_max = 8192;
// So that a table of a thousand names takes some twenty.
constexpr GrowthAhead ahead{.slots_min = 500, .step_bytes = 1024, .disk_reserve_bytes = 0};
// While nothing grows, and while something does: so few that no change needs the table before it
// is prepared.
constexpr uint32_t turns_between_names = 4;
constexpr uint32_t turns_between_names_growing = 32;

std::string owner_of(uint32_t number) { return "n" + std::to_string(number) + "." + apex; }

// What the writer has done, for whoever looks after its end.
struct Board {
  std::atomic<uint32_t> steps;                             // of this writer
  std::atomic<bool> took_over;                             // by the last of them, a table
  std::atomic<uint32_t> in_flight;                         // the name that it is changing
  std::atomic<uint32_t> next;                              // the next new name
  std::array<std::atomic<uint32_t>, names_max> addresses;  // done; 0: removed
};

class MemoryGrowthCrashTest : public testing::Test {
 protected:
  MemoryGrowthCrashTest() {
    void* address =
        ::mmap(nullptr, sizeof(Board), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(address != MAP_FAILED);
    board_ = new (address) Board();
  }
  ~MemoryGrowthCrashTest() override { ::munmap(board_, sizeof(Board)); }

  [[nodiscard]] Memory open() {
    MemoryOptions options = sample_options(folder_.file());
    options.growth_ahead = ahead;
    auto memory = Memory::open(options, epochs_);
    CHECK(memory.has_value());
    return std::move(*memory);
  }
  void load() {
    Memory memory = open();
    SampleZone zone(apex);
    zone.soa(1);
    for (uint32_t i = 0; i < names_at_first; ++i) {
      zone.a(owner_of(i), i + 1);
      board_->addresses[i] = i + 1;
    }
    board_->next = names_at_first;
    ASSERT_TRUE(memory.publish(zone.finish(), nullptr).has_value());
  }
  // Adds names while there are some, changes and removes them, and takes a step after each. Killed
  // by itself once it has taken so many steps of use, or one that takes a table into service; 0:
  // never.
  [[noreturn]] void work(uint32_t kill_after, uint32_t seed) {
    Memory memory = open();
    if (memory.origin() == Memory::Origin::discarded) ::_exit(2);
    std::mt19937 random(seed);
    for (uint32_t turn = 1;; ++turn) {
      const uint64_t grown = memory.use().tables_grown_ahead;
      const auto has_more = memory.grow_ahead();
      if (!has_more) ::_exit(3);
      const bool took_over = memory.use().tables_grown_ahead != grown;
      if (*has_more || took_over) {
        board_->took_over = took_over;
        ++board_->steps;
      }
      if (kill_after > 0 && (took_over || board_->steps == kill_after)) {
        ::kill(::getpid(), SIGKILL);
      }
      const uint32_t next = board_->next;
      const bool is_full = next >= names_max - 1;
      if (kill_after > 0 && is_full) ::_exit(4);
      const uint32_t pause = *has_more ? turns_between_names_growing : turns_between_names;
      const bool adds = !is_full && turn % pause == 0;
      const uint32_t number = adds ? next : static_cast<uint32_t>(random() % next);
      const uint32_t before = board_->addresses[number];
      const bool removes = before != 0 && random() % 4 == 0;
      const uint32_t after = removes ? 0 : static_cast<uint32_t>(1 + random() % 1000);
      board_->in_flight = number;
      const auto done = amend_address(memory, apex, owner_of(number),
                                      after != 0 ? std::optional(after) : std::nullopt);
      if (!done) ::_exit(5);
      board_->addresses[number] = after;
      if (adds) board_->next = next + 1;
      if (random() % 4 == 0) memory.reclaim();
    }
  }
  // Everything that was done is there, and the change that was not, whole or not at all.
  void check() {
    Memory memory = open();
    ASSERT_EQ(memory.origin(), Memory::Origin::kept_after_crash) << memory.discard_reason();
    for (uint32_t i = 0; i <= board_->next; ++i) {
      if (i == board_->in_flight) {
        const auto held = address_of(memory, apex, owner_of(i));
        board_->addresses[i] = held.value_or(0);
        if (i == board_->next && held) ++board_->next;
      }
      const uint32_t wanted = board_->addresses[i];
      ASSERT_EQ(address_of(memory, apex, owner_of(i)),
                wanted != 0 ? std::optional(wanted) : std::nullopt)
          << i;
    }
    memory.reclaim();
    memory.reclaim();
    ASSERT_EQ(memory.use().retired_bytes, 0U);
  }
  // Runs a writer to its end by SIGKILL.
  template <typename Meanwhile>
  void run_writer(uint32_t kill_after, uint32_t seed, Meanwhile&& meanwhile) {
    board_->steps = 0;
    board_->took_over = false;
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) work(kill_after, seed);
    meanwhile(child);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it ended by " << status;
  }

  SampleFolder folder_;
  EpochBoard epochs_;
  Board* board_;
};

TEST_F(MemoryGrowthCrashTest, NothingIsLostWhicheverStepWasTheLast) {
  load();
  uint32_t kill_after = 0;
  while (!board_->took_over) {
    ASSERT_LT(++kill_after, 200U);
    run_writer(kill_after, kill_after, [](pid_t) {});
    if (HasFatalFailure()) return;
    ASSERT_TRUE(board_->took_over || board_->steps == kill_after);
    check();
    if (HasFatalFailure()) FAIL() << "after " << kill_after << " steps";
  }
  EXPECT_TRUE(board_->took_over) << "the last step was to take a table into service";
  EXPECT_GT(kill_after, 15U) << "a table was to take more steps than that";
}

TEST_F(MemoryGrowthCrashTest, NothingIsLostWithinAStepOrAChange) {
  load();
  std::mt19937 random(3);
  for (uint32_t round = 0; round < 60; ++round) {
    const uint32_t steps = 1 + static_cast<uint32_t>(random() % 30);
    run_writer(0, 1000 + round, [&](pid_t child) {
      siginfo_t ended{};
      // Without further names nothing need grow.
      const auto is_full = [&] { return board_->next >= names_max - 1; };
      while (board_->steps < steps && !is_full() && ended.si_pid == 0) {
        std::this_thread::yield();
        ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
      }
      ::kill(child, SIGKILL);
    });
    if (HasFatalFailure()) return;
    check();
    if (HasFatalFailure()) FAIL() << "round " << round;
  }
}

}  // namespace
}  // namespace holdfast::zone
