// SPDX-License-Identifier: GPL-3.0-or-later
// Filters on real sockets, put there and taken away as the shield orders.
#include "server/socket_guard.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <thread>

#include "base/shared_memory.h"
#include "base/test_arrival.h"
#include "transport/socket.h"
#include "transport/syn_sink.h"

namespace holdfast::server {
namespace {

using exchange::CounterLayout;
using exchange::Filtered;

constexpr uint64_t ns_per_ms = 1'000'000;
constexpr uint8_t known_host = 9;
constexpr uint8_t other_known_host = 10;

class SocketGuardTest : public testing::Test {
 protected:
  SocketGuardTest() {
    ShieldCommon& common = memory_->common;
    for (size_t i = 0; i < 4; ++i) common.key[i] = 0x9e3779b97f4a7c15 * (i + 1);
    common.enabled = 1;
    common.slot = 10;
    common.known_slots = 2;
    common.unknown_source = 1'000;
    common.unknown_prefix = 1'000;
    Endpoint endpoint = *parse_endpoint("127.0.0.1@1", 1);
    endpoint.port = 0;
    udp_ = std::move(*transport::open_socket(endpoint, transport::SocketType::udp));
    tcp_ = std::move(*transport::open_socket(endpoint, transport::SocketType::tcp));
    endpoint.port = ntohs(name_of(tcp_).sin_port);
    sink_ = std::move(*transport::open_sink(endpoint));
    listeners_[0] = {
        .endpoint = endpoint, .udp = udp_.get(), .tcp = tcp_.get(), .sink = sink_.get()};
    shield_.emplace(*memory_, 0, *counters_);
    guard_.emplace(listeners_, choice_, *shield_, *counters_);
    pass(400);
  }

