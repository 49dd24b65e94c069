// SPDX-License-Identifier: GPL-3.0-or-later
#include "transfer/tls_budget.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace holdfast::transfer {
namespace {

using Limit = TlsBudget::Limit;
using Standing = TlsBudget::Standing;

constexpr uint64_t ns_per_ms = 1'000'000;
constexpr uint64_t second_ns = 1'000 * ns_per_ms;

Endpoint from(const std::string& address) { return *parse_endpoint(address, 4000); }
// Each of its own.
Endpoint stranger(uint32_t number) {
  return from("10.0." + std::to_string(number / 250) + "." + std::to_string(1 + number % 250));
}

class TlsBudgetTest : public testing::Test {
 protected:
  // A connection whose handshake takes so much.
  Limit connect(const Endpoint& client, uint64_t spent_ns) {
    const Limit limit = budget_.judge_connection(client, now_ns_);
    if (limit != Limit::none) return limit;
    const Standing standing = budget_.begin(client, now_ns_);
    const Limit of_handshake = budget_.judge_handshake(client, standing, now_ns_);
    if (of_handshake == Limit::none) {
      budget_.begin_handshake(standing);
      budget_.charge(client, spent_ns, now_ns_);
      budget_.end_handshake(standing);
    }
    budget_.end(standing);
    return of_handshake;
  }

