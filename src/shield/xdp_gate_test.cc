// SPDX-License-Identifier: GPL-3.0-or-later
#include "shield/xdp_gate.h"

#include "shield/test_gate.h"

namespace holdfast::shield {
namespace {

using XdpGateTest = GateTest;

TEST_F(XdpGateTest, PlainQuestionsAreTaken) {
  EXPECT_EQ(run(), taken);
  frame_.fragment_word = 0;  // without DF
  EXPECT_EQ(run(), taken);
  frame_.padding_bytes = 9;
  EXPECT_EQ(run(), taken);
  use_ipv6();
  EXPECT_EQ(run(), taken);
}

TEST_F(XdpGateTest, WhoeverIsNotAskedIsLeftToTheKernel) {
  frame_.to_port = 54;
  EXPECT_EQ(run(), passed(xdp_passed_destination));
  frame_.to_port = 53;
  frame_.to = "192.0.2.3";
  EXPECT_EQ(run(), passed(xdp_passed_destination));
  use_ipv6();
  frame_.to = "2001:db8::3";
  EXPECT_EQ(run(), passed(xdp_passed_destination));
}

TEST_F(XdpGateTest, FramesForOtherMachinesAreLeftToTheKernel) {
  frame_.to_hardware[5] = 9;
  EXPECT_EQ(run(), passed(xdp_passed_destination));
  frame_.to_hardware.fill(0xff);
  EXPECT_EQ(run(), passed(xdp_passed_destination));
  frame_.to_hardware = our_hardware;
  frame_.from_hardware[0] |= 1;
  EXPECT_EQ(run(), passed(xdp_passed_destination));
}

TEST_F(XdpGateTest, FragmentsOptionsAndExtensionsAreLeftToTheKernel) {
  frame_.fragment_word = 0x2000;  // MF: the first fragment
  EXPECT_EQ(run(), passed(xdp_passed_fragment));
  frame_.fragment_word = 0x00b9;  // a later one
  EXPECT_EQ(run(), passed(xdp_passed_fragment));
  frame_.fragment_word = 0x8000;  // the bit that must be zero
  EXPECT_EQ(run(), passed(xdp_passed_fragment));
  frame_.fragment_word = 0;
  frame_.option_bytes = 4;
  EXPECT_EQ(run(), passed(xdp_passed_options));
  use_ipv6();
  for (const uint8_t header : std::initializer_list<uint8_t>{0, 43, 60, 51}) {
    frame_.extension_header = header;
    EXPECT_EQ(run(), passed(xdp_passed_options)) << int{header};
  }
  frame_.extension_header = 44;
  EXPECT_EQ(run(), passed(xdp_passed_fragment));
}

TEST_F(XdpGateTest, OtherProtocolsAreLeftToTheKernel) {
  frame_.protocol = 1;
  EXPECT_EQ(run(), passed(xdp_passed_protocol));
  use_ipv6();
  EXPECT_EQ(run(), passed(xdp_passed_protocol));
  frame_ = {};
  frame_.payload = question;
  frame_.vlan_tags = {7};
  EXPECT_EQ(run(), passed(xdp_passed_protocol));
  frame_.vlan_tags = {7, 8};
  EXPECT_EQ(run(), passed(xdp_passed_protocol));
}

TEST_F(XdpGateTest, LengthsThatContradictAreLeftToTheKernel) {
  const auto right = static_cast<uint16_t>(28 + question.size());
  frame_.ip_length = right + 1;  // beyond the frame
  EXPECT_EQ(run(), passed(xdp_passed_length));
  frame_.ip_length = 19;
  EXPECT_EQ(run(), passed(xdp_passed_length));
  frame_.ip_length.reset();
  use_ipv6();
  frame_.ip_length = 8 + question.size() + 1;
  EXPECT_EQ(run(), passed(xdp_passed_length));
}

TEST_F(XdpGateTest, BytesBehindTheDatagramAreLeftToTheKernel) {
  for (const bool ipv6 : {false, true}) {
    if (ipv6) use_ipv6();
    frame_.udp_length = 8 + question.size() - 1;
    EXPECT_EQ(run(), passed(xdp_passed_surplus));
    frame_.udp_length = 8 + 12;
    EXPECT_EQ(run(), passed(xdp_passed_surplus));
    frame_.udp_length.reset();
  }
}

TEST_F(XdpGateTest, DatagramsLongerThanTheirPacketAreDropped) {
  frame_.ip_length = static_cast<uint16_t>(28 + question.size() - 1);
  EXPECT_EQ(run(), dropped(xdp_dropped_short));
  frame_.ip_length.reset();
  use_ipv6();
  frame_.udp_length = 1400;
  EXPECT_EQ(run(), dropped(xdp_dropped_short));
}

TEST_F(XdpGateTest, TruncatedFramesAreNeverTaken) {
  for (const bool ipv6 : {false, true}) {
    if (ipv6) use_ipv6();
    const std::vector<uint8_t> whole = frame_.build();
    for (size_t size = 14; size < whole.size(); ++size) {  // the kernel refuses less than 14
      std::vector<uint8_t> cut = whole;
      cut.resize(size);
      EXPECT_EQ(run_bytes(cut).action, uint32_t{XDP_PASS}) << size;
    }
  }
}

TEST_F(XdpGateTest, AMessageWithoutAWholeHeaderIsDropped) {
  for (const uint16_t udp_length : std::to_array<uint16_t>({0, 7, 8, 19})) {
    frame_.udp_length = udp_length;
    EXPECT_EQ(run(), dropped(xdp_dropped_short)) << udp_length;
  }
  frame_.udp_length.reset();
  frame_.payload.resize(11);
  EXPECT_EQ(run(), dropped(xdp_dropped_short));
  frame_.payload.resize(12);
  EXPECT_EQ(run(), taken);
}

TEST_F(XdpGateTest, OpcodesOtherThanQueryAreLeftToTheKernel) {
  for (uint8_t opcode = 1; opcode < 16; ++opcode) {
    frame_.payload[2] = static_cast<uint8_t>(opcode << 3);
    EXPECT_EQ(run(), passed(xdp_passed_opcode)) << int{opcode};
  }
}

TEST_F(XdpGateTest, ResponsesAreDropped) {
  frame_.payload[2] |= 0x80;
  EXPECT_EQ(run(), dropped(xdp_dropped_response));
  use_ipv6();
  EXPECT_EQ(run(), dropped(xdp_dropped_response));
  frame_.to_port = 54;  // somebody else's
  EXPECT_EQ(run(), passed(xdp_passed_destination));
}

TEST_F(XdpGateTest, SourcePortZeroIsDropped) {
  frame_.from_port = 0;
  EXPECT_EQ(run(), dropped(xdp_dropped_source_port));
}

TEST_F(XdpGateTest, ImpossibleSourcesAreDropped) {
  for (const char* from : {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "239.1.1.1",
                           "255.255.255.255", "192.0.2.1"}) {
    frame_.from = from;
    EXPECT_EQ(run(), dropped(xdp_dropped_source)) << from;
  }
  for (const char* from : {"1.0.0.1", "128.0.0.1", "223.255.255.255", "240.0.0.1"}) {
    frame_.from = from;
    EXPECT_EQ(run(), taken) << from;
  }
  use_ipv6();
  for (const char* from : {"::", "::1", "ff02::1", "2001:db8::1", "::ffff:127.0.0.1"}) {
    frame_.from = from;
    EXPECT_EQ(run(), dropped(xdp_dropped_source)) << from;
  }
  for (const char* from : {"2001:db8::2", "::2", "fe80::1"}) {
    frame_.from = from;
    EXPECT_EQ(run(), taken) << from;
  }
}

TEST_F(XdpGateTest, AClosedQueueIsLeftToTheKernel) {
  gate_->set_door(0, xdp_door_closed);
  EXPECT_EQ(run(), passed(xdp_passed_closed));
  gate_->set_door(0, xdp_door_open);
  EXPECT_EQ(run(), taken);
}

TEST_F(XdpGateTest, WithoutSocketsItLeavesAllToTheKernel) {
  gate_->set_door(0, xdp_door_kernel);
  EXPECT_EQ(run(), passed(xdp_passed_shielded));
  frame_.payload[2] |= 0x80;
  EXPECT_EQ(run(), dropped(xdp_dropped_response));
}

TEST_F(XdpGateTest, LanesHaveSocketsOfTheirOwn) {
  gate_->set_lane(xdp_lane_trusted);
  EXPECT_EQ(run(), passed(xdp_passed_no_socket));
  put_socket(xdp_lane_trusted);
  EXPECT_EQ(run(), taken_as(xdp_taken_trusted));
  gate_->set_lane(xdp_lane_others);
  EXPECT_EQ(run(), taken);
}

TEST_F(XdpGateTest, ASocketThatIsGoneLeavesItsPacketsToTheKernel) {
  sockets_.clear();
  EXPECT_EQ(run(), passed(xdp_passed_no_socket));
}

TEST_F(XdpGateTest, DestinationsAreReplacedAtOnce) {
  const std::array other{endpoint("192.0.2.7@5300")};
  ASSERT_EQ(gate_->set_destinations(other), 0U);
  EXPECT_EQ(run(), passed(xdp_passed_destination));
  frame_.to = "192.0.2.7";
  frame_.to_port = 5300;
  EXPECT_EQ(run(), taken);
}

TEST_F(XdpGateTest, ManyDestinationsFindTheirPlaces) {
  std::vector<Endpoint> many;
  for (int i = 0; i < 64; ++i) {
    many.push_back(endpoint(("198.51.100." + std::to_string(i)).c_str()));
  }
  const size_t left_out = gate_->set_destinations(many);
  size_t found = 0;
  for (int i = 0; i < 64; ++i) {
    frame_.to = "198.51.100." + std::to_string(i);
    if (run() == taken) ++found;
  }
  EXPECT_EQ(found + left_out, many.size());
  EXPECT_LE(left_out, 2U);
}

TEST_F(XdpGateTest, TooManyDestinationsAreReported) {
  std::vector<Endpoint> many(XDP_GATE_DESTINATIONS_MAX + 1, endpoint("198.51.100.1@53"));
  EXPECT_EQ(gate_->set_destinations(many), many.size() - XDP_GATE_PROBES);
}

}  // namespace
}  // namespace holdfast::shield