  // Turns of the loop, each of 20 ms, with so many questions of strangers in each.
  void pass(uint64_t ms, int strangers = 0, uint32_t backlog = 0) {
    for (uint64_t done = 0; done < ms; done += 20) {
      now_ns_ += 20 * ns_per_ms;
      if (backlog > 0) shield_->note_backlog(backlog, 0);
      shield_->begin_turn(now_ns_);
      guard_->tend(now_ns_);
      for (int i = 0; i < strangers; ++i) {
        take(static_cast<uint8_t>(50 + i % 100));
      }
      guard_->note_received(0, static_cast<size_t>(strangers));
    }
  }
  // What the way of a query does with a source.
  void take(uint8_t host, Bytes message = no_name) {
    const std::array<uint8_t, 4> address{127, 0, 0, host};
    shield_->look(0, address, 64);
    if (shield_->is_overloaded()) {
      (void)shield_->judge(0, message);
    } else {
      shield_->remember(0);
    }
  }
  static sockaddr_in name_of(const UniqueFd& socket) {
    sockaddr_in name{};
    socklen_t size = sizeof name;
    getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &size);
    return name;
  }
  static UniqueFd client_at(uint8_t host, int kind) {
    UniqueFd client(socket(AF_INET, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(0x7f000000U | host);
    EXPECT_EQ(bind(client.get(), reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
    return client;
  }
  // Whether a connection that begins there comes about: waits until it does, or its beginning has
  // been kept away.
  [[nodiscard]] bool connects(uint8_t host) const {
    constexpr int waits_max = 60'000;
    const uint32_t before = transport::kernel_drops(sink_.get());
    const UniqueFd client = client_at(host, SOCK_STREAM);
    const sockaddr_in to = name_of(tcp_);
    (void)connect(client.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to);
    for (int i = 0; i < waits_max && transport::kernel_drops(sink_.get()) == before; ++i) {
      const UniqueFd accepted(accept4(tcp_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (accepted.valid()) return true;
      usleep(1'000);
    }
    return false;
  }
  // Away from where the kernel is asked of beginnings, which knows of none.
  void flood_with_beginnings() {
    pass(40);
    shield_->note_beginnings(300'000);
    pass(100, 2'000, 1'000);
  }
  // Whether all of so many from there are received.
  [[nodiscard]] bool passes(uint8_t host, Bytes message = no_name) const {
    constexpr int count = 40;
    const UniqueFd client = client_at(host, SOCK_DGRAM);
    const sockaddr_in to = name_of(udp_);
    for (int i = 0; i < count; ++i) {
      await_arrival(udp_.get(), [&] {
        EXPECT_GT(sendto(client.get(), message.data(), message.size(), 0,
                         reinterpret_cast<const sockaddr*>(&to), sizeof to),
                  0);
      });
    }
    std::array<uint8_t, 64> in{};
    int received = 0;
    while (recv(udp_.get(), in.data(), in.size(), MSG_DONTWAIT) > 0) ++received;
    return received == count;
  }
  // Whether one of 2,000 is lost: a share passes by lot, and may be nearly all.
  [[nodiscard]] bool is_thinned_out(uint8_t host, Bytes message = no_name) const {
    for (int i = 0; i < 50; ++i) {
      if (!passes(host, message)) return true;
    }
    return false;
  }
  void make_known() {
    for (uint32_t slot = 8; slot <= 10; ++slot) {
      memory_->common.slot = slot;
      pass(20);
      for (int i = 0; i < 2; ++i) take(known_host);
      for (int i = 0; i < 2; ++i) take(other_known_host);
    }
  }
  static std::array<uint8_t, 40> question(uint8_t letter, uint8_t parent = 0) {
    std::array<uint8_t, 40> message{};
    message[12] = 3;
    message[13] = letter;
    message[16] = parent;
    return message;
  }
  [[nodiscard]] uint64_t filtered(Filtered what) const {
    return counters_->get(CounterLayout::filtered + static_cast<size_t>(what));
  }

  static constexpr std::array<uint8_t, 12> no_name{};
  SharedObject<shield::ShieldMemory> memory_ =
      *SharedObject<shield::ShieldMemory>::create("a test");
  std::unique_ptr<exchange::Counters> counters_ = std::make_unique<exchange::Counters>();
  UniqueFd udp_;
  UniqueFd tcp_;
  UniqueFd sink_;
  transport::ListenerChoice choice_ = transport::choose_by_lot(1);
  std::array<Listener, 1> listeners_;
  std::optional<shield::WorkerShield> shield_;
  std::optional<SocketGuard> guard_;
  uint64_t now_ns_ = 1'000'000 * ns_per_ms;
};

TEST_F(SocketGuardTest, UnderOverloadStrangersAreThinnedOutBeforeTheQueue) {
  make_known();
  EXPECT_TRUE(passes(77)) << "in quiet times there is no filter";
  pass(400, 2'000, 1'000);
  ASSERT_TRUE(shield_->is_overloaded());
  EXPECT_TRUE(guard_->is_filtered(0));
  EXPECT_NE(memory_->orders[0].datagrams_share, 0u);
  EXPECT_TRUE(passes(known_host));
  EXPECT_TRUE(is_thinned_out(77));
  pass(20);
  EXPECT_GT(filtered(Filtered::datagrams), 0u);
  EXPECT_EQ(counters_->get(CounterLayout::drops + static_cast<size_t>(exchange::Drop::filtered)),
            filtered(Filtered::datagrams));
  EXPECT_EQ(guard_->take_filtered(), filtered(Filtered::datagrams));
  EXPECT_EQ(guard_->take_filtered(), 0u);
  pass(1'000);
  EXPECT_FALSE(guard_->is_filtered(0)) << "the flood is over";
  EXPECT_TRUE(passes(77));
}

// Whoever it is that asks in its name: the others that are known keep their way.
TEST_F(SocketGuardTest, AKnownSourceThatFloodsIsThinnedOutAsStrangersAre) {
  make_known();
  pass(400, 2'000, 1'000);
  ASSERT_TRUE(passes(known_host));
  for (int i = 0; i < 500; ++i) take(known_host);
  pass(200, 2'000, 1'000);
  EXPECT_TRUE(is_thinned_out(known_host));
  EXPECT_TRUE(passes(other_known_host));
  pass(5'000, 2'000, 1'000);
  EXPECT_TRUE(is_thinned_out(known_host)) << "for ten seconds";
  pass(7'000, 2'000, 1'000);
  EXPECT_TRUE(passes(known_host)) << "and no longer than that";
}

TEST_F(SocketGuardTest, WhatTheKnownAskForPassesFromAnybodyWhereTheRestIsMadeUp) {
  const auto asked = question('a');
  const auto made_up = question('b');
  make_known();
  pass(400, 2'000, 1'000);
  take(known_host, asked);
  shield_->note_existing(0, asked);
  take(77, made_up);
  shield_->note_existing(0, made_up);
  pass(1'200, 2'000, 1'000);
  EXPECT_TRUE(passes(77, asked));
  EXPECT_TRUE(is_thinned_out(77, made_up)) << "which a stranger alone has asked for";
  EXPECT_TRUE(passes(known_host, made_up));
}

// Whoever carries the flood: the resolvers themselves may.
TEST_F(SocketGuardTest, WhereNamesAreMadeUpUnderOneParentThoseUnderOthersPass) {
  for (int i = 0; i < 16; ++i) {
    take(77, question('a', 'q'));
    shield_->note_existing(0, question('a', 'q'));
  }
  pass(400, 2'000, 1'000);
  EXPECT_TRUE(is_thinned_out(78, question('b', 'q')));
  take(77, question('m', 'u'));
  shield_->note_made_up(question('m', 'u'));
  pass(400, 2'000, 1'000);
  EXPECT_TRUE(passes(78, question('b', 'q')));
  EXPECT_TRUE(is_thinned_out(78, question('b', 'u')));
  EXPECT_TRUE(is_thinned_out(78, question('b', 'v'))) << "of which nothing is known";
  pass(10'400, 2'000, 1'000);
  EXPECT_TRUE(is_thinned_out(78, question('b', 'q'))) << "none is made up any more";
}

TEST_F(SocketGuardTest, InQuietTimesOneNameInSixteenIsRemembered) {
  const auto asked = question('a');
  for (int i = 0; i < 16; ++i) {
    take(77, asked);
    shield_->note_existing(0, asked);
  }
  pass(400, 2'000, 1'000);
  EXPECT_TRUE(passes(78, asked));
  EXPECT_TRUE(is_thinned_out(78, question('b')));
}

// Kernels before 6.7 grant 20 KiB. In a network of this thread's own.
TEST_F(SocketGuardTest, AKernelThatGrantsLittleGetsTheSmallFilter) {
  bool is_possible = false;
  std::thread([&] {
    if (unshare(CLONE_NEWNET) != 0) return;
    const UniqueFd grant(open("/proc/sys/net/core/optmem_max", O_WRONLY | O_CLOEXEC));
    if (write(grant.get(), "20480", 5) != 5) return;
    const Endpoint endpoint = *parse_endpoint("0.0.0.0@53", 53);
    const auto udp = transport::open_socket(endpoint, transport::SocketType::udp);
    const auto tcp = transport::open_socket(endpoint, transport::SocketType::tcp);
    const auto sink = transport::open_sink(endpoint);
    if (!udp || !tcp || !sink) return;
    const std::array<Listener, 1> listeners{
        {{.endpoint = endpoint, .udp = udp->get(), .tcp = tcp->get(), .sink = sink->get()}}};
    guard_.emplace(listeners, choice_, *shield_, *counters_);
    flood_with_beginnings();
    EXPECT_NE(memory_->orders[0].beginnings_share, 0u);
    EXPECT_EQ(memory_->orders[0].beginnings_refused, 0u);
    pass(1'000, 2'000, 1'000);
    const auto orders = shield_->filter_orders();
    is_possible = true;
    EXPECT_TRUE(guard_->is_filtered(0));
    EXPECT_EQ(orders.telling, shield::Telling::nothing) << "it sees no names";
    pass(400, 2'000, 1'000);
    EXPECT_TRUE(guard_->is_filtered(0)) << "and is replaced by the next";
    guard_.reset();
  }).join();
  if (!is_possible) GTEST_SKIP() << "no right to a network of its own";
}

// As a worker has: nothing but what the kernel lets everybody do. For the calling thread.
bool give_up_all_rights() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  return syscall(SYS_capset, &header, none.data()) == 0;
}

TEST_F(SocketGuardTest, WithoutAnyRightBeginningsOfStrangersAreKeptAway) {
  make_known();
  std::thread([&] {
    ASSERT_TRUE(give_up_all_rights());
    guard_.emplace(listeners_, choice_, *shield_, *counters_);
    EXPECT_TRUE(connects(77)) << "in quiet times";
    flood_with_beginnings();
    EXPECT_NE(memory_->orders[0].beginnings_share, 0u);
    EXPECT_EQ(memory_->orders[0].beginnings_refused, 0u);
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(connects(known_host));
    uint64_t kept_away = 0;  // of strangers one in sixty passes
    for (uint8_t host = 60; host < 80; ++host) kept_away += connects(host) ? 0U : 1U;
    EXPECT_GT(kept_away, 10u);
    pass(300);
    EXPECT_GE(filtered(Filtered::beginnings), kept_away) << "and those who tried again";
    EXPECT_EQ(memory_->orders[0].beginnings_share, 0u) << "no more come";
    EXPECT_TRUE(connects(77));
  }).join();
}

TEST_F(SocketGuardTest, WhereTheChoiceOfAProcessorIsTooLongItIsByLot) {
  std::vector<uint32_t> cpus;
  for (uint32_t i = 0; i < 256; ++i) cpus.push_back(2 * i + 1);
  guard_.reset();
  choice_ = transport::choose_by_cpu(cpus);
  ASSERT_GT(choice_.program.size(), shield::SocketFilter::choice_size_max);
  guard_.emplace(listeners_, choice_, *shield_, *counters_);
  pass(400);
  flood_with_beginnings();
  EXPECT_NE(memory_->orders[0].beginnings_share, 0u);
  EXPECT_EQ(memory_->orders[0].beginnings_refused, 0u);
}

TEST_F(SocketGuardTest, AWorkerThatEndsKeepsNobodyAwayAnyMore) {
  flood_with_beginnings();
  ASSERT_NE(memory_->orders[0].beginnings_share, 0u);
  guard_->end_diversions();
  EXPECT_TRUE(connects(99));
  shield_->note_beginnings(300'000);
  pass(400, 2'000, 1'000);
  EXPECT_TRUE(connects(98)) << "nor later";
}

TEST_F(SocketGuardTest, WhoIsKnownFromConnectionsAloneMayBeginOthersUnderAFlood) {
  const auto complete_one = [&](uint8_t host) {
    shield_->end_message(std::array<uint8_t, 4>{127, 0, 0, host}, {});
  };
  constexpr uint8_t once_host = 177;  // which asks nothing in the flood
  for (uint32_t slot = 8; slot <= 10; ++slot) {
    memory_->common.slot = slot;
    pass(20);
    complete_one(known_host);
  }
  complete_one(once_host);
  flood_with_beginnings();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(connects(known_host));
  int kept_away = 0;
  for (int i = 0; i < 10; ++i) kept_away += connects(once_host) ? 0 : 1;
  EXPECT_GT(kept_away, 0) << "once is not enough in quiet times";
}

// It is found out before there is a flood, and nothing is kept away that would be told as such.
TEST_F(SocketGuardTest, WhatTheKernelRefusesIsCountedAndTold) {
  const auto asked = question('a');
  const UniqueFd alone(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));  // shares no address
  ASSERT_EQ(listen(alone.get(), 1), 0);
  const auto refusals = [&] {
    return counters_->get(CounterLayout::filters_refused +
                          static_cast<size_t>(exchange::FilterRefused::beginnings));
  };
  make_known();
  EXPECT_EQ(refusals(), 0u);
  listeners_[0].tcp = alone.get();
  guard_.emplace(listeners_, choice_, *shield_, *counters_);
  EXPECT_EQ(refusals(), 1u);
  pass(20);
  EXPECT_EQ(memory_->orders[0].beginnings_refused, static_cast<uint32_t>(EINVAL));
  flood_with_beginnings();
  EXPECT_LT(shield_->filter_orders().beginnings_share, SHIELD_SHARE_ONE);
  EXPECT_EQ(memory_->orders[0].beginnings_share, 0u);
  EXPECT_EQ(refusals(), 2u);
  take(known_host, asked);
  shield_->note_existing(0, asked);
  pass(1'200, 2'000, 1'000);
  EXPECT_TRUE(passes(77, asked)) << "the other filter still sees names";
  EXPECT_TRUE(is_thinned_out(77, question('b')));
}

// They come to one place for all workers.
TEST_F(SocketGuardTest, AWorkerWithoutSinksLooksAfterDatagramsAlone) {
  listeners_[0].sink = -1;
  guard_.emplace(listeners_, choice_, *shield_, *counters_);
  flood_with_beginnings();
  EXPECT_TRUE(guard_->is_filtered(0));
  EXPECT_EQ(memory_->orders[0].beginnings_share, 0u);
  EXPECT_TRUE(connects(77));
}

TEST_F(SocketGuardTest, ASocketToWhichLittleComesGetsNone) {
  const UniqueFd quiet(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::array<Listener, 2> listeners{
      listeners_[0],
      {.endpoint = *parse_endpoint("::1@1", 1), .udp = quiet.get(), .tcp = tcp_.get()}};
  guard_.emplace(listeners, choice_, *shield_, *counters_);
  pass(400, 2'000, 1'000);
  ASSERT_TRUE(guard_->is_filtered(0));
  EXPECT_FALSE(guard_->is_filtered(1));
  const auto come_to_it = [&](uint64_t ms, size_t datagrams) {
    for (uint64_t done = 0; done < ms; done += 20) {
      guard_->note_received(1, datagrams);
      pass(20, 2'000, 1'000);
    }
  };
  come_to_it(400, 100);
  EXPECT_TRUE(guard_->is_filtered(1)) << "within two looks";
  come_to_it(1'000, 10);
  EXPECT_TRUE(guard_->is_filtered(1)) << "half of what it began with";
  come_to_it(1'400, 1);
  EXPECT_FALSE(guard_->is_filtered(1));
  EXPECT_TRUE(guard_->is_filtered(0));
}

TEST_F(SocketGuardTest, ADryRunCountsAndKeepsNobodyAway) {
  memory_->common.dry_run = SHIELD_DRY_RUN_FILTER;
  pass(400, 2'000, 1'000);
  ASSERT_TRUE(shield_->is_overloaded());
  EXPECT_TRUE(passes(77));
  EXPECT_EQ(filtered(Filtered::datagrams), 0u);
  EXPECT_GT(filtered(Filtered::datagrams_dry), 1'000u);
  EXPECT_EQ(memory_->orders[0].datagrams_share, 0u);
}

TEST_F(SocketGuardTest, ItGoesWithTheShieldAndWithItsWorker) {
  pass(400, 2'000, 1'000);
  ASSERT_TRUE(is_thinned_out(77));
  memory_->common.enabled = 0;
  pass(400);
  EXPECT_TRUE(passes(77)) << "switched off";
  memory_->common.enabled = 1;
  pass(400, 2'000, 1'000);
  ASSERT_TRUE(is_thinned_out(77));
  // A worker that was killed takes nothing away; its successor does.
  const std::array<sock_filter, 1> none{{{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 0}}};
  ASSERT_EQ(transport::attach_filter(udp_.get(), none), 0);
  const std::array<sock_filter, 1> to_sink{{{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = 1}}};
  ASSERT_EQ(transport::divert(tcp_.get(), sink_.get(), to_sink), 0);
  EXPECT_FALSE(connects(77));
  guard_.emplace(listeners_, choice_, *shield_, *counters_);
  EXPECT_TRUE(passes(77));
  EXPECT_TRUE(connects(77));
}

TEST_F(SocketGuardTest, BeginningsOfConnectionsAreLimitedByWhatComes) {
  pass(40);  // away from where the kernel is asked, which knows of none
  shield_->note_beginnings(300'000);
  pass(20);
  EXPECT_EQ(memory_->orders[0].syn_per_s, shield::CardBudgets::syns_start);
  EXPECT_LT(shield_->filter_orders().beginnings_share, SHIELD_SHARE_ONE / 32);
  pass(200);
  EXPECT_EQ(shield_->filter_orders().beginnings_share, SHIELD_SHARE_ONE) << "no more come";
  EXPECT_EQ(memory_->orders[0].syn_per_s, shield::CardBudgets::syns_start);
  pass(6'000);
  EXPECT_EQ(memory_->orders[0].syn_per_s, 0u);
}

}  // namespace
}  // namespace holdfast::server
