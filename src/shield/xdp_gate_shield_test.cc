// SPDX-License-Identifier: GPL-3.0-or-later
// The shield in the XDP program: every class, every fate, every budget.
#include <map>
#include <vector>

#include "shield/admission.h"
#include "shield/test_gate_orders.h"

namespace holdfast::shield {
namespace {

// Calls `turn` for 300 ms, and longer where a processor was away for most of that: until it says
// that it is enough. The milliseconds that have passed.
template <typename Turn>
int run_for_300_ms(const Turn& turn) {
  const uint64_t start_ms = monotonic_ms();
  for (bool is_enough = false;; is_enough = turn()) {
    const uint64_t passed_ms = monotonic_ms() - start_ms;
    if (passed_ms >= (is_enough ? 300U : 20'000U)) return static_cast<int>(passed_ms);
  }
}

TEST_F(ShieldGateTest, WithoutAnOrderNothingIsJudged) {
  remember(9);
  orders().level = 0;
  EXPECT_EQ(run(), taken);
  orders().level = 1;
  EXPECT_EQ(run(), taken_as(xdp_taken_known));
  orders().beat_ms = monotonic_ms() - SHIELD_ORDERS_MS - 100;
  EXPECT_EQ(run(), taken) << "who gave the order may be dead";
  orders().beat_ms = monotonic_ms() + 100'000;
  EXPECT_EQ(run(), taken_as(xdp_taken_known));
  common().enabled = 0;
  EXPECT_EQ(run(), taken);
  common().enabled = 1;
  gate_->set_worker(0, 4, 1);
  EXPECT_EQ(run(), taken) << "another worker's orders";
}

TEST_F(ShieldGateTest, ItMaySortWithoutRefusing) {
  AdmissionControl::write_allowances({}, 0, orders());
  orders().level = 0;
  orders().admit_per_s = ~0U;
  orders().truncate_per_s = 0;
  orders().sorts = 1;
  usleep(12'000);
  for (const bool ipv6 : {false, true}) {
    if (ipv6) use_ipv6();
    std::map<XdpGateReason, int> fates;
    for (int i = 0; i < 500; ++i) ++fates[run().reason];
    EXPECT_EQ(fates[xdp_taken_unknown_slow] + fates[xdp_taken_unknown_fast], 500);
    remember(9);
    EXPECT_EQ(run(), taken_as(xdp_taken_known));
  }
}

TEST_F(ShieldGateTest, KnownSourcesTakeTheTrustedLane) {
  EXPECT_EQ(run(), taken_as(xdp_taken_unknown_slow));
  remember(3);
  EXPECT_EQ(run(), taken_as(xdp_taken_unknown_slow)) << "seen too seldom";
  remember(4);
  EXPECT_EQ(run(), taken_as(xdp_taken_known));
  sockets_.erase(sockets_.begin());  // that of the others
  EXPECT_EQ(run(), taken_as(xdp_taken_known));
  remember(3);
  EXPECT_EQ(run(), passed(xdp_passed_no_socket));
  gate_->set_door(0, xdp_door_kernel);
  EXPECT_EQ(run(), passed(xdp_passed_shielded));
}

TEST_F(ShieldGateTest, KnownSourcesOfIpv6Too) {
  use_ipv6();
  EXPECT_EQ(run(), taken_as(xdp_taken_unknown_slow));
  remember(4);
  EXPECT_EQ(run(), taken_as(xdp_taken_known));
  frame_.from = "2001:db8::ffff";  // of the same /64
  EXPECT_EQ(run(), taken_as(xdp_taken_known));
  frame_.from = "2001:db8:0:1::2";
  EXPECT_EQ(run(), taken_as(xdp_taken_unknown_slow));
}

TEST_F(ShieldGateTest, AKnownSourceFromAnotherDistanceIsOdd) {
  remember(9, usual_hop - 1);
  EXPECT_EQ(run(), taken_as(xdp_taken_known)) << "one hop is noise";
  remember(9, usual_hop - 2);
  EXPECT_EQ(run(), taken_as(xdp_taken_known_odd));
  common().dry_run = SHIELD_DRY_RUN_HOP;
  EXPECT_EQ(run(), taken_as(xdp_taken_known));
}

TEST_F(ShieldGateTest, AKnownSourceAboveItsRateIsOdd) {
  remember(9);
  for (int i = 0; i < 9; ++i) EXPECT_EQ(run(), taken_as(xdp_taken_known)) << i;
  EXPECT_EQ(run_beyond(), taken_as(xdp_taken_known_odd));
  orders().usual_shift = 7;
  EXPECT_EQ(run(), taken_as(xdp_taken_known));
}

// What it may ask in a second does not come at once.
TEST_F(ShieldGateTest, AnAllowanceIsSpreadOverTheSecond) {
  remember(9);
  orders().known_floor = 16;
  int known = 0;
  const auto passed_ms = run_for_300_ms([&] {
    known += run() == taken_as(xdp_taken_known) ? 1 : 0;
    return known >= 3 * 2;
  });
  EXPECT_GE(known, 3 * 2);
  EXPECT_LE(known, 3 * (passed_ms / 128 + 2));
}

TEST_F(ShieldGateTest, UnknownSourcesAreFastAloneOrWithTheirNeighbours) {
  orders().unknown_source = 3;
  orders().unknown_prefix = 5;
  const auto seen = within_window([&] {
    std::vector<Verdict> verdicts;
    const std::string first = frame_.from;
    for (int i = 0; i < 4; ++i) verdicts.push_back(run());
    frame_.from = "192.0.2.77";
    for (int i = 0; i < 2; ++i) verdicts.push_back(run());
    frame_.from = first;
    return verdicts;
  });
  constexpr Verdict slow = taken_as(xdp_taken_unknown_slow);
  constexpr Verdict fast = taken_as(xdp_taken_unknown_fast);
  EXPECT_EQ(seen, (std::vector{slow, slow, slow, fast, slow, fast}))
      << "the fourth of its own, the sixth of its /24";
  frame_.from = "192.0.3.77";
  EXPECT_EQ(run(), slow);
}

TEST_F(ShieldGateTest, OperatorsAllowAndDeny) {
  remember(0, usual_hop, SHIELD_FLAG_ALLOWED);
  EXPECT_EQ(run(), taken_as(xdp_taken_known));
  remember(9, usual_hop, SHIELD_FLAG_DENIED);
  EXPECT_EQ(run(), taken_as(xdp_taken_unknown_fast));
}

TEST_F(ShieldGateTest, WhatAClassIsDeniedIsDropped) {
  orders().share[shield_unknown_slow] = 0;
  EXPECT_EQ(run(), dropped(xdp_dropped_unknown_slow));
  orders().unknown_source = 0;
  orders().share[shield_unknown_fast] = 0;
  EXPECT_EQ(run(), dropped(xdp_dropped_unknown_fast));
  remember(9);
  EXPECT_EQ(run(), taken_as(xdp_taken_known)) << "others are not touched";
  orders().share[shield_known] = 0;
  EXPECT_EQ(run(), dropped(xdp_dropped_known));
  remember(9, usual_hop - 8);
  orders().share[shield_known_odd] = 0;
  EXPECT_EQ(run(), dropped(xdp_dropped_known_odd));
}

TEST_F(ShieldGateTest, AShareIsMetOnTheWhole) {
  orders().share[shield_unknown_slow] = all_of_them / 4;
  orders().unknown_source = orders().unknown_prefix = 1'000'000;
  int admitted = 0;
  for (int i = 0; i < 4000; ++i) admitted += run() == taken_as(xdp_taken_unknown_slow) ? 1 : 0;
  EXPECT_NEAR(admitted, 1000, 120);
}

TEST_F(ShieldGateTest, TheBudgetOfOthersIsNotThatOfTheKnown) {
  spend_budget(orders().admit_per_s);
  EXPECT_EQ(run(), dropped(xdp_dropped_unjudged));
  remember(3);
  EXPECT_EQ(run(), dropped(xdp_dropped_unknown_slow)) << "something is known of it, too little";
  remember(9);
  EXPECT_EQ(run(), taken_as(xdp_taken_known));
}

TEST_F(ShieldGateTest, WhatIsLeftGoesToTheBetterFirst) {
  orders().admit_per_s = 400;  // a burst of eight
  orders().known_floor = 0;
  spend_budget(orders().truncate_per_s);
  remember(9, usual_hop, SHIELD_FLAG_DENIED);
  int fast = 0;
  const uint64_t start_ms = monotonic_ms();
  for (int i = 0; i < 30; ++i) fast += run() == taken_as(xdp_taken_unknown_fast) ? 1 : 0;
  const auto passed_ms = static_cast<int>(monotonic_ms() - start_ms);
  EXPECT_LE(fast, 4 + passed_ms * 400 / 1000) << "the last quarter of a burst, and what comes";
  remember(9, usual_hop - 5);
  int odd = 0;
  for (int i = 0; i < 30; ++i) odd += run() == taken_as(xdp_taken_known_odd) ? 1 : 0;
  EXPECT_GE(odd, 6);
}

TEST_F(ShieldGateTest, WhoeverNothingIsKnownOfIsNotLookedUp) {
  remember(9);
  EXPECT_EQ(run(), taken_as(xdp_taken_known));
  common().known_slots = 200;
  orders().known_slots = 200;
  gate_->note_known(*sources_);
  orders().known_slots = 4;
  EXPECT_EQ(run(), taken_as(xdp_taken_unknown_slow)) << "until the next second";
  for (int i = 0; i < 7; ++i) gate_->note_some_known(*sources_);
  EXPECT_EQ(run(), taken_as(xdp_taken_unknown_slow)) << "all of it has not been read";
  gate_->note_some_known(*sources_);
  EXPECT_EQ(run(), taken_as(xdp_taken_known));
}

TEST_F(ShieldGateTest, ABudgetRefillsWithTime) {
  orders().admit_per_s = 50;
  orders().unknown_source = orders().unknown_prefix = 1'000'000;
  int admitted = 0;
  const auto passed_ms = run_for_300_ms([&] {
    admitted += run() == taken_as(xdp_taken_unknown_slow) ? 1 : 0;
    return admitted >= 10;
  });
  EXPECT_GE(admitted, 10);
  EXPECT_LE(admitted, 4 + passed_ms / 20 + 2);
}

TEST_F(ShieldGateTest, QueuesDivideABudget) {
  orders().admit_per_s = 1000;  // a burst of twenty
  orders().unknown_source = orders().unknown_prefix = 1'000'000;
  gate_->set_worker(0, 3, 0.2);
  int admitted = 0;
  const uint64_t start_ms = monotonic_ms();
  for (int i = 0; i < 100; ++i) admitted += run() == taken_as(xdp_taken_unknown_slow) ? 1 : 0;
  const auto passed_ms = static_cast<int>(monotonic_ms() - start_ms);
  EXPECT_GE(admitted, 2);
  EXPECT_LE(admitted, 4 + passed_ms / 5 + 2);
}

TEST_F(ShieldGateTest, ADryRunLetsThroughAndCounts) {
  orders().share[shield_unknown_slow] = 0;
  orders().truncate_per_s = 1000;
  common().dry_run = SHIELD_DRY_RUN_ADMISSION;
  EXPECT_EQ(run(), taken_as(xdp_taken_unknown_slow));
  EXPECT_EQ(gate_->count_dry(0, xdp_dropped_unknown_slow), 1U);
  common().dry_run = SHIELD_DRY_RUN_TRUNCATE;
  gate_->set_replies(true);
  EXPECT_EQ(run(), dropped(xdp_dropped_unknown_slow));
  EXPECT_EQ(gate_->count_dry(0, xdp_replied_truncated), 1U);
}

class NamesGateTest : public ShieldGateTest {
 protected:
  void SetUp() override {
    ShieldGateTest::SetUp();
    if (IsSkipped()) return;
    NameFilterWriter writer(*names_);
    writer.begin();
    ASSERT_TRUE(writer.begin_zone(*wire::Name::from_text("example."), 4));
    writer.add_name(*wire::Name::from_text("example."));
    writer.add_name(*wire::Name::from_text("a-rather-long-label.www.example."));
    writer.add_cover(*wire::Name::from_text("child.example."));
    writer.add_cover(*wire::Name::from_text("*.x.y.z.example."));
    writer.show();
  }

  Verdict ask(const std::string& text) {
    const wire::Name name = *wire::Name::from_text(text);
    frame_.payload.assign(question.begin(), question.begin() + 12);
    const Bytes bytes = name.view().bytes();
    frame_.payload.insert(frame_.payload.end(), bytes.begin(), bytes.end());
    frame_.payload.insert(frame_.payload.end(), {0, 1, 0, 1});
    return run();
  }
};

constexpr Verdict slow = taken_as(xdp_taken_unknown_slow);
constexpr Verdict absent = taken_as(xdp_taken_absent_name);

TEST_F(NamesGateTest, NamesThatDoNotExistAreAClassOfTheirOwn) {
  for (const char* text : {"example.", "A-Rather-LONG-label.www.EXAMPLE.", "child.example.",
                           "x.child.example.", "1.2.3.4.5.6.7.8.9.Child.example.",
                           "*.x.y.z.example.", "example.com.", ".", "www.notexample."}) {
    EXPECT_EQ(ask(text), slow) << text;
  }
  for (const char* text : {"www.example.", "b-rather-long-label.www.example.", "y.z.example.",
                           "x1y2z3.example.", "x.www.example.", "childx.example."}) {
    EXPECT_EQ(ask(text), absent) << text;
  }
}

TEST_F(NamesGateTest, ASourceIsKnownWhateverItAsksUpToItsRate) {
  remember(9);
  orders().share[shield_absent_name] = 0;
  for (int i = 0; i < 9; ++i) EXPECT_EQ(ask("x1.example."), taken_as(xdp_taken_known));
  EXPECT_EQ(run_beyond(), dropped(xdp_dropped_absent_name));
  EXPECT_EQ(ask("child.example."), taken_as(xdp_taken_known)) << "which exists";
  common().dry_run = SHIELD_DRY_RUN_ZONES;
  ask("x1.example.");
  EXPECT_EQ(run_beyond(), taken_as(xdp_taken_known_odd));
}

TEST_F(NamesGateTest, AbsentNamesOfTheKnownAreServedBeforeThoseOfStrangers) {
  orders().admit_per_s = 400;  // a burst of eight
  orders().known_floor = 0;
  spend_budget(orders().truncate_per_s);
  usleep(30'000);
  int strange = 0;
  const uint64_t start_ms = monotonic_ms();
  for (int i = 0; i < 30; ++i) strange += ask("x1.example.") == absent ? 1 : 0;
  EXPECT_LE(strange, 6 + static_cast<int>(monotonic_ms() - start_ms) * 400 / 1000);
  remember(9);
  ask("x1.example.");
  EXPECT_EQ(run_beyond(), absent) << "of what strangers may not use up";
}

TEST_F(NamesGateTest, IPv6IsReadAlike) {
  use_ipv6();
  EXPECT_EQ(ask("x.child.example."), slow);
  EXPECT_EQ(ask("x1.example."), absent);
}

TEST_F(NamesGateTest, TheProgramAndTheWriterAgree) {
  const std::string longest(63, 'L');
  for (size_t length = 1; length <= 63; ++length) {
    const std::string label = longest.substr(0, length);
    NameFilterWriter writer(*names_);
    writer.begin();
    ASSERT_TRUE(writer.begin_zone(*wire::Name::from_text("example."), 1));
    writer.add_name(*wire::Name::from_text(label + ".Sub.example."));
    writer.show();
    EXPECT_EQ(ask(label + ".suB.example."), slow) << length;
    EXPECT_EQ(ask(label + "x.sub.example."), absent) << length;
    if (length == 62) break;  // a longer one is none
  }
}

TEST_F(NamesGateTest, NamesOfStrangersAreNotLookedAtWithoutEnd) {
  orders().admit_per_s = 10;  // some six looks at once
  spend_budget(orders().truncate_per_s);
  usleep(30'000);
  int looked = 0;
  int unjudged = 0;
  for (int i = 0; i < 200; ++i) {
    const Verdict verdict = ask("x1.example.");
    looked += verdict == dropped(xdp_dropped_absent_name) ? 1 : 0;
    unjudged += verdict == dropped(xdp_dropped_unjudged) ? 1 : 0;
  }
  EXPECT_GE(looked, 4);
  EXPECT_GE(unjudged, 20);
  remember(9);
  orders().known_floor = 1000;
  EXPECT_EQ(ask("x1.example."), taken_as(xdp_taken_known));
}

// While it still sorts, at level 0, with budgets that were used up a moment ago.
TEST_F(NamesGateTest, NobodyIsRefusedFromTheMomentTheLevelFalls) {
  const ShieldOrders refusing = orders();
  frame_.from = "198.51.100.1";
  remember(9, usual_hop, SHIELD_FLAG_DENIED);
  for (int i = 0; i < 10; ++i) {
    orders() = refusing;
    spend_budget(orders().admit_per_s);
    frame_.from = "192.0.2.2";
    EXPECT_EQ(ask("x1.example."), dropped(xdp_dropped_unjudged));
    AdmissionControl::write_allowances({}, 0, orders());
    orders().unknown_source = orders().unknown_prefix = 1000;
    orders().level = 0;
    orders().admit_per_s = ~0U;
    orders().truncate_per_s = 0;
    orders().sorts = 1;
    EXPECT_EQ(ask("x1.example."), absent);
    EXPECT_EQ(ask("child.example."), slow);
    frame_.from = "198.51.100.1";
    EXPECT_EQ(ask("child.example."), taken_as(xdp_taken_unknown_fast));
  }
}

TEST_F(NamesGateTest, NamesOfMoreLabelsThanAreReadGainNothing) {
  remember(9, usual_hop - 5);
  std::string deep = "child.example.";
  for (int i = 0; i < 61; ++i) deep.insert(0, "a.");
  EXPECT_EQ(ask(deep), taken_as(xdp_taken_known_odd)) << "63 labels";
  deep.insert(0, "a.");
  EXPECT_EQ(ask(deep), slow);
}

TEST_F(NamesGateTest, NamesThatCannotBeReadAreLeftToUserSpaceAsUnknown) {
  const std::vector<std::vector<uint8_t>> bodies{
      {1, 'a', 0xc0, 12, 0, 1, 0, 1},                 // a pointer
      {1, 'a', 0x40, 'a', 0, 0, 1, 0, 1},             // a label of another type
      {1, 'a', 63, 'a', 0, 0, 1, 0, 1},               // longer than what follows
      {1, 'a', 5, 'a', 'b', 'c', 'd', 'e', 0, 0, 1},  // no class
      std::vector<uint8_t>(300, 1),                   // never ends
      std::vector<uint8_t>(700, 1),                   // longer than what is read
  };
  gate_->set_replies(true);
  orders().truncate_per_s = 1000;
  for (const auto& body : bodies) {
    frame_.payload.assign(question.begin(), question.begin() + 12);
    frame_.payload.insert(frame_.payload.end(), body.begin(), body.end());
    orders().share[shield_unknown_slow] = all_of_them;
    EXPECT_EQ(run(), slow) << testing::PrintToString(body);
    orders().share[shield_unknown_slow] = 0;
    EXPECT_EQ(run(), dropped(xdp_dropped_unknown_slow)) << "no reply to what could not be read";
  }
}

// The frame goes on, as with padding, and what stands there would make a question of it.
TEST_F(NamesGateTest, WhatStandsBehindTheMessageIsNoPartOfItsName) {
  gate_->set_replies(true);
  orders().truncate_per_s = 1000;
  orders().share[shield_unknown_slow] = 0;
  frame_.payload.assign(question.begin(), question.begin() + 12);
  const std::vector<uint8_t> body{1, 'a', 4, 'n', 'a', 'm', 'e', 0, 0, 1, 0, 1};
  frame_.payload.insert(frame_.payload.end(), body.begin(), body.end());
  const std::vector<uint8_t> whole = frame_.build();
  EXPECT_EQ(run_bytes(whole), replied(xdp_replied_truncated));
  for (size_t behind = 1; behind <= 5; ++behind) {
    std::vector<uint8_t> frame = whole;
    const size_t datagram_bytes = 8 + frame_.payload.size() - behind;
    store_be16(&frame[16], static_cast<uint16_t>(20 + datagram_bytes));
    store_be16(&frame[38], static_cast<uint16_t>(datagram_bytes));
    EXPECT_EQ(run_bytes(frame), dropped(xdp_dropped_unknown_slow)) << behind;
  }
}

// Random names use up the allowance of the resolver that they come through. What exists is not
// to suffer for it.
TEST_F(NamesGateTest, NamesThatExistHaveAnAllowanceOfTheirOwn) {
  remember(9);
  orders().share[shield_absent_name] = 0;
  for (int i = 0; i < 50; ++i) ask("x1.example.");
  EXPECT_EQ(run_beyond(), dropped(xdp_dropped_absent_name));
  for (int i = 0; i < 9; ++i) EXPECT_EQ(ask("child.example."), taken_as(xdp_taken_known));
  EXPECT_EQ(run_beyond(), taken_as(xdp_taken_known_odd)) << "beyond that, too";
  frame_.from = "192.0.2.9";
  remember(9, usual_hop - 5);
  EXPECT_EQ(ask("child.example."), taken_as(xdp_taken_known_odd)) << "from another distance";
}

}  // namespace
}  // namespace holdfast::shield
