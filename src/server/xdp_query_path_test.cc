// SPDX-License-Identifier: GPL-3.0-or-later
// The way of a query with frames in place of a socket's datagrams.
#include <gtest/gtest.h>

#include "base/test_frame.h"
#include "server/query_path.h"
#include "server/test_zone.h"
#include "transport/test_xdp_kernel.h"

namespace holdfast::server {
namespace {

using exchange::CounterLayout;
using exchange::Drop;
using transport::ChecksumTrust;
using transport::UdpFrame;

class XdpQueryPathTest : public testing::Test {
 protected:
  XdpQueryPathTest()
      : queue_(kernel_.memory(), kernel_.rings()),
        batch_({.bytes = MutableBytes(slot_.receive.datagrams.front().data(),
                                      sizeof slot_.receive.datagrams),
                .peers = slot_.receive.datagram_peers}) {
    service_.publish_zone();
    zones_ = service_.reader();
    policy_.zones_complete = true;
    batch_.attach(queue_, {});
    path_.emplace(slot_, *service_.refusals, zones_, policy_);
    path_->begin_turn({.monotonic_ns = 5'000'000'000, .wall_ns = 1'700'000'000'000'000'000});
  }

  void deliver(std::vector<uint8_t> payload) {
    frame_.payload = std::move(payload);
    ASSERT_TRUE(kernel_.deliver(1, frame_.build()));
  }
  // The payload of the one frame that was sent.
  std::vector<uint8_t> sent_payload() {
    const auto sent = kernel_.transmit();
    UdpFrame frame;
    if (sent.size() != 1 || transport::read_frame(sent[0], ChecksumTrust::full_only, frame) !=
                                transport::FrameFault::none) {
      return {};
    }
    return {sent[0].begin() + frame.payload_at, sent[0].end()};
  }
  [[nodiscard]] uint64_t count(size_t at) const { return slot_.counters.get(at); }
  [[nodiscard]] uint64_t drops(Drop reason) const {
    return count(CounterLayout::drops + static_cast<size_t>(reason));
  }

  TestService service_;
  exchange::WorkerSlot& slot_ = service_.panel->workers[0];
  zone::MemoryReader zones_{nullptr};
  exchange::AnswerPolicy policy_;
  transport::TestXdpKernel kernel_;
  transport::XdpQueue queue_;
  transport::XdpBatch batch_;
  std::optional<QueryPath> path_;
  TestFrame frame_;
};

TEST_F(XdpQueryPathTest, AQuestionInAFrameIsAnsweredInAFrame) {
  for (const char* from : {"192.0.2.2", "2001:db8::2"}) {
    frame_.from = from;
    frame_.to = frame_.from.contains(':') ? "2001:db8::1" : "192.0.2.1";
    deliver(make_query("www"));
    ASSERT_EQ(path_->answer_datagrams(batch_), 1U);
    const std::vector<uint8_t> answer = sent_payload();
    ASSERT_GT(answer.size(), 12U);
    EXPECT_EQ(load_be16(answer.data()), 0x1234);
    EXPECT_EQ(load_be16(answer.data() + 6), 1) << "one record in the answer";
  }
  EXPECT_EQ(count(CounterLayout::queries), 1U) << "over IPv4";
  EXPECT_EQ(count(CounterLayout::queries + 1), 1U) << "over IPv6";
  EXPECT_TRUE(kernel_.every_frame_is_somewhere());
}

TEST_F(XdpQueryPathTest, WhatGetsNoAnswerIsCountedAsAtTheSockets) {
  deliver(std::vector<uint8_t>(11));
  std::vector<uint8_t> response = make_query("www");
  response[2] = 0x80;
  deliver(response);
  frame_.from_port = 0;
  deliver(make_query("www"));
  EXPECT_EQ(path_->answer_datagrams(batch_), 3U);
  EXPECT_TRUE(kernel_.transmit().empty());
  EXPECT_EQ(drops(Drop::too_short), 1U);
  EXPECT_EQ(drops(Drop::is_response), 1U);
  EXPECT_EQ(drops(Drop::source_port_zero), 1U);
  EXPECT_TRUE(kernel_.every_frame_is_somewhere());
}

TEST_F(XdpQueryPathTest, TheSupervisorFindsTheMessageInHand) {
  deliver(make_query("one"));
  deliver(make_query("two"));
  ASSERT_EQ(batch_.receive(), 2U);
  const std::vector<uint8_t> wanted = make_query("two");
  EXPECT_EQ(batch_.datagram(1).data(), slot_.receive.datagrams[1].data());
  EXPECT_TRUE(std::equal(wanted.begin(), wanted.end(), slot_.receive.datagrams[1].begin()));
  const auto& peer = reinterpret_cast<const sockaddr_in&>(slot_.receive.datagram_peers[1]);
  EXPECT_EQ(peer.sin_family, AF_INET);
  EXPECT_EQ(peer.sin_addr.s_addr, htonl(0xc0000202));
}

}  // namespace
}  // namespace holdfast::server
