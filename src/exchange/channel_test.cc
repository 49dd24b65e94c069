// SPDX-License-Identifier: GPL-3.0-or-later
#include "exchange/channel.h"

#include <gtest/gtest.h>

namespace holdfast::exchange {
namespace {

TEST(Channel, CarriesAllFields) {
  auto pair = Channel::make_pair();
  ASSERT_TRUE(pair.has_value());
  Message message{.kind = MessageKind::prepare, .text = "one\ntwo", .workers = 3, .listen = {}};
  message.connections_max = 100'000;
  message.listen.push_back(*parse_endpoint("192.0.2.1@53", 53));
  message.listen.push_back(*parse_endpoint("2001:db8::1@5353", 53));
  ASSERT_TRUE(pair->control.send(message).has_value());
  const auto received = pair->supervisor.receive();
  ASSERT_TRUE(received.has_value() && received->has_value());
  EXPECT_EQ((*received)->kind, MessageKind::prepare);
  EXPECT_EQ((*received)->workers, 3u);
  EXPECT_EQ((*received)->connections_max, 100'000u);
  EXPECT_EQ((*received)->listen, message.listen);
  EXPECT_EQ((*received)->text, "one two");
}

TEST(Channel, SaysWhenNothingWaitsAndWhenThePeerHasGone) {
  auto pair = Channel::make_pair();
  ASSERT_TRUE(pair.has_value());
  const auto nothing = pair->control.receive();
  ASSERT_TRUE(nothing.has_value());
  EXPECT_FALSE(nothing->has_value());
  {
    const Channel closed = std::move(pair->supervisor);
  }
  EXPECT_FALSE(pair->control.receive().has_value());
  EXPECT_FALSE(pair->control.send({.kind = MessageKind::abort, .text = {}, .listen = {}}));
}

TEST(Channel, ALongTextIsCutToTheBound) {
  Message message{.kind = MessageKind::failed, .text = std::string(20'000, 'x'), .listen = {}};
  EXPECT_LE(encode_message(message).size(), channel_message_bytes_max);
  EXPECT_TRUE(decode_message(encode_message(message)).has_value());
}

TEST(Channel, RefusesWhatIsNoMessage) {
  EXPECT_FALSE(decode_message("").has_value());
  EXPECT_FALSE(decode_message("nonsense\n").has_value());
  EXPECT_FALSE(decode_message("prepare\nworkers=two\n").has_value());
  EXPECT_FALSE(decode_message("prepare\nconnections=-1\n").has_value());
  EXPECT_FALSE(decode_message("prepare\nlisten=nowhere\n").has_value());
  EXPECT_FALSE(decode_message("status\ncolour=red\n").has_value());
}

}  // namespace
}  // namespace holdfast::exchange
