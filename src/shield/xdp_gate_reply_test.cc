// SPDX-License-Identifier: GPL-3.0-or-later
// Cookies, and the answers that the XDP program gives by itself.
#include "shield/test_gate_reply.h"

namespace holdfast::shield {
namespace {

TEST_F(ReplyGateTest, WhoCannotBeAnsweredIsToldToAskByTcp) {
  for (const bool ipv6 : {false, true}) {
    if (ipv6) use_ipv6();
    frame_.payload = question;
    EXPECT_EQ(run(), replied(xdp_replied_truncated));
    Octets expected = question;
    expected[2] = 0x83;  // QR, TC, RD
    EXPECT_EQ(reply(), expected);
    add_opt({});
    frame_.payload[2] = 0x00;
    frame_.payload[3] = 0x10;  // CD
    EXPECT_EQ(run(), replied(xdp_replied_truncated));
    expected[2] = 0x82;
    expected[3] = 0x10;
    expected[11] = 1;
    append(expected, {0, 0, 41, 0x04, 0xd0, 0, 0, 0x80, 0, 0, 0});
    EXPECT_EQ(reply(), expected) << "OPT comes back, with DO";
    EXPECT_LE(out_.size(), frame_.build().size());
  }
}

TEST_F(ReplyGateTest, PaddingAndUnfinishedChecksumsDoNotMatter) {
  use_ipv6();
  frame_.checksum = TestFrame::Checksum::pseudo_header;
  frame_.padding_bytes = 31;
  EXPECT_EQ(run(), replied(xdp_replied_truncated));
  EXPECT_EQ(reply().size(), question.size());
}

TEST_F(ReplyGateTest, OptionsAreCutOff) {
  Octets options(200, 0);
  options[1] = 12;  // padding
  options[3] = 196;
  add_opt(options);
  EXPECT_EQ(run(), replied(xdp_replied_truncated));
  EXPECT_EQ(reply().size(), question.size() + 11);
}

TEST_F(ReplyGateTest, RepliesAreNotSentWhereTheyMayNotBe) {
  gate_->set_replies(false);
  EXPECT_EQ(run(), dropped(xdp_dropped_unknown_slow));
  gate_->set_replies(true);
  spend_budget(orders().truncate_per_s);
  EXPECT_EQ(run(), dropped(xdp_dropped_unknown_slow));
}

TEST_F(ReplyGateTest, RepliesHaveABudget) {
  orders().truncate_per_s = 1000;
  int replies = 0;
  const uint64_t start_ms = monotonic_ms();
  for (int i = 0; i < 300; ++i) replies += run() == replied(xdp_replied_truncated) ? 1 : 0;
  const auto passed_ms = static_cast<int>(monotonic_ms() - start_ms);
  EXPECT_GE(replies, 20);
  EXPECT_LE(replies, 20 + passed_ms + 12) << "the clock is that of the last tick";
}

// A flood in a known resolver's name must not take from it the way by TCP.
TEST_F(ReplyGateTest, APrefixGetsSoManyRepliesAndWithAKnownSourceMore) {
  orders().reply_prefix = 20;
  orders().known_floor = 1;
  orders().share[shield_known_odd] = 0;
  const auto replies = [&](const char* from) {
    frame_.from = from;
    return within_window([&] {
      int count = 0;
      for (int i = 0; i < 400; ++i) count += run() == replied(xdp_replied_truncated) ? 1 : 0;
      return count;
    });
  };
  const auto replies_to_known = [&](const char* from, uint8_t hop) {
    frame_.from = from;
    remember(8, hop);
    return replies(from);
  };
  EXPECT_EQ(replies("198.51.100.7"), 20);
  EXPECT_EQ(replies_to_known("203.0.113.7", usual_hop), 20 * SHIELD_REPLIES_TO_KNOWN);
  EXPECT_EQ(replies_to_known("192.0.2.7", usual_hop + 9), 20) << "a forger's distance";
  use_ipv6();
  EXPECT_EQ(replies("2001:db8:1::7"), 20);
  EXPECT_EQ(replies_to_known("2001:db8:2::7", usual_hop), 20 * SHIELD_REPLIES_TO_KNOWN);
}

TEST_F(ReplyGateTest, WhoAsksTooFastDoesNotGetTheLastReplies) {
  orders().truncate_per_s = 100'000;
  orders().unknown_source = orders().unknown_prefix = 0;
  int fast = 0;
  for (int i = 0; i < 100; ++i) fast += run() == replied(xdp_replied_truncated) ? 1 : 0;
  EXPECT_EQ(fast, 100);
  orders().truncate_per_s = 512;
  int until_dropped = 0;
  while (run() != dropped(xdp_dropped_unknown_fast) && until_dropped < 10'000) ++until_dropped;
  EXPECT_LT(until_dropped, 10'000);
  orders().unknown_source = orders().unknown_prefix = 1'000'000;
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(run(), replied(xdp_replied_truncated)) << "half of a burst is left for others";
  }
}

// RFC 9018 Appendix A.1 and A.2.
TEST_F(ReplyGateTest, AClientCookieGetsAServerCookie) {
  frame_.from = "198.51.100.100";
  add_cookie("2464c4abcf10c957");
  EXPECT_EQ(run(), replied(xdp_replied_cookie));
  Octets expected = question;
  expected[2] = 0x81;
  expected[3] = 7;  // of 23
  expected[11] = 1;
  append(expected, {0, 0, 41, 0x04, 0xd0, 1, 0, 0x80, 0, 0, 28, 0, 10, 0, 24});
  append(expected, from_hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));
  EXPECT_EQ(reply(), expected);
  EXPECT_EQ(out_.size(), frame_.build().size() + 16);

  add_cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  EXPECT_EQ(run(), taken_as(xdp_taken_proved));
  common().wall_s += 2400;
  EXPECT_EQ(run(), taken_as(xdp_taken_proved));
}

TEST_F(ReplyGateTest, ACookieThatWasGivenIsGoodOverIpv6) {
  use_ipv6();
  add_cookie("0102030405060708");
  ASSERT_EQ(run(), replied(xdp_replied_cookie));
  const Octets given = reply();
  ASSERT_GE(given.size(), 24U);
  Octets option{0, 10, 0, 24};
  append(option, {given.end() - 24, given.end()});
  add_opt(option);
  EXPECT_EQ(run(), taken_as(xdp_taken_proved));
  frame_.from = "2001:db8::3";
  EXPECT_EQ(run(), replied(xdp_replied_cookie)) << "another address";
}

// RFC 9018 Appendix A.4.
TEST_F(ReplyGateTest, BothSecretsAreGood) {
  frame_.from = "2001:db8:220:1:59de:d0f4:8769:82b8";
  frame_.to = "2001:db8::1";
  common().wall_s = 1559741961;
  set_secret(common().cookie_active, "445536bcd2513298075a5d379663c962");
  set_secret(common().cookie_staged, "dd3bdf9344b678b185a6f5cb60fca715");
  add_cookie("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
  EXPECT_EQ(run(), replied(xdp_replied_cookie));
  common().cookie_staged_present = 1;
  EXPECT_EQ(run(), taken_as(xdp_taken_proved));
}

TEST_F(ReplyGateTest, CookiesAreGoodForAnHour) {
  frame_.from = "198.51.100.100";
  add_cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  for (const int age_s : {-300, 0, 3600}) {
    common().wall_s = june_5_2019_10_53_05 + static_cast<uint32_t>(age_s);
    EXPECT_EQ(run(), taken_as(xdp_taken_proved)) << age_s;
  }
  for (const int age_s : {-301, 3601}) {
    common().wall_s = june_5_2019_10_53_05 + static_cast<uint32_t>(age_s);
    EXPECT_EQ(run(), replied(xdp_replied_cookie)) << age_s;
  }
}

TEST_F(ReplyGateTest, AValidCookieIsNoLeaveToFlood) {
  frame_.from = "198.51.100.100";
  await_window();
  add_cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  orders().proved_source = 3;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(run(), taken_as(xdp_taken_proved));
  EXPECT_EQ(run(), replied(xdp_replied_truncated)) << "another cookie would change nothing";
}

TEST_F(ReplyGateTest, CookiesThatAreNotGoodProveNothing) {
  frame_.from = "198.51.100.100";
  for (const char* cookie : {
           "2464c4abcf10c957010000005cf79f111f8130c3eee29481",    // another hash
           "2464c4abcf10c958010000005cf79f111f8130c3eee29480",    // another client cookie
           "2464c4abcf10c957020000005cf79f111f8130c3eee29480",    // another version
           "2464c4abcf10c957010000005cf79f11",                    // another length
           "2464c4abcf10c957010000005cf79f111f8130c3eee2948000",  // longer
       }) {
    add_cookie(cookie);
    EXPECT_EQ(run(), replied(xdp_replied_cookie)) << cookie;
    EXPECT_EQ(reply().size(), question.size() + 39);
  }
  common().cookies_enabled = 0;
  add_cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  EXPECT_EQ(run(), replied(xdp_replied_truncated));
}

TEST_F(ReplyGateTest, MalformedOptionsAreNoCookies) {
  const std::vector<Octets> malformed{
      {0, 10, 0},                             // no length
      {0, 10, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8},  // longer than the record
      {0, 10, 0, 7, 1, 2, 3, 4, 5, 6, 7},     // too short (RFC 7873 §4)
      {0, 10, 0, 12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
      {0, 3, 0, 0, 0, 8},
  };
  for (const Octets& options : malformed) {
    add_opt(options);
    EXPECT_EQ(run(), replied(xdp_replied_truncated)) << testing::PrintToString(options);
  }
  add_cookie("2464c4abcf10c957");
  frame_.payload[question.size() + 10] += 1;  // the record ends behind the message
  EXPECT_EQ(run(), replied(xdp_replied_truncated));
  EXPECT_EQ(reply().size(), question.size()) << "what is no OPT is not answered with one";
  add_cookie("2464c4abcf10c957");
  frame_.payload[question.size() + 2] = 42;  // another type
  EXPECT_EQ(run(), replied(xdp_replied_truncated));
  add_cookie("2464c4abcf10c957");
  frame_.payload[question.size() + 6] = 1;  // another version
  EXPECT_EQ(run(), replied(xdp_replied_truncated));
}

TEST_F(ReplyGateTest, TheCookieMayStandBehindOtherOptions) {
  frame_.from = "198.51.100.100";
  Octets options{0, 3, 0, 0, 0, 12, 0, 5, 0, 0, 0, 0, 0, 0, 10, 0, 24};
  append(options, from_hex("2464c4abcf10c957010000005cf79f111f8130c3eee29480"));
  add_opt(options);
  EXPECT_EQ(run(), taken_as(xdp_taken_proved));
}

TEST_F(ReplyGateTest, EveryCutOfTheFrameIsSafe) {
  for (const bool ipv6 : {false, true}) {
    if (ipv6) use_ipv6();
    add_cookie("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
    const Octets whole = frame_.build();
    const size_t ip_bytes = ipv6 ? 40 : 20;
    for (size_t payload = 12; payload <= frame_.payload.size(); ++payload) {
      Octets cut(whole.begin(), whole.begin() + static_cast<long>(22 + ip_bytes + payload));
      store_be16(&cut[14 + ip_bytes + 4], static_cast<uint16_t>(8 + payload));
      const size_t length = (ipv6 ? 8 : 28) + payload;
      store_be16(&cut[ipv6 ? 18 : 16], static_cast<uint16_t>(length));
      const Verdict verdict = run_bytes(cut);
      const bool is_whole = payload == frame_.payload.size();
      const bool has_question = payload >= question.size();
      if (!has_question) {  // as many as are let through, and no reply
        EXPECT_TRUE(verdict == taken || verdict == dropped(xdp_dropped_malformed)) << payload;
        continue;
      }
      EXPECT_EQ(verdict, replied(is_whole ? xdp_replied_cookie : xdp_replied_truncated)) << payload;
    }
  }
}

}  // namespace
}  // namespace holdfast::shield
