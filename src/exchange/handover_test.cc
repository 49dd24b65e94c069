// SPDX-License-Identifier: GPL-3.0-or-later
#include "exchange/handover.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

namespace holdfast::exchange {
namespace {

class HandoverTest : public testing::Test {
 protected:
  Result<HandoverPair> pair_ = HandoverPair::make();
  HandoverSender sender_{pair_->answer.get()};
  HandoverReceiver receiver_;
  HandoverHeader header_{
      .protocol = Protocol::tcp, .client = {}, .server = *parse_endpoint("192.0.2.1@5300", 53)};
};

TEST_F(HandoverTest, PassesBytesAndADescriptorThatWorks) {
  std::array<int, 2> pipe_ends{};
  ASSERT_EQ(pipe(pipe_ends.data()), 0);
  const UniqueFd read_end(pipe_ends[0]);
  const std::array<uint8_t, 3> bytes{1, 2, 3};
  ASSERT_TRUE(sender_.send(header_, bytes, pipe_ends[1]));
  close(pipe_ends[1]);
  auto received = receiver_.receive(pair_->control.get());
  ASSERT_TRUE(received.has_value() && received->has_value());
  EXPECT_EQ((*received)->bytes, (std::vector<uint8_t>{1, 2, 3}));
  EXPECT_EQ((*received)->header.server.to_text(), "192.0.2.1@5300");
  EXPECT_EQ((*received)->header.protocol, Protocol::tcp);
  ASSERT_EQ(write((*received)->descriptor.get(), "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(read_end.get(), &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
}

TEST_F(HandoverTest, ThereIsNothingToReceiveAtFirst) {
  const auto received = receiver_.receive(pair_->control.get());
  ASSERT_TRUE(received.has_value());
  EXPECT_FALSE(received->has_value());
}

TEST_F(HandoverTest, ALargestMessageFits) {
  const std::vector<uint8_t> bytes(2 + 65535, 7);
  ASSERT_TRUE(sender_.send(header_, bytes, 0));
  EXPECT_FALSE(sender_.send(header_, std::vector<uint8_t>(2 + 65536), 0));
  auto received = receiver_.receive(pair_->control.get());
  ASSERT_TRUE(received.has_value() && received->has_value());
  EXPECT_EQ((*received)->bytes, bytes);
}

TEST_F(HandoverTest, AFullQueueIsToldAndEmptiesAgain) {
  const std::vector<uint8_t> bytes(100);
  size_t sent = 0;
  while (sender_.send(header_, bytes, 0)) ASSERT_LT(++sent, 100'000u);
  EXPECT_GT(sent, 50u);
  for (size_t i = 0; i < sent; ++i) {
    const auto received = receiver_.receive(pair_->control.get());
    ASSERT_TRUE(received.has_value() && received->has_value()) << i;
  }
  EXPECT_TRUE(sender_.send(header_, bytes, 0));
}

TEST_F(HandoverTest, WithoutTheOtherEndNothingIsPassedOn) {
  pair_->control.reset();
  EXPECT_FALSE(sender_.send(header_, {}, 0));
  EXPECT_FALSE(HandoverSender(-1).send(header_, {}, 0));
}

}  // namespace
}  // namespace holdfast::exchange
