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
#include <optional>
#include <thread>

#include "base/shared_memory.h"
#include "base/test_arrival.h"
#include "transport/socket.h"

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
    listeners_[0] = {.endpoint = endpoint, .udp = udp_.get(), .tcp = tcp_.get()};
    shield_.emplace(*memory_, 0, *counters_);
    guard_.emplace(listeners_, *shield_, *counters_);
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
  // Whether all of so many from there are received.
  [[nodiscard]] bool passes(uint8_t host, Bytes message = no_name) const {
    constexpr int count = 40;
    const UniqueFd client(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_addr.s_addr = htonl(0x7f000000U | host);
    EXPECT_EQ(bind(client.get(), reinterpret_cast<sockaddr*>(&own), sizeof own), 0);
    sockaddr_in to{};
    socklen_t size = sizeof to;
    getsockname(udp_.get(), reinterpret_cast<sockaddr*>(&to), &size);
    for (int i = 0; i < count; ++i) {
      await_arrival(udp_.get(), [&] {
        EXPECT_GT(sendto(client.get(), message.data(), message.size(), 0,
                         reinterpret_cast<sockaddr*>(&to), size),
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
  static std::array<uint8_t, 40> question(uint8_t letter) {
    std::array<uint8_t, 40> message{};
    message[12] = 3;
    message[13] = letter;
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
    const UniqueFd udp(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const UniqueFd tcp(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const std::array<Listener, 1> listeners{
        {{.endpoint = listeners_[0].endpoint, .udp = udp.get(), .tcp = tcp.get()}}};
    guard_.emplace(listeners, *shield_, *counters_);
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

TEST_F(SocketGuardTest, WhereTheKernelTakesNoneOnTcpTheOtherIsAsEver) {
  const auto asked = question('a');
  bool takes_any = false;
  make_known();
  std::thread([&] {
    ASSERT_TRUE(give_up_all_rights());
    const std::array<sock_filter, 1> all{{{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = ~0U}}};
    takes_any = transport::attach_filter(tcp_.get(), all);
    pass(40);  // away from where the kernel is asked of beginnings, which knows of none
    shield_->note_beginnings(300'000);
    pass(100, 2'000, 1'000);
    EXPECT_LT(shield_->filter_orders().beginnings_share, SHIELD_SHARE_ONE);
    EXPECT_EQ(memory_->orders[0].beginnings_share != 0, takes_any);
    take(known_host, asked);
    shield_->note_existing(0, asked);
    pass(1'200, 2'000, 1'000);
    EXPECT_TRUE(guard_->is_filtered(0));
    EXPECT_TRUE(passes(77, asked)) << "it still sees names";
    EXPECT_TRUE(is_thinned_out(77, question('b')));
  }).join();
  if (takes_any) GTEST_SKIP() << "this kernel takes them from anybody";
}

TEST_F(SocketGuardTest, ASocketToWhichLittleComesGetsNone) {
  const UniqueFd quiet(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const std::array<Listener, 2> listeners{
      listeners_[0],
      {.endpoint = *parse_endpoint("::1@1", 1), .udp = quiet.get(), .tcp = tcp_.get()}};
  guard_.emplace(listeners, *shield_, *counters_);
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
  ASSERT_TRUE(transport::attach_filter(udp_.get(), none));
  guard_.emplace(listeners_, *shield_, *counters_);
  EXPECT_TRUE(passes(77));
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
