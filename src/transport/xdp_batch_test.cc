// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/xdp_batch.h"

#include <gtest/gtest.h>

#include <random>

#include "base/test_frame.h"
#include "transport/test_xdp_kernel.h"

namespace holdfast::transport {
namespace {

constexpr size_t row_bytes = 2048;

class XdpBatchTest : public testing::Test {
 protected:
  XdpBatchTest()
      : queue_(kernel_.memory(), kernel_.rings()),
        batch_({.bytes = rows_, .peers = std::span<sockaddr_in6, XdpBatch::size_max>(peers_)}) {
    batch_.attach(queue_, {});
  }

  // A question whose first byte tells it from others.
  bool deliver(uint8_t mark, size_t lane = 1) {
    frame_.payload.assign(40, mark);
    return kernel_.deliver(lane, frame_.build());
  }
  // Answers each question with its bytes doubled.
  size_t answer_all() {
    const size_t count = batch_.receive();
    for (size_t i = 0; i < count; ++i) answer(i);
    if (count > 0) report_ = batch_.send();
    return count;
  }
  void answer(size_t index) {
    const Bytes question = batch_.datagram(index);
    const MutableBytes room = batch_.response_room(index);
    std::ranges::copy(question, room.begin());
    std::ranges::copy(question, room.begin() + 40);
    batch_.respond(index, 80);
  }

