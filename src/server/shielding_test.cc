// SPDX-License-Identifier: GPL-3.0-or-later
// The way of a query with the shield: quiet times, overload, names, cookies, streams, dry runs.
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <optional>

#include "answer/cookies.h"
#include "answer/decline.h"
#include "base/test_arrival.h"
#include "server/query_path.h"
#include "server/test_zone.h"
#include "shield/worker_shield.h"
#include "transport/socket.h"

namespace holdfast::server {
namespace {

using exchange::CounterLayout;
using exchange::Drop;
using exchange::ShieldFate;

constexpr uint64_t ns_per_ms = 1'000'000;

class ShieldingTest : public testing::Test {
 protected:
  ShieldingTest() {
    service_.publish_zone();
    zones_ = service_.reader();
    policy_.zones_complete = true;
    policy_.cookie_active = {1, 2, 3};
    ShieldCommon& common = memory_->common;
    common.key[0] = 99;
    common.key[1] = 12345;
    common.enabled = 1;
    common.slot = 10;
    common.known_slots = 2;
    common.unknown_source = 1000;
    common.unknown_prefix = 1000;
    Endpoint endpoint = *parse_endpoint("127.0.0.1@1", 1);
    endpoint.port = 0;
    socket_ = std::move(*transport::open_socket(endpoint, transport::SocketType::udp));
    socklen_t size = sizeof address_;
    getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address_), &size);
    batch_.attach(socket_.get(), Endpoint::from_sockaddr(address_).port);
    shield_.emplace(*memory_, 0, slot_.counters);
    path_.emplace(slot_, *service_.refusals, zones_, policy_);
    path_->shield_by(&*shield_);
    pass(100);
  }

