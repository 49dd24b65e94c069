// SPDX-License-Identifier: GPL-3.0-or-later
// What has not the form of a question, in the XDP program: under orders, and without.
#include "shield/test_gate_orders.h"

namespace holdfast::shield {
namespace {

class FormGateTest : public ShieldGateTest {
 protected:
  // Nothing is left for strangers but what comes meanwhile.
  void spend() {
    orders().admit_per_s = 0;
    orders().known_floor = 4;
    for (int i = 0; i < 60; ++i) run();
  }
  // Of 40, at once.
  int count(Verdict wanted) {
    int found = 0;
    for (int i = 0; i < 40; ++i) found += run() == wanted ? 1 : 0;
    return found;
  }
  void set_body(const std::vector<uint8_t>& body) {
    frame_.payload.assign(question.begin(), question.begin() + 12);
    frame_.payload.insert(frame_.payload.end(), body.begin(), body.end());
  }
};

TEST_F(FormGateTest, MessagesThatNoQuestionCanBeReadFromShareABudget) {
  std::vector<std::vector<uint8_t>> messages;
  const std::vector<std::vector<uint8_t>> bodies{
      {},                          // no question at all
      {0, 0, 1, 0},                // half a class
      {1},                         // a label that is cut
      {1, 'a'},                    // no root label
      {1, 'a', 0},                 // no type
      {1, 'a', 0, 0, 1, 0},        // half a class
      {0xc0, 12, 0, 1, 0, 1},      // a pointer
      {0x40, 'a', 0, 0, 1, 0, 1},  // a label of another type
      {63, 'a', 0, 0, 1, 0, 1},    // longer than what follows
  };
  for (const auto& body : bodies) {
    set_body(body);
    messages.push_back(frame_.payload);
  }
  const std::vector<std::pair<size_t, uint8_t>> counts{{4, 1}, {5, 0}, {5, 2},  {6, 1},
                                                       {7, 1}, {9, 2}, {11, 4}, {10, 1}};
  for (const auto& [at, value] : counts) {
    messages.push_back(question);
    messages.back()[at] = value;
  }
  for (const bool ipv6 : {false, true}) {
    if (ipv6) use_ipv6();
    for (const auto& message : messages) {
      frame_.payload = message;
      orders().level = 0;
      EXPECT_EQ(run(), taken) << testing::PrintToString(message);
      orders().level = 1;
      spend();
      EXPECT_GE(count(dropped(xdp_dropped_malformed)), 25) << testing::PrintToString(message);
    }
  }
}

TEST_F(FormGateTest, WhatMayBeAQuestionIsJudgedAsOne) {
  const std::vector<std::pair<size_t, uint8_t>> counts{{9, 1}, {11, 1}, {11, 2}};
  spend();
  for (const auto& [at, value] : counts) {
    frame_.payload = question;
    frame_.payload[at] = value;
    EXPECT_EQ(run(), dropped(xdp_dropped_unjudged)) << at;
  }
  set_body({0, 0, 6, 0, 1});
  EXPECT_EQ(run(), dropped(xdp_dropped_unjudged)) << "the root";
}

TEST_F(FormGateTest, OtherOpcodesComeFromWhoIsKnown) {
  frame_.payload[2] = 4 << 3;
  orders().level = 0;
  EXPECT_EQ(count(passed(xdp_passed_opcode)), 40);
  orders().level = 1;
  spend();
  EXPECT_GE(count(dropped(xdp_dropped_opcode)), 25);
  remember(9);
  const auto [within, beyond] = within_window([&] {
    const int passing = count(passed(xdp_passed_opcode));
    return std::pair(passing, count(dropped(xdp_dropped_opcode)));
  });
  EXPECT_GE(within, 16);
  EXPECT_GE(beyond, 25) << "beyond what it usually asks";
}

TEST_F(FormGateTest, BytesBehindADatagramToo) {
  frame_.udp_length = 8 + question.size() - 1;
  spend();
  EXPECT_GE(count(dropped(xdp_dropped_malformed)), 25);
  orders().beat_ms = monotonic_ms() - SHIELD_ORDERS_MS - 100;
  EXPECT_EQ(run(), passed(xdp_passed_surplus)) << "who gave the order may be dead";
}

TEST_F(FormGateTest, ADryRunLetsThroughAndCounts) {
  frame_.payload[5] = 2;
  spend();
  for (const uint32_t dry : {SHIELD_DRY_RUN_FORM, SHIELD_DRY_RUN_ADMISSION}) {
    common().dry_run = dry;
    const uint64_t before = gate_->count_dry(0, xdp_dropped_malformed);
    EXPECT_EQ(count(taken), 40);
    EXPECT_GE(gate_->count_dry(0, xdp_dropped_malformed) - before, 25U);
  }
}

}  // namespace
}  // namespace holdfast::shield