  TestXdpKernel kernel_;
  std::vector<uint8_t> rows_ = std::vector<uint8_t>(XdpBatch::size_max * row_bytes);
  std::array<sockaddr_in6, XdpBatch::size_max> peers_;
  XdpQueue queue_;
  XdpBatch batch_;
  SendReport report_;
  TestFrame frame_;
};

TEST_F(XdpBatchTest, AnswersInTheFrameOfTheQuestion) {
  ASSERT_TRUE(deliver(7));
  ASSERT_EQ(batch_.receive(), 1U);
  EXPECT_EQ(batch_.datagram(0).size(), 40U);
  EXPECT_EQ(batch_.datagram(0)[0], 7);
  EXPECT_EQ(batch_.local_port(0), 53);
  EXPECT_EQ(batch_.local_address(0).size(), 4U);
  EXPECT_EQ(ntohs(batch_.peer(0).sin6_port), 4242);
  answer(0);
  EXPECT_EQ(batch_.datagram(0)[39], 7) << "the question stays while its answer is written";
  EXPECT_EQ(batch_.send().sent, 1U);
  const auto sent = kernel_.transmit();
  ASSERT_EQ(sent.size(), 1U);
  UdpFrame answer;
  ASSERT_EQ(read_frame(sent[0], ChecksumTrust::full_only, answer), FrameFault::none);
  EXPECT_EQ(answer.payload_bytes, 80U);
  EXPECT_EQ(answer.local_port, 4242);
  EXPECT_TRUE(kernel_.every_frame_is_somewhere());
}

TEST_F(XdpBatchTest, WhatIsNotAnsweredGoesBack) {
  for (uint8_t i = 0; i < 3; ++i) deliver(i);
  ASSERT_EQ(batch_.receive(), 3U);
  answer(1);
  EXPECT_EQ(batch_.send().sent, 1U);
  EXPECT_EQ(kernel_.transmit().size(), 1U);
  EXPECT_TRUE(kernel_.every_frame_is_somewhere());
}

TEST_F(XdpBatchTest, TheTrustedLaneGoesFirst) {
  for (uint8_t i = 0; i < 100; ++i) deliver(1, 1);
  for (uint8_t i = 0; i < 70; ++i) deliver(0, 0);
  ASSERT_EQ(batch_.receive(), 64U);
  for (size_t i = 0; i < 64; ++i) EXPECT_EQ(batch_.datagram(i)[0], 0);
  batch_.send();
  ASSERT_EQ(batch_.receive(), 64U);
  EXPECT_EQ(batch_.datagram(5)[0], 0);
  EXPECT_EQ(batch_.datagram(6)[0], 1);
}

TEST_F(XdpBatchTest, WrongChecksumsAreCountedAndDropped) {
  frame_.checksum = TestFrame::Checksum::wrong;
  deliver(1);
  frame_.checksum = TestFrame::Checksum::pseudo_header;
  deliver(2);
  EXPECT_EQ(batch_.receive(), 0U);
  EXPECT_EQ(queue_.control().bad_checksum.load(), 2U);
  EXPECT_TRUE(kernel_.every_frame_is_somewhere());
  batch_.attach(queue_, {.socket = -1, .trust = ChecksumTrust::pseudo_header_too});
  deliver(2);
  EXPECT_EQ(batch_.receive(), 1U);
}

TEST_F(XdpBatchTest, AnAnswerFitsTheMtuAndTheFrame) {
  deliver(1);
  batch_.receive();
  EXPECT_EQ(batch_.response_room(0).size(), 1500U - 28);
  queue_.control().mtu.store(9000);
  EXPECT_EQ(batch_.response_room(0).size(), xdp_frame_bytes - 256 - ipv4_udp_bytes);
}

TEST_F(XdpBatchTest, AFullTransmitRingCostsTheAnswerOnly) {
  size_t answered = 0;
  for (int i = 0; i < 40; ++i) {
    for (int k = 0; k < 64; ++k) deliver(3);
    answered += answer_all();
  }
  EXPECT_EQ(answered, 2560U);
  EXPECT_EQ(report_.buffer_full, 64U);
  EXPECT_EQ(queue_.control().transmit_full.load(), 512U);
  EXPECT_EQ(kernel_.transmit().size(), xdp_transmit_entries);
  EXPECT_TRUE(kernel_.every_frame_is_somewhere());
}

TEST_F(XdpBatchTest, SentFramesComeBackWithoutAnythingReceived) {
  for (int i = 0; i < 64; ++i) deliver(3);
  answer_all();
  kernel_.transmit();
  batch_.tend();
  EXPECT_EQ(kernel_.rings().fill.waiting(), xdp_frames);
}

TEST_F(XdpBatchTest, NoFrameIsLostInManyRounds) {
  std::mt19937 random(1);  // NOLINT: the same course each time
  for (int round = 0; round < 3000; ++round) {
    const size_t arriving = random() % 150;
    for (size_t i = 0; i < arriving; ++i) deliver(static_cast<uint8_t>(i), random() % 2);
    const size_t count = batch_.receive();
    for (size_t i = 0; i < count; ++i) {
      if (random() % 4 != 0) answer(i);
    }
    if (count > 0) batch_.send();
    kernel_.transmit(random() % 200);
  }
  EXPECT_TRUE(kernel_.every_frame_is_somewhere());
}

TEST_F(XdpBatchTest, ASuccessorThrowsAwayWhatWasInHandAndAnswersTheRest) {
  for (uint8_t i = 0; i < 70; ++i) deliver(i);
  ASSERT_EQ(batch_.receive(), 64U);
  answer(0);  // and dies
  XdpQueue successor(kernel_.memory(), kernel_.rings());
  successor.take_over();
  EXPECT_TRUE(kernel_.every_frame_is_somewhere());
  EXPECT_TRUE(kernel_.transmit().empty());
  batch_.attach(successor, {});
  ASSERT_EQ(batch_.receive(), 6U);
  EXPECT_EQ(batch_.datagram(0)[0], 64);
}

// A commit that ends after any of its stores is finished by the successor.
TEST_F(XdpBatchTest, ADeathWithinACommitLosesAndDoublesNothing) {
  for (int stores = 0; stores <= 5; ++stores) {
    for (uint8_t i = 0; i < 10; ++i) deliver(i);
    XdpPositions after = queue_.positions();
    for (int i = 0; i < 10; ++i) {
      const xdp_desc entry = kernel_.rings().receive[1].entry(after.received[1]++);
      kernel_.rings().transmit.entry(after.transmitted++) = entry;
    }
    queue_.set_in_hand(1, 10);
    XdpQueueControl& control = queue_.control();
    for (size_t lane = 0; lane < xdp_lanes; ++lane) control.received[lane] = after.received[lane];
    control.filled = after.filled;
    control.transmitted = after.transmitted;
    control.completed = after.completed;
    control.committing = true;
    const XdpRings& rings = kernel_.rings();
    if (stores > 0) rings.transmit.publish_produced(after.transmitted);
    if (stores > 1) rings.fill.publish_produced(after.filled);
    if (stores > 2) rings.completion.publish_consumed(after.completed);
    if (stores > 3) rings.receive[1].publish_consumed(after.received[1]);
    if (stores > 4) control.in_hand[1] = 0;
    XdpQueue successor(kernel_.memory(), kernel_.rings());
    successor.take_over();
    EXPECT_TRUE(kernel_.every_frame_is_somewhere()) << stores;
    EXPECT_EQ(kernel_.transmit().size(), 10U) << stores;
    batch_.tend();
  }
}

TEST_F(XdpBatchTest, OneProcessAtATimeHasTheRings) {
  EXPECT_TRUE(queue_.claim(10));
  EXPECT_FALSE(queue_.claim(11));
  queue_.release(11);
  EXPECT_FALSE(queue_.claim(11));
  queue_.release(10);
  EXPECT_TRUE(queue_.claim(11));
}

}  // namespace
}  // namespace holdfast::transport
