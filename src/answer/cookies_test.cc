// SPDX-License-Identifier: GPL-3.0-or-later
#include "answer/cookies.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace holdfast::answer {
namespace {

using Octets = std::vector<uint8_t>;

Octets from_hex(std::string_view hex) {
  Octets bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

exchange::CookieSecret secret(std::string_view hex) {
  exchange::CookieSecret bytes{};
  std::ranges::copy(from_hex(hex), bytes.begin());
  return bytes;
}

// A request's COOKIE option.
struct Asked {
  explicit Asked(std::string_view hex) : bytes(from_hex(hex)) {
    edns.present = true;
    edns.cookie_present = true;
    edns.client_cookie = Bytes(bytes).first(8);
    edns.server_cookie = Bytes(bytes).subspan(8);
  }
  Octets bytes;
  wire::Edns edns;
};

class Cookies : public testing::Test {
 protected:
  exchange::AnswerPolicy policy;
  Octets address = {198, 51, 100, 100};

  CookieExchange ask(const Asked& asked, uint32_t now_s) {
    exchange::Client client;
    client.address = address;
    return exchange_cookies(asked.edns, client, policy, now_s);
  }
};

Octets octets(const ServerCookie& cookie) { return {cookie.begin(), cookie.end()}; }

constexpr uint32_t june_5_2019_10_53_05 = 1559731985;

// RFC 9018 Appendix A.1.
TEST_F(Cookies, LearningANewServerCookie) {
  policy.cookie_active = secret("e5e973e5a6b2a43f48e7dc849e37bfcf");
  const auto exchange = ask(Asked("2464c4abcf10c957"), june_5_2019_10_53_05);
  EXPECT_EQ(exchange.status, CookieStatus::client_only);
  EXPECT_EQ(octets(exchange.reply), from_hex("010000005cf79f111f8130c3eee29480"));
}

// RFC 9018 Appendix A.2: forty minutes later it is renewed.
TEST_F(Cookies, TheSameClientLearnsARenewedServerCookie) {
  policy.cookie_active = secret("e5e973e5a6b2a43f48e7dc849e37bfcf");
  const auto exchange = ask(Asked("2464c4abcf10c957010000005cf79f111f8130c3eee29480"), 1559734385);
  EXPECT_EQ(exchange.status, CookieStatus::valid);
  EXPECT_EQ(octets(exchange.reply), from_hex("010000005cf7a871d4a564a1442aca77"));
}

// RFC 9018 Appendix A.3: the reserved bits count as they came. The cookie is older than §4.3 allows
// by the time of the appendix.
TEST_F(Cookies, AnotherClientLearnsARenewedServerCookie) {
  policy.cookie_active = secret("e5e973e5a6b2a43f48e7dc849e37bfcf");
  address = {203, 0, 113, 203};
  const Asked asked("fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5");
  EXPECT_EQ(ask(asked, 0x5cf78f71).status, CookieStatus::valid);
  const auto exchange = ask(asked, 1559734700);
  EXPECT_EQ(exchange.status, CookieStatus::invalid);
  EXPECT_EQ(octets(exchange.reply), from_hex("010000005cf7a9acf73a7810aca2381e"));
}

// RFC 9018 Appendix A.4: IPv6, and a secret that is about to be replaced.
TEST_F(Cookies, ACookieOfTheStagedSecretIsValidAndRenewed) {
  policy.cookie_active = secret("445536bcd2513298075a5d379663c962");
  policy.cookie_staged = secret("dd3bdf9344b678b185a6f5cb60fca715");
  policy.cookie_staged_present = true;
  address = from_hex("20010db80220000159ded0f4876982b8");
  const Asked asked("22681ab97d52c298010000005cf7c57926556bd0934c72f8");
  const auto exchange = ask(asked, 1559741961);
  EXPECT_EQ(exchange.status, CookieStatus::valid);
  EXPECT_EQ(octets(exchange.reply), from_hex("010000005cf7c609a6bb79d16625507a"));
  policy.cookie_staged_present = false;
  EXPECT_EQ(ask(asked, 1559741961).status, CookieStatus::invalid);
}

TEST_F(Cookies, AFreshCookieIsSentBackAsItIs) {
  policy.cookie_active = secret("e5e973e5a6b2a43f48e7dc849e37bfcf");
  const Asked asked("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  const auto at_limit = ask(asked, june_5_2019_10_53_05 + 1800);
  EXPECT_EQ(octets(at_limit.reply), from_hex("010000005cf79f111f8130c3eee29480"));
  EXPECT_NE(octets(ask(asked, june_5_2019_10_53_05 + 1801).reply), octets(at_limit.reply));
}

// RFC 9018 §4.3: an hour into the past, five minutes into the future.
TEST_F(Cookies, AgeIsBounded) {
  policy.cookie_active = secret("e5e973e5a6b2a43f48e7dc849e37bfcf");
  const Asked asked("2464c4abcf10c957010000005cf79f111f8130c3eee29480");
  EXPECT_EQ(ask(asked, june_5_2019_10_53_05 + 3600).status, CookieStatus::valid);
  EXPECT_EQ(ask(asked, june_5_2019_10_53_05 + 3601).status, CookieStatus::invalid);
  EXPECT_EQ(ask(asked, june_5_2019_10_53_05 - 300).status, CookieStatus::valid);
  EXPECT_EQ(ask(asked, june_5_2019_10_53_05 - 301).status, CookieStatus::invalid);
}

TEST_F(Cookies, WhatIsNotOursIsInvalidAndReplaced) {
  policy.cookie_active = secret("e5e973e5a6b2a43f48e7dc849e37bfcf");
  const auto fresh = ask(Asked("2464c4abcf10c957"), june_5_2019_10_53_05);
  for (const char* forged : {
           "2464c4abcf10c957010000005cf79f111f8130c3eee29481",  // another hash
           "2464c4abcf10c958010000005cf79f111f8130c3eee29480",  // another client cookie
           "2464c4abcf10c957020000005cf79f111f8130c3eee29480",  // another version
           "2464c4abcf10c957010000005cf79f11",                  // another length
           "2464c4abcf10c957010000005cf79f111f8130c3eee2948000",
       }) {
    const auto exchange = ask(Asked(forged), june_5_2019_10_53_05);
    EXPECT_EQ(exchange.status, CookieStatus::invalid) << forged;
    EXPECT_EQ(exchange.reply[0], 1);
  }
  address[3] = 101;
  EXPECT_EQ(
      ask(Asked("2464c4abcf10c957010000005cf79f111f8130c3eee29480"), june_5_2019_10_53_05).status,
      CookieStatus::invalid);
  EXPECT_EQ(fresh.status, CookieStatus::client_only);
}

TEST_F(Cookies, NoneAskedOrNoneWanted) {
  EXPECT_EQ(exchange_cookies({}, {}, policy, 0).status, CookieStatus::absent);
  policy.cookies_enabled = false;
  EXPECT_EQ(ask(Asked("2464c4abcf10c957"), 0).status, CookieStatus::absent);
}

}  // namespace
}  // namespace holdfast::answer
