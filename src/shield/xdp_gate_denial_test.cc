// SPDX-License-Identifier: GPL-3.0-or-later
// Names that do not exist, in a zone under attack: who is told so at the card.
#include "shield/test_gate_reply.h"

namespace holdfast::shield {
namespace {

class DenialGateTest : public ReplyGateTest {
 protected:
  // The answer process would be asked for these, but that nothing is left.
  void SetUp() override {
    ReplyGateTest::SetUp();
    if (IsSkipped()) return;
    orders().known_floor = 0;
    orders().usual_shift = 0;
    orders().share[shield_absent_name] = 0;
    set_zone(NameFilterWriter::Proofs::none);
    remember(9);
  }
  void set_zone(NameFilterWriter::Proofs proofs) {
    NameFilterWriter writer(*names_);
    writer.begin();
    ASSERT_TRUE(writer.begin_zone(*wire::Name::from_text("other."), 1));
    ASSERT_TRUE(writer.begin_zone(*wire::Name::from_text("example."), 1));
    writer.add_name(*wire::Name::from_text("www.example."));
    writer.deny_with(soa, proofs);
    writer.show();
  }
  void ask(const std::string& label, const Octets& record = {}) {
    frame_.payload.assign(question.begin(), question.begin() + 12);
    frame_.payload.push_back(static_cast<uint8_t>(label.size()));
    append(frame_.payload, Octets(label.begin(), label.end()));
    append(frame_.payload, {7, 'E', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0, 1});
    if (record.empty()) return;
    frame_.payload[11] = 1;
    append(frame_.payload, record);
  }
  // What is expected for a label of four bytes.
  [[nodiscard]] Octets denial() const {
    Octets expected(frame_.payload.begin(), frame_.payload.begin() + 30);
    expected[2] = 0x85;  // QR, AA, RD
    expected[3] = 3;
    expected[9] = 1;
    append(expected, soa);
    expected[30] = 0xc0;
    expected[31] = 17;
    return expected;
  }

