// SPDX-License-Identifier: GPL-3.0-or-later
#include "transport/xdp_frame.h"

#include <gtest/gtest.h>

#include "base/test_frame.h"

namespace holdfast::transport {
namespace {

constexpr ChecksumTrust strict = ChecksumTrust::full_only;
constexpr ChecksumTrust lenient = ChecksumTrust::pseudo_header_too;

TestFrame question(bool ipv6) {
  TestFrame frame;
  if (ipv6) {
    frame.from = "2001:db8::2";
    frame.to = "2001:db8::1";
  }
  for (uint8_t i = 0; i < 33; ++i) frame.payload.push_back(static_cast<uint8_t>(i * 7));
  return frame;
}

FrameFault fault_of(const TestFrame& frame, ChecksumTrust trust = strict) {
  UdpFrame result;
  return read_frame(frame.build(), trust, result);
}

TEST(XdpFrameTest, ReadsBothFamilies) {
  for (const bool ipv6 : {false, true}) {
    TestFrame sent = question(ipv6);
    sent.padding_bytes = 11;
    const std::vector<uint8_t> bytes = sent.build();
    UdpFrame frame;
    ASSERT_EQ(read_frame(bytes, strict, frame), FrameFault::none);
    EXPECT_EQ(frame.ipv6, ipv6);
    EXPECT_EQ(frame.payload_bytes, sent.payload.size()) << "without the padding";
    EXPECT_TRUE(
        std::equal(sent.payload.begin(), sent.payload.end(), bytes.begin() + frame.payload_at));
    EXPECT_EQ(frame.local_port, 53);
    EXPECT_EQ(frame.local_address_bytes().size(), ipv6 ? 16U : 4U);
    EXPECT_EQ(frame.local_address_bytes().back(), 1);
    EXPECT_EQ(frame.peer.sin6_family, ipv6 ? AF_INET6 : AF_INET);
    EXPECT_EQ(ntohs(frame.peer.sin6_port), 4242);
    const auto& four = reinterpret_cast<const sockaddr_in&>(frame.peer);
    EXPECT_EQ(ipv6 ? frame.peer.sin6_addr.s6_addr[15] : ntohl(four.sin_addr.s_addr) & 0xff, 2U);
  }
}

TEST(XdpFrameTest, ChecksumsAreVerified) {
  for (const bool ipv6 : {false, true}) {
    TestFrame frame = question(ipv6);
    frame.checksum = TestFrame::Checksum::wrong;
    EXPECT_EQ(fault_of(frame), FrameFault::udp_checksum);
    EXPECT_EQ(fault_of(frame, lenient), FrameFault::udp_checksum);
    frame.checksum = TestFrame::Checksum::zero;
    EXPECT_EQ(fault_of(frame), ipv6 ? FrameFault::udp_checksum : FrameFault::none);
    frame.checksum = TestFrame::Checksum::pseudo_header;
    EXPECT_EQ(fault_of(frame), FrameFault::udp_checksum);
    EXPECT_EQ(fault_of(frame, lenient), FrameFault::none);
    frame.checksum = TestFrame::Checksum::right;
    for (size_t size = 0; size < 40; ++size) {  // odd and even
      frame.payload.resize(size, 0xa5);
      EXPECT_EQ(fault_of(frame), FrameFault::none) << size;
    }
  }
  TestFrame frame = question(false);
  frame.wrong_ip_checksum = true;
  EXPECT_EQ(fault_of(frame), FrameFault::ip_checksum);
}

TEST(XdpFrameTest, WhatTheProgramWouldNotLetThroughIsAFault) {
  TestFrame frame = question(false);
  frame.fragment_word = 0x2000;
  EXPECT_EQ(fault_of(frame), FrameFault::form);
  frame = question(false);
  frame.option_bytes = 4;
  EXPECT_EQ(fault_of(frame), FrameFault::form);
  frame = question(false);
  frame.vlan_tags = {1};
  EXPECT_EQ(fault_of(frame), FrameFault::form);
  frame = question(false);
  frame.udp_length = 9;
  EXPECT_EQ(fault_of(frame), FrameFault::form);
  frame = question(true);
  frame.extension_header = 0;
  EXPECT_EQ(fault_of(frame), FrameFault::form);
}

TEST(XdpFrameTest, EveryTruncationIsAFault) {
  for (const bool ipv6 : {false, true}) {
    const std::vector<uint8_t> whole = question(ipv6).build();
    for (size_t size = 0; size < whole.size(); ++size) {
      UdpFrame result;
      EXPECT_EQ(read_frame(Bytes(whole).first(size), strict, result), FrameFault::form) << size;
    }
  }
}

TEST(XdpFrameTest, TheAnswerIsWhatTheOtherSideWouldHaveBuilt) {
  for (const bool ipv6 : {false, true}) {
    std::vector<size_t> sizes = {200, 1401};
    for (size_t size = 0; size <= 40; ++size) sizes.push_back(size);  // all ways in which it ends
    for (const size_t answer_bytes : sizes) {
      const TestFrame sent = question(ipv6);
      std::vector<uint8_t> room = sent.build();
      UdpFrame frame;
      ASSERT_EQ(read_frame(room, strict, frame), FrameFault::none);
      room.resize(1792);
      TestFrame expected;
      std::swap(expected.to_hardware, expected.from_hardware);
      expected.from = sent.to;
      expected.to = sent.from;
      expected.from_port = sent.to_port;
      expected.to_port = sent.from_port;
      expected.fragment_word = 0;
      for (size_t i = 0; i < answer_bytes; ++i) {
        expected.payload.push_back(static_cast<uint8_t>(0xff - i * 89));
      }
      std::copy(expected.payload.begin(), expected.payload.end(), room.begin() + frame.payload_at);
      const size_t size = write_answer_headers(room, frame, answer_bytes, 0x1234);
      room.resize(size);
      EXPECT_EQ(room, expected.build());
    }
  }
}

TEST(XdpFrameTest, QuestionsOfEverySizeHaveTheirChecksumVerified) {
  for (const bool ipv6 : {false, true}) {
    TestFrame sent = question(ipv6);
    for (size_t size = 0; size <= 40; ++size) {
      sent.payload.resize(size);
      if (size > 0) sent.payload.back() = static_cast<uint8_t>(0xff - size * 89);
      sent.checksum = TestFrame::Checksum::right;
      EXPECT_EQ(fault_of(sent), FrameFault::none) << size;
      sent.checksum = TestFrame::Checksum::wrong;
      EXPECT_EQ(fault_of(sent), FrameFault::udp_checksum) << size;
    }
  }
}

TEST(XdpFrameTest, AChecksumOfZeroIsSentAsItsComplement) {
  TestFrame sent = question(false);
  std::vector<uint8_t> room = sent.build();
  UdpFrame frame;
  ASSERT_EQ(read_frame(room, strict, frame), FrameFault::none);
  // The payload's last word makes the sum come out as 0xffff.
  std::vector<uint8_t> trial = room;
  trial[frame.payload_at] = trial[frame.payload_at + 1] = 0;
  write_answer_headers(trial, frame, 2, 1);
  const size_t checksum_at = frame.payload_at - 2U;
  const uint16_t without = load_be16(trial.data() + checksum_at);
  store_be16(room.data() + frame.payload_at, without);
  write_answer_headers(room, frame, 2, 1);
  EXPECT_EQ(load_be16(room.data() + checksum_at), 0xffff);
}

}  // namespace
}  // namespace holdfast::transport