  // Time goes on, in turns of the loop; overloaded if `drops` questions are lost in each.
  void pass(uint64_t ms, uint32_t drops = 0) {
    for (uint64_t done = 0; done < ms; done += 20) {
      now_ns_ += 20 * ns_per_ms;
      if (drops > 0) shield_->note_backlog(1000, drops);
      shield_->begin_turn(now_ns_);
      path_->begin_turn({.monotonic_ns = now_ns_, .wall_ns = wall_s * 1'000'000'000});
    }
  }
  void overload() {
    pass(20, 100);
    ASSERT_TRUE(shield_->is_overloaded());
  }
  // A client of its own address, 127.0.0.`host`.
  std::vector<uint8_t> ask_from(uint8_t host, const std::vector<uint8_t>& packet) {
    const UniqueFd client(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(0x7f000000U | host);
    EXPECT_EQ(bind(client.get(), reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
    EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&address_), sizeof(sockaddr_in)),
              0);
    await_arrival(socket_.get(), [&] {
      EXPECT_EQ(send(client.get(), packet.data(), packet.size(), 0),
                static_cast<ssize_t>(packet.size()));
    });
    EXPECT_EQ(path_->answer_datagrams(batch_), 1u);
    // A byte of our own comes behind the answer, if there is one.
    socklen_t own_size = sizeof own;
    getsockname(client.get(), reinterpret_cast<sockaddr*>(&own), &own_size);
    EXPECT_EQ(sendto(socket_.get(), "", 1, 0, reinterpret_cast<sockaddr*>(&own), own_size), 1);
    std::vector<uint8_t> response(4096);
    const ssize_t size = recv(client.get(), response.data(), response.size(), 0);
    response.resize(size <= 1 ? 0 : static_cast<size_t>(size));
    return response;
  }
  // From 127.0.0.9. Returns the answer's size.
  size_t ask_by_tcp() {
    sockaddr_storage storage{};
    sockaddr_in6 peer{};
    (void)parse_endpoint("127.0.0.9@4000", 0)->to_sockaddr(storage);
    std::memcpy(&peer, &storage, sizeof peer);
    std::vector<uint8_t> out(65535);
    return path_->on_message(make_query("www"), {peer, peer}, out);
  }
  void make_known(uint8_t host) {
    for (uint32_t slot = 8; slot <= 10; ++slot) {
      memory_->common.slot = slot;
      pass(20);
      EXPECT_FALSE(ask_from(host, make_query("www")).empty());
    }
  }
  [[nodiscard]] uint64_t fates(ShieldClass of, ShieldFate fate) const {
    return slot_.counters.get(CounterLayout::shield +
                              static_cast<size_t>(of) * exchange::shield_fate_count +
                              static_cast<size_t>(fate));
  }
  [[nodiscard]] uint64_t shed() const {
    return slot_.counters.get(CounterLayout::drops + static_cast<size_t>(Drop::shed));
  }
  static std::vector<uint8_t> plain_query(const std::string& label) {
    std::vector<uint8_t> packet = make_query(label);
    packet[11] = 0;
    packet.resize(packet.size() - 11);
    return packet;
  }
  // With a cookie option in its OPT.
  static std::vector<uint8_t> cookie_query(Bytes cookie) {
    std::vector<uint8_t> packet = make_query("www");
    packet.back() = static_cast<uint8_t>(cookie.size() + 4);
    packet.insert(packet.end(), {0, 10, 0, static_cast<uint8_t>(cookie.size())});
    packet.insert(packet.end(), cookie.begin(), cookie.end());
    return packet;
  }

  static constexpr uint64_t wall_s = 1'700'000'000;
  TestService service_;
  SharedObject<shield::ShieldMemory> memory_ =
      *SharedObject<shield::ShieldMemory>::create("a test");
  exchange::WorkerSlot& slot_ = service_.panel->workers[0];
  zone::MemoryReader zones_{nullptr};
  exchange::AnswerPolicy policy_;
  UniqueFd socket_;
  sockaddr_storage address_{};
  transport::UdpBatch batch_{transport::UdpBatch::ReceiveMemory{
      .bytes = MutableBytes(slot_.receive.datagrams.front().data(), sizeof slot_.receive.datagrams),
      .peers = slot_.receive.datagram_peers}};
  std::optional<shield::WorkerShield> shield_;
  std::optional<QueryPath> path_;
  uint64_t now_ns_ = 1'000'000 * ns_per_ms;
};

TEST_F(ShieldingTest, QuietTimesAnswerEverybodyAndLearn) {
  make_known(1);
  for (int i = 0; i < 50; ++i) EXPECT_FALSE(ask_from(9, make_query("nowhere")).empty());
  EXPECT_EQ(shed(), 0u);
  for (size_t i = 0; i < exchange::shield_class_count * exchange::shield_fate_count; ++i) {
    EXPECT_EQ(slot_.counters.get(CounterLayout::shield + i), 0u);
  }
  const auto known = shield::SourceHistory(memory_->history).summarise(2);
  EXPECT_EQ(known.entries, 2u);
  EXPECT_EQ(known.known, 1u);
}

// The rest of the budget is what the strangers get; the known are answered whatever they leave.
TEST_F(ShieldingTest, UnderOverloadTheKnownAreAnsweredAndStrangersAreShed) {
  make_known(1);
  overload();
  pass(400, 100);  // to the least budget
  int known = 0;
  int strangers = 0;
  for (int i = 0; i < 100; ++i) {
    pass(20, 100);
    if (!ask_from(1, make_query("www")).empty()) ++known;
    for (int k = 0; k < 30; ++k) {
      const auto response = ask_from(static_cast<uint8_t>(50 + k), plain_query("www"));
      if (!response.empty() && (response[2] & 2) == 0) ++strangers;
    }
  }
  EXPECT_EQ(known, 100);
  EXPECT_LT(strangers, 1'500);
  EXPECT_GT(strangers, 250) << "what is left is theirs";
  EXPECT_GT(shed(), 100u);
  EXPECT_GT(fates(shield_unknown_slow, ShieldFate::truncated) +
                fates(shield_unknown_fast, ShieldFate::truncated),
            400u)
      << "a cheap answer for more";
  EXPECT_EQ(fates(shield_known, ShieldFate::admitted), 100u);
  EXPECT_EQ(fates(shield_known, ShieldFate::dropped), 0u);
  EXPECT_EQ(shed(), fates(shield_unknown_slow, ShieldFate::dropped) +
                        fates(shield_unknown_fast, ShieldFate::dropped));
  const auto after = shield::SourceHistory(memory_->history).summarise(1);
  EXPECT_EQ(after.entries, 1u) << "a flood teaches nothing";
}

TEST_F(ShieldingTest, AValidCookieIsAnswered) {
  overload();
  memory_->common.unknown_source = 1;  // without it, even the second question is too many
  pass(40, 100);
  const std::array<uint8_t, 8> client_cookie{1, 2, 3, 4, 5, 6, 7, 8};
  wire::Query query;
  const auto first = cookie_query(client_cookie);
  ASSERT_EQ(wire::parse_query(first, query), wire::QueryError::none);
  const std::array<uint8_t, 4> address{127, 0, 0, 9};
  const exchange::Client client{.address = address};
  const auto exchange = answer::exchange_cookies(query.edns, client, policy_, wall_s);
  std::vector<uint8_t> cookie(client_cookie.begin(), client_cookie.end());
  cookie.insert(cookie.end(), exchange.reply.begin(), exchange.reply.end());
  for (int i = 0; i < 4; ++i) {
    const auto response = ask_from(9, cookie_query(cookie));
    ASSERT_FALSE(response.empty());
    EXPECT_EQ(response[3] & 15, 0);
  }
  EXPECT_EQ(fates(shield_proved, ShieldFate::admitted), 4u);
}

TEST_F(ShieldingTest, CheapAnswersAskForProof) {
  wire::Query query;
  const std::array<uint8_t, 4> address{127, 0, 0, 9};
  const exchange::Client client{.address = address};
  std::array<uint8_t, 512> out;
  const auto plain = plain_query("www");
  ASSERT_EQ(wire::parse_query(plain, query), wire::QueryError::none);
  auto outcome = answer::ask_for_proof(query, client, policy_, wall_s, out);
  EXPECT_EQ(outcome.bytes, plain.size()) << "no more than was asked";
  EXPECT_TRUE(outcome.truncated);
  EXPECT_EQ(out[2] & 2, 2) << "TC";
  const auto with_cookie = cookie_query(std::array<uint8_t, 8>{1, 2, 3, 4, 5, 6, 7, 8});
  ASSERT_EQ(wire::parse_query(with_cookie, query), wire::QueryError::none);
  outcome = answer::ask_for_proof(query, client, policy_, wall_s, out);
  EXPECT_EQ(outcome.rcode, wire::rcode_badcookie);
  EXPECT_EQ(outcome.bytes, with_cookie.size() + answer::server_cookie_bytes);
  EXPECT_EQ(out[3] & 15, 7) << "the lower bits of 23";
}

TEST_F(ShieldingTest, WhoCompletedTcpIsProved) {
  overload();
  EXPECT_GT(ask_by_tcp(), 12u);
  EXPECT_FALSE(ask_from(9, plain_query("www")).empty());
  EXPECT_EQ(fates(shield_proved, ShieldFate::admitted), 1u);
}

TEST_F(ShieldingTest, AStreamClientThatHasUsedUpItsTimeWaits) {
  const uint8_t own[] = {127, 0, 0, 9};  // as ask_by_tcp
  const uint8_t other[] = {127, 0, 0, 10};
  constexpr uint64_t a_tenth_ns = 100 * ns_per_ms;
  const auto refused = [&] { return slot_.counters.get(CounterLayout::shield_streams); };
  shield_->end_message(own, {.ns = 2 * a_tenth_ns});
  EXPECT_GT(ask_by_tcp(), 12u) << "in quiet times nobody's time is counted";
  overload();
  EXPECT_GT(ask_by_tcp(), 12u);
  shield_->end_message(own, {.ns = a_tenth_ns});
  EXPECT_EQ(ask_by_tcp(), 0u);
  EXPECT_EQ(refused(), 1u);
  EXPECT_EQ(shed(), 1u);
  EXPECT_TRUE(shield_->admit_message(other));
  pass(2'100, 100);
  EXPECT_GT(ask_by_tcp(), 12u) << "a window later";
  shield_->end_message(own, {.ns = a_tenth_ns});
  memory_->common.dry_run = SHIELD_DRY_RUN_STREAMS;
  pass(20, 100);
  EXPECT_GT(ask_by_tcp(), 12u);
  EXPECT_EQ(refused(), 1u);
}

TEST_F(ShieldingTest, StreamsOfStrangersShareAPartOfTheProcessor) {
  make_known(10);
  const uint8_t known[] = {127, 0, 0, 10};
  overload();
  for (uint8_t host = 20; host < 23; ++host) {
    const uint8_t stranger[] = {127, 0, 0, host};
    EXPECT_TRUE(shield_->admit_message(stranger)) << int{host};
    shield_->end_message(stranger, {.ns = 99 * ns_per_ms});
  }
  shield_->end_message(known, {.ns = 90 * ns_per_ms});
  const uint8_t another[] = {127, 0, 0, 30};
  EXPECT_TRUE(shield_->admit_message(another)) << "a known one's time is not theirs";
  shield_->end_message(another, {.ns = 10 * ns_per_ms});
  EXPECT_FALSE(shield_->admit_message(another));
  EXPECT_TRUE(shield_->admit_message(known)) << "whatever strangers do";
  pass(2'100, 100);
  EXPECT_TRUE(shield_->admit_message(another)) << "a window later";
}

// What a zone has had of the time of those who are not known: by datagram and by stream.
TEST_F(ShieldingTest, AZoneIsChargedWithWhatItsAnswersTook) {
  make_known(1);
  overload();
  const auto of_zone = [&] {
    uint32_t served = 0;
    for (const auto& line : memory_->workers[0].zones) {
      for (const auto& entry : line) served = std::max(served, entry.served.load());
    }
    return served;
  };
  EXPECT_FALSE(ask_from(1, plain_query("www")).empty());
  EXPECT_EQ(of_zone(), 0u) << "a known one's answer is not out of the budget";
  EXPECT_FALSE(ask_from(9, plain_query("www")).empty());
  const uint32_t first = of_zone();
  EXPECT_GT(first, 0u);
  EXPECT_FALSE(ask_from(10, plain_query("www")).empty());
  const uint32_t second = of_zone();
  EXPECT_GT(second, first);
  EXPECT_GT(ask_by_tcp(), 12u);
  EXPECT_GT(of_zone(), second);
}

TEST_F(ShieldingTest, ADryRunDecidesAndDoesNothing) {
  memory_->common.dry_run = SHIELD_DRY_RUN_ADMISSION;
  overload();
  pass(400, 100);
  for (int i = 0; i < 400; ++i) {
    if (i % 40 == 0) pass(20, 100);
    const auto response = ask_from(static_cast<uint8_t>(50 + i % 100), plain_query("www"));
    ASSERT_FALSE(response.empty());
    EXPECT_EQ(response[2] & 2, 0);
  }
  EXPECT_EQ(shed(), 0u);
  EXPECT_GT(fates(shield_unknown_slow, ShieldFate::dry_run), 0u);
}

TEST_F(ShieldingTest, SwitchedOffItDoesNotEvenLook) {
  memory_->common.enabled = 0;
  pass(40);
  EXPECT_FALSE(ask_from(9, make_query("www")).empty());
  EXPECT_GT(ask_by_tcp(), 12u);
  pass(400, 100);
  EXPECT_FALSE(shield_->is_overloaded());
  EXPECT_EQ(shield::SourceHistory(memory_->history).summarise(1).entries, 0u);
}

// Random names from strangers: existing names are never taken for part of the flood.
TEST_F(ShieldingTest, AbsentNamesOfAnAttackedZoneComeLast) {
  memory_->common.unknown_source = 1'000'000;
  memory_->common.unknown_prefix = 1'000'000;
  overload();
  for (int i = 0; i < 1'500; ++i) {
    if (i % 20 == 0) pass(20);
    (void)ask_from(static_cast<uint8_t>(50 + i % 100), plain_query("r" + std::to_string(i)));
  }
  EXPECT_GT(fates(shield_absent_name, ShieldFate::admitted) +
                fates(shield_absent_name, ShieldFate::dropped),
            500u);
  const uint64_t absent = fates(shield_absent_name, ShieldFate::admitted);
  const uint64_t dropped = fates(shield_absent_name, ShieldFate::dropped);
  EXPECT_FALSE(ask_from(200, plain_query("www")).empty());
  EXPECT_EQ(fates(shield_absent_name, ShieldFate::admitted), absent);
  EXPECT_EQ(fates(shield_absent_name, ShieldFate::dropped), dropped);
}

}  // namespace
}  // namespace holdfast::server
