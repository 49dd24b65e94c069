// SPDX-License-Identifier: GPL-3.0-or-later
// Beginnings of TCP connections, and replies to one prefix, in the XDP program.
#include "shield/test_gate_orders.h"

namespace holdfast::shield {
namespace {

constexpr Verdict syn_passed = passed(xdp_passed_syn);
constexpr Verdict syn_dropped = dropped(xdp_dropped_syn);

class StreamGateTest : public ShieldGateTest {
 protected:
  // What TestFrame writes before the payload are ports and the sequence number.
  static std::vector<uint8_t> segment(int flags) {
    return {0, 0, 0, 0, 0x50, static_cast<uint8_t>(flags), 0xff, 0xff, 0, 0, 0, 0};
  }
  void SetUp() override {
    ShieldGateTest::SetUp();
    if (IsSkipped()) return;
    frame_.protocol = 6;
    frame_.payload = segment(0x02);
  }
  void limit(uint32_t per_s) {
    orders().syn_per_s = per_s;
    usleep(12'000);  // a tick, so that the budget is the new one's
    for (int i = 0; i < 10; ++i) run();
  }
  // Of 40, at once.
  int count_passed() {
    int through = 0;
    for (int i = 0; i < 40; ++i) through += run() == syn_passed ? 1 : 0;
    return through;
  }
};

TEST_F(StreamGateTest, StreamsAreToldApartAndLeftToTheKernel) {
  for (const bool ipv6 : {false, true}) {
    if (ipv6) use_ipv6();
    for (const int flags : {0x02, 0xc2}) {  // with ECN, too
      frame_.payload = segment(flags);
      EXPECT_EQ(run(), syn_passed);
    }
    for (const int flags : {0x12, 0x10, 0x18, 0x04, 0x00}) {
      frame_.payload = segment(flags);
      EXPECT_EQ(run(), passed(xdp_passed_stream)) << flags;
    }
    frame_.payload.pop_back();
    EXPECT_EQ(run(), passed(xdp_passed_length));
    frame_.payload = segment(0x02);
    frame_.to_port = 54;
    EXPECT_EQ(run(), passed(xdp_passed_destination));
    frame_.to_port = 53;
  }
}

TEST_F(StreamGateTest, StrangersShareABudgetOnceThereAreTooMany) {
  EXPECT_EQ(count_passed(), 40) << "without a limit";
  orders().level = 0;  // questions are not too many
  limit(1);
  EXPECT_LE(count_passed(), 4);
  EXPECT_EQ(run(), syn_dropped);
  frame_.payload = segment(0x10);
  EXPECT_EQ(run(), passed(xdp_passed_stream)) << "of connections that were let through";
  frame_.payload = segment(0x02);
  common().dry_run = SHIELD_DRY_RUN_ADMISSION;
  EXPECT_EQ(run(), syn_passed);
  EXPECT_EQ(gate_->count_dry(0, xdp_dropped_syn), 1U);
  common().dry_run = 0;
  orders().beat_ms = monotonic_ms() - SHIELD_ORDERS_MS - 100;
  EXPECT_EQ(run(), syn_passed) << "who gave the order may be dead";
}

TEST_F(StreamGateTest, TheKnownBeginAsManyAsTheyAskAndMore) {
  orders().known_floor = 4;
  limit(1);
  remember(9);
  const auto [within, beyond] = within_window([&] {
    const int passing = count_passed();
    return std::pair(passing, run());
  });
  EXPECT_GE(within, 16);
  EXPECT_EQ(beyond, syn_dropped) << "beyond its rate it is a stranger";
  frame_.from = "192.0.2.3";
  remember(9, usual_hop - 5);
  EXPECT_LE(count_passed(), 4) << "from another distance";
  frame_.from = "192.0.2.4";
  remember(1, usual_hop, SHIELD_FLAG_PROVED);
  EXPECT_GE(count_passed(), 16) << "has completed a connection lately";
}

TEST_F(StreamGateTest, OnePrefixGetsNoMoreRepliesThanItIsGranted) {
  frame_.protocol = 17;
  frame_.payload = question;
  gate_->set_replies(true);
  orders().truncate_per_s = 1'000'000;
  orders().reply_prefix = 5;
  orders().share[shield_unknown_slow] = orders().share[shield_unknown_fast] = 0;
  const auto count_replies = [&] {
    return within_window([&] {
      int replies = 0;
      for (int i = 0; i < 20; ++i) {
        frame_.from.replace(frame_.from.rfind('.') + 1, 9, std::to_string(i + 10));
        replies += run() == replied(xdp_replied_truncated) ? 1 : 0;
      }
      return replies;
    });
  };
  EXPECT_EQ(count_replies(), 5);
  frame_.from = "192.0.3.1";
  EXPECT_EQ(count_replies(), 5) << "another /24";
}

}  // namespace
}  // namespace holdfast::shield
