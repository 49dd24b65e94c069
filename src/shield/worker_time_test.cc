// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/worker_shield.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/shared_memory.h"

namespace holdfast::shield {
namespace {

constexpr uint64_t ns_per_ms = 1'000'000;
constexpr std::array<uint8_t, 4> stranger{192, 0, 2, 1};
constexpr std::array<uint8_t, 12> message{};

class WorkerTimeTest : public testing::Test {
 protected:
  WorkerTimeTest() {
    ShieldCommon& common = memory_->common;
    common.key[0] = 99;
    common.enabled = 1;
    common.slot = 10;
    common.known_slots = 2;
    common.unknown_source = 1'000;
    common.unknown_prefix = 1'000;
    shield_ = std::make_unique<WorkerShield>(*memory_, 0, *counters_);
    for (int i = 0; i < 5; ++i) shield_->begin_turn(now_ns_ += 20 * ns_per_ms);
    shield_->note_backlog(1'000, 100);
    shield_->begin_turn(now_ns_ += 20 * ns_per_ms);
    EXPECT_TRUE(shield_->is_overloaded());
  }

  // What its zone is charged with for one more answer to a stranger that itself takes no time.
  uint32_t charge_of_answer() {
    shield_->look(0, stranger, 60);
    EXPECT_FALSE(shield_->judge(0, message));
    EXPECT_EQ(shield_->decide_by_source(0), Decision::look_up);
    const auto verdict =
        shield_->verdict_on(shield_->note_name(7, apex_.view(), NameFact::exists, 1));
    EXPECT_EQ(shield_->decide_by_name(0, verdict, NameFact::exists), Decision::answer);
    const uint32_t before = verdict.entry->served;
    shield_->end_answer(0, 0);
    return verdict.entry->served - before;
  }

  SharedObject<ShieldMemory> memory_ = *SharedObject<ShieldMemory>::create("a test");
  std::unique_ptr<exchange::Counters> counters_ = std::make_unique<exchange::Counters>();
  std::unique_ptr<WorkerShield> shield_;
  wire::Name apex_ = *wire::Name::from_text("example.org.");
  uint64_t now_ns_ = 1'000'000 * ns_per_ms;
};

// The thread may have stood still for any time while it received or sent.
TEST_F(WorkerTimeTest, AnInterruptedBatchCountsAsSome) {
  constexpr uint64_t each = 1'000;
  constexpr size_t datagrams = 64;
  const auto pass = [&](int batches) {
    for (int i = 0; i < batches; ++i) shield_->end_batch(each * datagrams, datagrams);
  };
  pass(100);
  EXPECT_EQ(charge_of_answer(), each);
  shield_->end_batch(each * datagrams * 1'000, datagrams);
  EXPECT_GT(charge_of_answer(), each);
  EXPECT_LE(charge_of_answer(), 2 * each);
  pass(20);
  EXPECT_LT(charge_of_answer(), each + each / 10);
}

// All batches take longer from now on.
TEST_F(WorkerTimeTest, WhatABatchTakesIsFollowed) {
  shield_->end_batch(1'000, 1);
  for (int i = 0; i < 100; ++i) shield_->end_batch(50'000, 1);
  EXPECT_NEAR(charge_of_answer(), 50'000, 100);
}

}  // namespace
}  // namespace holdfast::shield