  TlsBudget budget_;
  uint64_t now_ns_ = 1'000'000 * second_ns;
};

TEST_F(TlsBudgetTest, AClientHasATenthOfAProcessorHoweverItIsKnown) {
  const Endpoint proved = from("192.0.2.1");
  budget_.prove(proved, now_ns_);
  for (const Endpoint& client : {proved, from("192.0.2.2")}) {
    for (int i = 0; i < 10; ++i) EXPECT_EQ(connect(client, 10 * ns_per_ms), Limit::none) << i;
    EXPECT_EQ(connect(client, 1), Limit::client_time);
    EXPECT_EQ(budget_.judge_request(client, now_ns_), Limit::client_time);
  }
  EXPECT_EQ(connect(from("192.0.2.3"), 1), Limit::none) << "each has its own";
  now_ns_ += 400 * ns_per_ms;
  EXPECT_EQ(TlsBudget::wait_ns(now_ns_), 600 * ns_per_ms);
  now_ns_ += TlsBudget::wait_ns(now_ns_);
  EXPECT_EQ(budget_.judge_request(proved, now_ns_), Limit::none);
}

TEST_F(TlsBudgetTest, AClientOfIpv6IsItsNetwork) {
  EXPECT_EQ(connect(from("2001:db8:1:2::3"), 100 * ns_per_ms), Limit::none);
  EXPECT_EQ(connect(from("2001:db8:1:ffff::9"), 1), Limit::client_time);
  EXPECT_EQ(connect(from("2001:db8:2::3"), 1), Limit::none);
  // What begins with the same bytes and is of the other family is somebody else.
  EXPECT_EQ(connect(from("32.1.13.184"), 1), Limit::none);
}

TEST_F(TlsBudgetTest, StrangersShareThreeTenthsAndTheProvedDoNotWaitForThem) {
  const Endpoint proved = from("192.0.2.1");
  budget_.prove(proved, now_ns_);
  EXPECT_EQ(connect(proved, 90 * ns_per_ms), Limit::none);
  for (uint32_t i = 0; i < 6; ++i) EXPECT_EQ(connect(stranger(i), 50 * ns_per_ms), Limit::none);
  EXPECT_EQ(connect(stranger(7), 1), Limit::strangers_time);
  EXPECT_EQ(budget_.judge_request(stranger(1), now_ns_), Limit::strangers_time);
  EXPECT_EQ(connect(proved, 1), Limit::none);
  EXPECT_EQ(budget_.judge_request(proved, now_ns_), Limit::none);
}

// What one piece of work takes is known when it is done. Nobody gains by making it long.
TEST_F(TlsBudgetTest, WhatIsTakenBeyondASecondsPartIsOwed) {
  EXPECT_EQ(connect(stranger(1), 350 * ns_per_ms), Limit::none);
  now_ns_ += second_ns;
  EXPECT_EQ(connect(stranger(1), 1), Limit::client_time) << "250 ms are owed";
  EXPECT_EQ(connect(stranger(2), 260 * ns_per_ms), Limit::none) << "and 50 ms by all";
  EXPECT_EQ(connect(stranger(3), 1), Limit::strangers_time);
  now_ns_ += second_ns;
  EXPECT_EQ(connect(stranger(1), 1), Limit::client_time) << "150 ms";
  EXPECT_EQ(connect(stranger(2), 1), Limit::client_time) << "160 ms";
  EXPECT_EQ(connect(stranger(3), 1), Limit::none);
  now_ns_ += second_ns;
  EXPECT_EQ(connect(stranger(1), 49 * ns_per_ms), Limit::none) << "50 ms";
  EXPECT_EQ(connect(stranger(1), 1 * ns_per_ms), Limit::none);
  EXPECT_EQ(connect(stranger(1), 1), Limit::client_time);
  now_ns_ += 1'000'000 * second_ns;
  for (uint32_t i = 1; i < 4; ++i) EXPECT_EQ(connect(stranger(i), 1), Limit::none) << i;
}

TEST_F(TlsBudgetTest, StrangersBeginSoManyHandshakesASecond) {
  for (uint32_t i = 0; i < TlsBudget::strangers_handshakes_a_second_max; ++i) {
    EXPECT_EQ(connect(stranger(i), 1), Limit::none);
  }
  EXPECT_EQ(connect(stranger(0), 1), Limit::handshakes);
  budget_.prove(stranger(0), now_ns_);
  EXPECT_EQ(connect(stranger(0), 1), Limit::none);
  EXPECT_EQ(connect(stranger(1), 1), Limit::handshakes);
  now_ns_ += second_ns;
  EXPECT_EQ(connect(stranger(1), 1), Limit::none);
}

TEST_F(TlsBudgetTest, HandshakesUnderWayAreBoundedAndSomeAreForTheProved) {
  const auto judge = [&](uint32_t number) {
    EXPECT_EQ(budget_.judge_connection(stranger(number), now_ns_), Limit::none) << "it may be held";
    const bool is_proved = budget_.is_proved(stranger(number), now_ns_);
    return budget_.judge_handshake(stranger(number),
                                   is_proved ? Standing::proved : Standing::stranger, now_ns_);
  };
  for (uint32_t i = 0; i < TlsBudget::strangers_handshakes_max; ++i) {
    ASSERT_EQ(judge(i), Limit::none);
    budget_.begin_handshake(budget_.begin(stranger(i), now_ns_));
  }
  EXPECT_EQ(judge(999), Limit::handshakes);
  for (uint32_t i = TlsBudget::strangers_handshakes_max; i < TlsBudget::handshakes_max; ++i) {
    budget_.prove(stranger(i), now_ns_);
    ASSERT_EQ(judge(i), Limit::none) << i;
    const Standing standing = budget_.begin(stranger(i), now_ns_);
    EXPECT_EQ(standing, Standing::proved);
    budget_.begin_handshake(standing);
  }
  EXPECT_EQ(judge(50), Limit::handshakes) << "proved, too";
  budget_.end_handshake(Standing::stranger);
  EXPECT_EQ(judge(50), Limit::none);
  EXPECT_EQ(judge(999), Limit::none);
}

TEST_F(TlsBudgetTest, StrangersDoNotHoldAllConnections) {
  std::vector<Standing> open;
  for (uint32_t i = 0; i < TlsBudget::strangers_connections_max; ++i) {
    ASSERT_EQ(budget_.judge_connection(stranger(i), now_ns_), Limit::none) << i;
    open.push_back(budget_.begin(stranger(i), now_ns_));
  }
  EXPECT_EQ(budget_.judge_connection(stranger(999), now_ns_), Limit::connections);
  budget_.prove(stranger(999), now_ns_);
  EXPECT_EQ(budget_.judge_connection(stranger(999), now_ns_), Limit::none);
  budget_.end(open.back());
  EXPECT_EQ(budget_.judge_connection(stranger(998), now_ns_), Limit::none);
}

TEST_F(TlsBudgetTest, AConnectionOfOneWhoIsProvedIsNoStrangersAnyMore) {
  std::vector<Standing> open;
  for (uint32_t i = 0; i < TlsBudget::strangers_connections_max; ++i) {
    open.push_back(budget_.begin(stranger(i), now_ns_));
  }
  budget_.renew(open[7], stranger(7), now_ns_);
  EXPECT_EQ(open[7], Standing::stranger);
  EXPECT_EQ(budget_.judge_connection(stranger(999), now_ns_), Limit::connections);
  budget_.prove(stranger(7), now_ns_);
  for (int i = 0; i < 2; ++i) budget_.renew(open[7], stranger(7), now_ns_);
  EXPECT_EQ(open[7], Standing::proved);
  EXPECT_EQ(budget_.judge_connection(stranger(999), now_ns_), Limit::none);
  open.push_back(budget_.begin(stranger(999), now_ns_));
  budget_.end(open[7]);
  EXPECT_EQ(budget_.judge_connection(stranger(998), now_ns_), Limit::connections)
      << "its place was not a stranger's";
}

// Also after a start, when nobody has shown anything yet.
TEST_F(TlsBudgetTest, WhomTheConfigurationNamesIsNoStranger) {
  const Endpoint named = from("192.0.2.1");
  budget_ =
      TlsBudget([&](Bytes address) { return std::ranges::equal(address, named.address_bytes()); });
  EXPECT_EQ(connect(stranger(1), 300 * ns_per_ms), Limit::none);
  EXPECT_EQ(connect(stranger(2), 1), Limit::strangers_time);
  EXPECT_EQ(connect(named, 100 * ns_per_ms), Limit::none);
  EXPECT_EQ(connect(named, 1), Limit::client_time);
  EXPECT_EQ(budget_.begin(named, now_ns_), Standing::proved);
  EXPECT_EQ(budget_.proved_count(now_ns_), 0U) << "it needs no memory";
}

TEST_F(TlsBudgetTest, WhoIsProvedIsForgottenAfterADayAndThoseUnseenLongestGiveWay) {
  for (uint32_t i = 0; i < TlsBudget::proved_max + 10; ++i) {
    budget_.prove(stranger(i), now_ns_ + i * second_ns);
  }
  now_ns_ += 2'000 * second_ns;
  EXPECT_EQ(budget_.proved_count(now_ns_), TlsBudget::proved_max);
  EXPECT_FALSE(budget_.is_proved(stranger(9), now_ns_));
  EXPECT_TRUE(budget_.is_proved(stranger(10), now_ns_));
  EXPECT_FALSE(budget_.is_proved(stranger(10), now_ns_ + TlsBudget::proved_s * second_ns));
  now_ns_ += (TlsBudget::proved_s - 1'000) * second_ns;
  EXPECT_EQ(budget_.proved_count(now_ns_), 33U) << "those of less than a day ago";
}

// A secondary asks for the SOA for months before there is something to transfer.
TEST_F(TlsBudgetTest, WhoIsProvedAndComesAgainIsRemembered) {
  budget_.prove(stranger(1), now_ns_);
  for (int hours = 0; hours < 96; hours += 12) {
    now_ns_ += uint64_t{12} * 3600 * second_ns;
    EXPECT_TRUE(budget_.is_proved(stranger(1), now_ns_)) << hours;
    for (uint32_t i = 1; i < 3; ++i) budget_.note_seen(stranger(i), now_ns_);
  }
  EXPECT_FALSE(budget_.is_proved(stranger(2), now_ns_)) << "coming again proves nothing";
  now_ns_ += TlsBudget::proved_s * second_ns;
  budget_.note_seen(stranger(1), now_ns_);
  EXPECT_FALSE(budget_.is_proved(stranger(1), now_ns_)) << "nor does it later";
}

// However many there are in a second, what is kept of them does not grow.
TEST_F(TlsBudgetTest, TheClientsOfASecondAreBounded) {
  for (uint32_t i = 0; i < TlsBudget::clients_max; ++i) budget_.charge(stranger(i), 1, now_ns_);
  EXPECT_EQ(budget_.judge_request(stranger(0), now_ns_), Limit::none);
  EXPECT_EQ(budget_.judge_request(stranger(5'000), now_ns_), Limit::strangers_time);
  budget_.charge(stranger(5'000), 200 * ns_per_ms, now_ns_);
  EXPECT_EQ(budget_.judge_request(stranger(5'000), now_ns_), Limit::strangers_time)
      << "it was not entered";
  now_ns_ += second_ns;
  EXPECT_EQ(budget_.judge_request(stranger(5'000), now_ns_), Limit::none);
}

}  // namespace
}  // namespace holdfast::transfer