  static const inline Octets soa{0xc0, 12, 0, 6, 0, 1, 0, 0, 1, 44, 0, 22, 0, 0, 0, 0, 0,
                                 1,    0,  0, 0, 2, 0, 0, 0, 3, 0,  0, 0,  4, 0, 0, 1, 44};
  static const inline Octets opt{0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0};
  static const inline Octets opt_wanting_proof{0, 0, 41, 0x10, 0, 0, 0, 0x80, 0, 0, 0};
};

TEST_F(DenialGateTest, NamesThatDoNotExistAreDeniedToTheKnown) {
  for (const bool ipv6 : {false, true}) {
    if (ipv6) {
      use_ipv6();
      remember(9);
    }
    ask("None");
    EXPECT_EQ(run_beyond(), replied(xdp_replied_nxdomain));
    EXPECT_EQ(reply(), denial());
    ask("None", opt);
    EXPECT_EQ(run_beyond(), replied(xdp_replied_nxdomain));
    Octets expected = denial();
    expected[11] = 1;
    append(expected, {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(reply(), expected);
  }
  ask(std::string(63, 'x'));
  EXPECT_EQ(run_beyond(), replied(xdp_replied_nxdomain));
  EXPECT_EQ(load_be16(&reply()[12 + 64 + 9 + 4]), 0xc000 + 12 + 64);
}

TEST_F(DenialGateTest, WhoWantsProofOrMoreIsNotAnsweredHere) {
  ask("None", opt_wanting_proof);
  EXPECT_EQ(run_beyond(), replied(xdp_replied_nxdomain)) << "there is none";
  EXPECT_EQ(reply()[reply().size() - 4], 0x80) << "DO comes back";
  set_zone(NameFilterWriter::Proofs::needed);
  EXPECT_EQ(run_beyond(), replied(xdp_replied_truncated));
  ask("None", opt);
  EXPECT_EQ(run_beyond(), replied(xdp_replied_nxdomain));
  Octets with_cookie = opt;
  with_cookie[10] = 12;
  append(with_cookie, {0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8});
  ask("None", with_cookie);
  EXPECT_EQ(run_beyond(), replied(xdp_replied_cookie));
  Octets of_version_1 = opt;
  of_version_1[6] = 1;
  ask("None", of_version_1);
  EXPECT_EQ(run_beyond(), replied(xdp_replied_truncated));
  ask("None");
  frame_.payload.back() = 3;  // CHAOS
  EXPECT_EQ(run_beyond(), replied(xdp_replied_truncated));
  ask("None");
  frame_.payload[frame_.payload.size() - 3] = 252;  // AXFR
  EXPECT_EQ(run_beyond(), replied(xdp_replied_truncated));
  frame_.payload[frame_.payload.size() - 3] = 255;
  EXPECT_EQ(run_beyond(), replied(xdp_replied_nxdomain));
}

TEST_F(DenialGateTest, StrangersAndTheForgedAreNotAnsweredSo) {
  ask("None");
  remember(9, usual_hop - 5);
  EXPECT_EQ(run_beyond(), replied(xdp_replied_truncated));
  frame_.from = "203.0.113.7";
  EXPECT_EQ(run_beyond(), replied(xdp_replied_truncated));
}

TEST_F(DenialGateTest, ADryRunOfRepliesCountsIt) {
  ask("None");
  common().dry_run = SHIELD_DRY_RUN_TRUNCATE;
  EXPECT_EQ(run_beyond(), dropped(xdp_dropped_absent_name));
  EXPECT_GE(gate_->count_dry(0, xdp_replied_nxdomain), 1U);
  common().dry_run = 0;
  gate_->set_replies(false);
  EXPECT_EQ(run_beyond(), dropped(xdp_dropped_absent_name));
  gate_->set_replies(true);
  NameFilterWriter(*names_).suspend();
  EXPECT_EQ(run_beyond(), taken_as(xdp_taken_known_odd)) << "it may exist now";
}

// Who asks no more than he may.
class KnownDenialGateTest : public DenialGateTest {
 protected:
  void SetUp() override {
    DenialGateTest::SetUp();
    if (!IsSkipped()) orders().known_floor = 1U << 30;
  }
  // Of 64 questions. The others are taken.
  int count_denied() {
    int denied = 0;
    for (int i = 0; i < 64; ++i) {
      const Verdict verdict = run();
      if (verdict == replied(xdp_replied_nxdomain)) {
        ++denied;
      } else {
        EXPECT_EQ(verdict, taken_as(xdp_taken_known));
      }
    }
    return denied;
  }
};

TEST_F(KnownDenialGateTest, MostNamesThatDoNotExistAreDeniedWithinAnAllowanceToo) {
  for (const bool ipv6 : {false, true}) {
    if (ipv6) {
      use_ipv6();
      remember(9);
    }
    for (const Octets& record : {Octets{}, opt}) {
      ask("None", record);
      const int denied = count_denied();
      EXPECT_GE(denied, 40);
      EXPECT_LE(denied, 63) << "some show the answer process that the attack goes on";
      Octets expected = denial();
      if (!record.empty()) {
        expected[11] = 1;
        append(expected, {0, 0, 41, 0x04, 0xd0, 0, 0, 0, 0, 0, 0});
      }
      for (int i = 0; i < 64 && run() != replied(xdp_replied_nxdomain); ++i) continue;
      EXPECT_EQ(reply(), expected);
    }
  }
}

TEST_F(KnownDenialGateTest, WhatElseIsWantedComesFromTheAnswerProcess) {
  ask("www");
  EXPECT_EQ(count_denied(), 0) << "it exists";
  Octets with_option = opt;
  with_option[10] = 4;
  append(with_option, {0, 3, 0, 0});  // NSID
  ask("None", with_option);
  EXPECT_EQ(count_denied(), 0);
  set_zone(NameFilterWriter::Proofs::needed);
  ask("None", opt_wanting_proof);
  EXPECT_EQ(count_denied(), 0);
  ask("None", opt);
  EXPECT_GE(count_denied(), 40);
  for (const uint32_t dry_run : {SHIELD_DRY_RUN_ADMISSION, SHIELD_DRY_RUN_ZONES}) {
    common().dry_run = dry_run;
    EXPECT_EQ(count_denied(), 0);
  }
  common().dry_run = SHIELD_DRY_RUN_TRUNCATE;
  EXPECT_EQ(count_denied(), 0);
  EXPECT_GE(gate_->count_dry(0, xdp_replied_nxdomain), 40U);
  common().dry_run = 0;
  gate_->set_replies(false);
  EXPECT_EQ(count_denied(), 0);
}

TEST_F(KnownDenialGateTest, NobodyIsDeniedSoWithoutNeedOrBudget) {
  ask("None");
  orders().level = 0;
  orders().sorts = 1;
  EXPECT_EQ(count_denied(), 0);
  orders().level = 1;
  EXPECT_GE(count_denied(), 40);
  spend_budget(orders().truncate_per_s);
  EXPECT_EQ(count_denied(), 0);
}

}  // namespace
}  // namespace holdfast::shield
