// SPDX-License-Identifier: GPL-3.0-or-later
#include "server/pass_on.h"

#include <gtest/gtest.h>

#include <array>

#include "wire/test_packet.h"

namespace holdfast::server {
namespace {

using wire::TestPacket;

bool is_for_control(const TestPacket& packet) {
  wire::Query query;
  EXPECT_EQ(wire::parse_query(packet.bytes(), query), wire::QueryError::none);
  return PassOn::is_for_control(query);
}
TestPacket ask(unsigned opcode, uint16_t qtype, uint16_t qclass = wire::class_in) {
  TestPacket packet(7, static_cast<uint16_t>(opcode << 11), {1, 0, 0, 0});
  packet.question("example.test", qtype, qclass);
  return packet;
}

TEST(PassOn, TakesTransfersNotifyAndUpdate) {
  EXPECT_TRUE(is_for_control(ask(wire::opcode_query, wire::type_axfr)));
  EXPECT_TRUE(is_for_control(ask(wire::opcode_query, wire::type_ixfr)));
  EXPECT_TRUE(is_for_control(ask(wire::opcode_notify, wire::type_soa)));
  EXPECT_TRUE(is_for_control(ask(wire::opcode_update, wire::type_soa)));
  EXPECT_FALSE(is_for_control(ask(wire::opcode_query, wire::type_soa)));
  EXPECT_FALSE(is_for_control(ask(wire::opcode_query, wire::type_axfr, wire::class_ch)));
  EXPECT_FALSE(is_for_control(ask(wire::opcode_status, wire::type_soa)));
  EXPECT_FALSE(is_for_control(TestPacket(7, 15 << 11, {0, 0, 0, 0})));
}

TEST(PassOn, TakesWhatIsSigned) {
  TestPacket packet(7, 0, {1, 0, 0, 1});
  packet.question("example.test", wire::type_a);
  packet.name("key").u16(wire::type_tsig).u16(wire::class_any).u32(0).u16(0);
  EXPECT_TRUE(is_for_control(packet));
}

class PassOnDatagram : public testing::Test {
 protected:
  PassOnDatagram() {
    const std::array sockets{
        PassOn::ReplySocket{.endpoint = *parse_endpoint("192.0.2.1", 53), .udp = 0},
        PassOn::ReplySocket{.endpoint = *parse_endpoint("::", 53), .udp = 1}};
    pass_on_.emplace(pair_->answer.get(), sockets);
  }
  bool pass(const char* server, uint64_t now_ns = 5'000'000'000) {
    return pass_on_->pass_datagram(packet_, {}, *parse_endpoint(server, 53), now_ns);
  }
  Result<exchange::HandoverPair> pair_ = exchange::HandoverPair::make();
  std::array<uint8_t, 12> packet_{};
  std::optional<PassOn> pass_on_;
};

TEST_F(PassOnDatagram, GoesWithTheSocketThatWasAsked) {
  EXPECT_TRUE(pass("192.0.2.1@53"));
  EXPECT_TRUE(pass("2001:db8::1@53"));
  EXPECT_FALSE(pass("192.0.2.2@53"));
  EXPECT_FALSE(pass("192.0.2.1@54"));
  exchange::HandoverReceiver receiver;
  for (const char* server : {"192.0.2.1@53", "2001:db8::1@53"}) {
    const auto received = receiver.receive(pair_->control.get());
    ASSERT_TRUE(received.has_value() && received->has_value());
    EXPECT_EQ((*received)->header.server.to_text(), server);
    EXPECT_EQ((*received)->bytes.size(), packet_.size());
    EXPECT_TRUE((*received)->descriptor.valid());
  }
}

TEST_F(PassOnDatagram, IsBoundedBySecond) {
  exchange::HandoverReceiver receiver;
  for (uint32_t i = 0; i < passed_on_a_second_max; ++i) {
    ASSERT_TRUE(pass("192.0.2.1@53")) << i;
    ASSERT_TRUE(receiver.receive(pair_->control.get()).has_value());
  }
  EXPECT_FALSE(pass("192.0.2.1@53"));
  EXPECT_TRUE(pass("192.0.2.1@53", 6'000'000'000));
}

}  // namespace
}  // namespace holdfast::server
